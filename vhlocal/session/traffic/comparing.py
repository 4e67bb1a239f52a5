"""At a save: asks old and new code what is pinned or was asked last, while both live, and reports what differs."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING
from uuid import uuid4

from vhlocal.comparison.differences import differences, noise, told
from vhlocal.contract.headers import Hop, ingress_headers, to_send
from vhlocal.events import Compared
from vhlocal.exchanges import digest_of, text_of
from vhlocal.recorder.store import BodyTap
from vhlocal.session.replaying import led_to
from vhlocal.session.tasks import in_thread
from vhlocal.smoke.run import send
from vhlocal.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from vhlocal.comparison.differences import Location
    from vhlocal.events import Bus
    from vhlocal.exchanges import Answer, Request
    from vhlocal.model import ServedAt
    from vhlocal.recorder.store import Store, Taken
    from vhlocal.runtime.base import Address

#: What may be sent again without asking anybody (RFC 9110, section 9.2.1).
_SAFE = frozenset({"GET", "HEAD"})

#: So many of the last requests that differ are asked, of so many that are looked at.
_ASKED, _LOOKED_AT = 5, 100

#: Seconds for one answer, and for all of them: the old server waits for its end.
_ONE, _ALL = 5.0, 10.0

#: How often the old code is asked again where the new one answers otherwise: chance repeats itself now and then.
_AGAIN = 2


@dataclass(frozen=True)
class Comparing:
    """What is pinned is asked; where nothing of an endpoint is, and it is ``chosen``, what it was asked last.

    ``chosen`` says of which endpoints, and which of their requests: ``safe`` ones, or ``all``. ``host`` is what clients
    name. Who pins a POST, or chooses ``all``, says that it changes nothing.
    """

    store: Store
    chosen: Callable[[], Mapping[str, str]]
    host: str
    bus: Bus

    async def __call__(self, at: ServedAt, old: Address, new: Address) -> None:
        """Ask both, if it was asked for, and report in one line."""
        taken = [each for each in self.store.pins.all() if each.record.endpoint == at.endpoint]
        mode = self.chosen().get(at.endpoint)
        if not taken and mode is not None:
            taken = _picked(self.store, at, mode)
        if taken:
            # What went to another version is asked under this one's path.
            asked = [
                led_to(each.exchange(), at.version if each.record.version != at.version else None) for each in taken
            ]
            self.bus.publish(await in_thread(self._compared, at, asked, old, new))

    def _compared(self, at: ServedAt, asked: Sequence[tuple[str, Request]], old: Address, new: Address) -> Compared:
        until = time.monotonic() + _ALL
        same, found, unanswered = 0, list[str](), 0
        for prefix, request in asked:
            before, after = (self._ask(request, prefix, address, until) for address in (old, new))
            differs = differences(before, after)
            quiet: frozenset[Location] = frozenset()
            whole = not before.broke_off
            for _ in range(_AGAIN):
                if not differs or not whole:
                    break
                # What differs between two answers of the same code says nothing of the new. The old code is asked after
                # the new, so that a clock that has gone on between the two has gone on for both.
                again = self._ask(request, prefix, old, until)
                whole = not again.broke_off
                quiet |= noise(before, again)
                differs = differences(before, after, noise=quiet)
            if not whole or (after.broke_off and time.monotonic() > until):
                unanswered += 1
            elif differs:
                found.append(told(f"{request.method} {request.target.removeprefix(prefix) or '/'}", differs))
            else:
                same += 1
        return Compared(at, same, tuple(found), unanswered)

    def _ask(self, request: Request, prefix: str, address: Address, until: float) -> Answer:
        port = self.host.rpartition(":")[2]
        hop = Hop("127.0.0.1", "http", int(port) if port.isdecimal() else 80, uuid4().hex)
        ingress = ingress_headers(hop, self.host.encode(), prefix)
        headers = (
            ("Host", self.host),
            *((name, text_of(value)) for name, value in to_send(request.headers)),
            *((name.decode(), value.decode()) for name, value in ingress),
        )
        seconds = min(_ONE, until - time.monotonic())
        sent = replace(request, headers=headers)
        return send(f"http://{address.host}:{address.port}{prefix}", sent, seconds, follow=False, taking=BodyTap)


def _picked(store: Store, at: ServedAt, mode: str) -> list[Taken]:
    """Return the last requests of an endpoint that may be sent again, each once, the oldest first."""
    found: dict[tuple[str, str, str], Taken] = {}
    for taken in reversed(store.last(_LOOKED_AT, at.endpoint)):
        record = taken.record
        if record.version != at.version or (mode == "safe" and record.method not in _SAFE):
            continue
        if taken.request_body.content is None or not record.whole:
            continue
        found.setdefault((record.method, record.target, digest_of(taken.request_body)), taken)
        if len(found) == _ASKED:
            break
    return [*reversed(found.values())]

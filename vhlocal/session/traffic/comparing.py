"""At a save: asks old and new code what was asked last, while both live, and tells what is answered otherwise."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from uuid import uuid4

from vhlocal.comparison.differences import differences, noise
from vhlocal.contract.headers import Hop, ingress_headers
from vhlocal.events import Compared, Notice
from vhlocal.exchanges import digest_of
from vhlocal.recorder.showing import to_send
from vhlocal.session.tasks import in_thread, within
from vhlocal.smoke.run import send
from vhlocal.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from vhlocal.comparison.differences import Difference
    from vhlocal.events import Bus
    from vhlocal.exchanges import Answer, Exchange
    from vhlocal.model import ServedAt
    from vhlocal.recorder.store import Store
    from vhlocal.runtime.base import Address

#: What may be sent again without asking anybody (RFC 9110, section 9.2.1).
_SAFE = frozenset({"GET", "HEAD"})

#: So many of the last requests that differ are asked, of so many that are looked at.
_ASKED, _LOOKED_AT = 5, 100

#: Seconds for one answer, and for all of them: the old server waits for its end.
_ONE, _ALL = 5.0, 10.0


@dataclass(frozen=True)
class Comparing:
    """``chosen`` says of which endpoints, and which requests of them: ``safe`` ones, or ``all``.

    ``host`` is what clients name. An endpoint's state is its own: who chooses ``all`` says that its POSTs are pure.
    """

    store: Store
    chosen: Callable[[], Mapping[str, str]]
    host: str
    bus: Bus

    async def __call__(self, at: ServedAt, old: Address, new: Address) -> None:
        """Ask both, if it was asked for, and tell in one line; a server that does not answer is no matter of this."""
        mode = self.chosen().get(at.endpoint)
        asked = () if mode is None else _picked(self.store, at, mode)
        if not asked:
            return
        told: list[Compared] = []
        await within(in_thread(lambda: told.append(self._compared(at, asked, old, new))), _ALL)
        if told:
            self.bus.publish(told[0])
        else:
            text = f"old and new code were not compared: they did not answer within {_ALL:.0f} s"
            self.bus.publish(Notice(text, endpoint=at.name))

    def _compared(self, at: ServedAt, asked: Iterable[Exchange], old: Address, new: Address) -> Compared:
        same, found = 0, list[str]()
        for exchange in asked:
            before = self._ask(exchange, old)
            # What differs between two answers of the same code says nothing of the new.
            quiet = noise(before, self._ask(exchange, old))
            differs = differences(before, self._ask(exchange, new), noise=quiet)
            if differs:
                found.append(_told(exchange, differs))
            else:
                same += 1
        return Compared(at, same, tuple(found))

    def _ask(self, exchange: Exchange, address: Address) -> Answer:
        port = self.host.rpartition(":")[2]
        hop = Hop("127.0.0.1", "http", int(port) if port.isdecimal() else 80, uuid4().hex)
        ingress = ingress_headers(hop, self.host.encode(), exchange.prefix)
        headers = (
            ("Host", self.host),
            *to_send(exchange.request.headers),
            *((name.decode(), value.decode()) for name, value in ingress),
        )
        request = replace(exchange.request, headers=headers)
        return send(f"http://{address.host}:{address.port}{exchange.prefix}", request, _ONE, follow=False)


def _picked(store: Store, at: ServedAt, mode: str) -> tuple[Exchange, ...]:
    """Return the last requests of an endpoint that may be sent again, each once, the oldest first."""
    found: dict[tuple[str, str, str], Exchange] = {}
    for taken in reversed(store.last(_LOOKED_AT, at.endpoint)):
        record = taken.record
        if record.version != at.version or (mode == "safe" and record.method not in _SAFE):
            continue
        exchange = taken.exchange()
        if exchange.request.body.content is None or exchange.answer.broke_off:
            continue
        found.setdefault((record.method, record.target, digest_of(exchange.request.body)), exchange)
        if len(found) == _ASKED:
            break
    return tuple(reversed(found.values()))


def _told(exchange: Exchange, found: tuple[Difference, ...]) -> str:
    more = f" and {len(found) - 1} more" if len(found) > 1 else ""
    return f"{exchange.request.method} {exchange.request.target.removeprefix(exchange.prefix) or '/'}: {found[0]}{more}"

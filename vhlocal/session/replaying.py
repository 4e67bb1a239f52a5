"""Sends recorded requests again, to the same or another version, and says what is answered otherwise."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from vhlocal.comparison.differences import differences
from vhlocal.comparison.rules import DEFAULT
from vhlocal.contract.headers import REPLAYED, to_send
from vhlocal.contract.paths import split_target
from vhlocal.errors import VhlocalError
from vhlocal.exchanges import Request, header, text_of
from vhlocal.recorder.store import BodyTap
from vhlocal.smoke.run import SECONDS, send

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vhlocal.comparison.differences import Difference
    from vhlocal.comparison.rules import Rules
    from vhlocal.exchanges import Answer, Exchange

#: The header by which a request is not recorded.
MARK = (REPLAYED[0].decode(), REPLAYED[1].decode())

#: What of a path's segments stays as it is.
_AS_IT_IS = "!$&'()*+,:;=@"

#: Which segment of a path names the version or alias, counted as ``split`` does.
_VERSION = 4


#: What every answer of an endpoint's server bears, and none of vhlocal's own; and how vhlocal answers for a server that
#: was asked and gave no answer.
_OF_A_SERVER = "x-vhlocal-revision"
_OF_A_BROKEN_SERVER = (502, 504)


class Replayed(NamedTuple):
    """What came of one request that was sent again; ``exchange`` is what was recorded, ``seconds`` until the end."""

    exchange: Exchange
    request: Request
    answer: Answer
    seconds: float
    differences: Sequence[Difference]

    def now(self) -> Exchange:
        """Return it as it would be recorded: what was sent, and what was answered to that."""
        return replace(self.exchange, request=self.request, answer=self.answer, seconds=self.seconds)


def replay(exchange: Exchange, url: str, name: str | None, rules: Rules = DEFAULT) -> Replayed:
    """Send a request's same bytes again, under the version or alias ``name``, or where it went.

    ``url`` is the gateway's. VhlocalError where its body was not kept, and where no server of an endpoint has answered:
    what vhlocal says in its place is no answer to compare with.
    """
    if exchange.request.body.content is None:
        raise VhlocalError(
            f"request {exchange.id} cannot be sent again: its body was not kept, {exchange.request.body.why}",
            hint="send it from its original file",
        )
    within, request = led_to(exchange, name)
    fields = ((header, text_of(value)) for header, value in to_send(request.headers))
    request = replace(request, headers=(*fields, MARK))
    began = time.monotonic()
    answer = send(url.rstrip("/") + within, request, SECONDS, follow=False, taking=BodyTap)
    seconds = time.monotonic() - began
    failure = not_a_servers(f"request {exchange.id}", answer)
    if failure is not None and answer.status not in _OF_A_BROKEN_SERVER:
        raise failure
    return Replayed(exchange, request, answer, seconds, differences(exchange.answer, answer, rules))


def led_to(exchange: Exchange, name: str | None) -> tuple[str, Request]:
    """Return a request as it is sent to the version or alias ``name``, or where it went, and the path of its endpoint.

    VhlocalError where it went to no endpoint.
    """
    path, mark, query = exchange.request.target.partition("?")
    split = split_target(path.encode("latin-1", "replace"))
    if split is None:
        raise VhlocalError(f"request {exchange.id} went to no endpoint: {path}")
    prefix, rest = split
    segments = prefix.split("/")
    if name is not None:
        segments[_VERSION] = name
    within = "/".join(quote(segment, safe=_AS_IT_IS) for segment in segments)
    target = f"{within}{rest.decode('latin-1')}{mark}{query}"
    return within, replace(exchange.request, target=target, says_length=_said_length(exchange.request))


def _said_length(request: Request) -> bool | None:
    """Tell whether a recorded request gave the length of its body; None where the file that has it may lack headers."""
    if header(request.headers, "host") is None:
        return None
    return any(name.lower() in ("content-length", "transfer-encoding") for name, _ in request.headers)


def not_a_servers(what: str, answer: Answer) -> VhlocalError | None:
    """Return why no server of an endpoint has answered ``what``; None where one has.

    That is what vhlocal has said in its place, as far as it was asked for JSON.
    """
    if header(answer.headers, _OF_A_SERVER) is not None:
        return None
    if not answer.status:
        return VhlocalError(f"{what} got no answer: {answer.broke_off}", hint="see its state: vhlocal ps")
    what = f"{what} was answered {answer.status} by vhlocal, not by the endpoint"
    try:
        said = json.loads(answer.body.content or b"")
        why = f": {said['why']}" if said.get("why") else ""
        return VhlocalError(f"{what}: {said['error']}{why}", hint=str(said.get("hint") or "see its state: vhlocal ps"))
    except (ValueError, RecursionError, LookupError, TypeError, AttributeError):
        return VhlocalError(what, hint="see what is served: vhlocal ps")

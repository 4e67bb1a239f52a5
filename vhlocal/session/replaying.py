"""Sends recorded requests again, to the same or another version, and says what is answered otherwise."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from vhlocal.comparison.differences import differences
from vhlocal.comparison.rules import DEFAULT
from vhlocal.contract.headers import REPLAYED
from vhlocal.contract.paths import split_target
from vhlocal.errors import VhlocalError
from vhlocal.recorder.showing import to_send
from vhlocal.smoke.run import SECONDS, send

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vhlocal.comparison.differences import Difference
    from vhlocal.comparison.rules import Rules
    from vhlocal.exchanges import Answer, Exchange

_REPLAYED = (REPLAYED[0].decode(), REPLAYED[1].decode())

#: What of a path's segments stays as it is.
_AS_IT_IS = "!$&'()*+,:;=@"

#: Which segment of a path names the version or alias, counted as ``split`` does.
_VERSION = 4


class Replayed(NamedTuple):
    """What came of one request that was sent again."""

    exchange: Exchange
    answer: Answer
    differences: Sequence[Difference]


def replay(exchange: Exchange, url: str, name: str | None, rules: Rules = DEFAULT) -> Replayed:
    """Send a request's same bytes again, under the version or alias ``name``, or where it went.

    ``url`` is the gateway's. VhlocalError where its body was not kept, or it has no answer to compare with.
    """
    if exchange.request.body.content is None:
        raise VhlocalError(
            f"request {exchange.id} cannot be sent again: its body was not kept, {exchange.request.body.why}",
            hint="send it from the file that it came from",
        )
    path, mark, query = exchange.request.target.partition("?")
    split = split_target(path.encode("latin-1", "replace"))
    if split is None:
        raise VhlocalError(f"request {exchange.id} went to no endpoint: {path}")
    prefix, rest = split
    segments = prefix.split("/")
    if name is not None:
        segments[_VERSION] = name
    within = "/".join(quote(segment, safe=_AS_IT_IS) for segment in segments)
    request = replace(
        exchange.request,
        target=f"{within}{rest.decode('latin-1')}{mark}{query}",
        headers=(*((header, _as_sent(value)) for header, value in to_send(exchange.request.headers)), _REPLAYED),
    )
    answer = send(url.rstrip("/") + within, request, SECONDS, follow=False)
    return Replayed(exchange, answer, differences(exchange.answer, answer, rules))


def _as_sent(value: str) -> str:
    """Return a header's value so that it is the same bytes in UTF-8, as far as there is such a text."""
    try:
        return value.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return value

"""A recorded request as others may see it: without what somebody is known by."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from vhlocal.errors import InputError
from vhlocal.masked import MASK, masked_header, masked_target

if TYPE_CHECKING:
    from vhlocal.exchanges import Exchange, Header, Request

_ANY_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f]")


def fit_to_show(exchange: Exchange) -> Exchange:
    """Return an exchange without passwords, tokens and cookies, as it is shown and written; bodies are as they were."""
    request, answer = exchange.request, exchange.answer
    return replace(
        exchange,
        request=replace(request, target=masked_target(request.target), headers=_masked(request.headers)),
        answer=replace(answer, headers=_masked(answer.headers)),
    )


def unmasked(edited: Request, original: Request) -> Request:
    """Return an edited request in which what is masked as it is shown of the original is as it was there.

    InputError for what is masked otherwise: it would be sent as a wrong password.
    """
    known = {(name.lower(), masked_header(name, value)): value for name, value in original.headers}
    headers = tuple((name, known.get((name.lower(), value), value)) for name, value in edited.headers)
    path, mark, query = edited.target.partition("?")
    shown, hidden = (
        target.partition("?")[2].split("&") for target in (masked_target(original.target), original.target)
    )
    parameters = dict(zip(shown, hidden, strict=True))
    target = path + mark + "&".join(parameters.get(pair, pair) for pair in query.split("&"))
    for name, value in (*headers, ("the URL", target)):
        if MASK in value:
            raise InputError(f"a part of {name} is masked", hint="leave it as shown, or write all of it")
    return replace(edited, target=target, headers=headers)


def plain_text(content: bytes) -> str | None:
    """Return a body as a text that can be copied from a terminal, None where it is none."""
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return None if _ANY_CONTROL.search(text) else text


def _masked(headers: tuple[Header, ...]) -> tuple[Header, ...]:
    return tuple((name, masked_header(name, value)) for name, value in headers)

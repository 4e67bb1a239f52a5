"""Which request ``vhlocal load`` sends: a recorded one, or one of a file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from vhlocal.errors import InputError
from vhlocal.exchanges import Request

if TYPE_CHECKING:
    from vhlocal.api.client import Client
    from vhlocal.exchanges import Exchange, Header
    from vhlocal.smoke.results import Target

#: How many of the last recordings are looked through for one that went well.
_LAST = 200


def chosen(client: Client, target: Target, what: str | None, directory: Path) -> Request:
    """Return the request that is asked for, as it is sent to a target; its headers are Latin-1, a letter for each byte.

    ``directory`` is the project's. InputError for one that cannot be had, is of another endpoint, or whose body was
    not kept.
    """
    from vhlocal.contract.headers import to_send  # noqa: PLC0415 - few commands need it
    from vhlocal.session.replaying import MARK, led_to  # noqa: PLC0415 - few commands need it

    if what is not None and what.endswith((".http", ".rest")):
        request = _of_http_file(Path(what), target, directory)
        return replace(request, headers=(*request.headers, MARK))
    exchange = _recorded(client, target.endpoint, what)
    if exchange is None:
        return Request("GET", f"{urlsplit(target.url).path}/", (*target.headers, MARK))
    if exchange.endpoint != target.endpoint:
        raise InputError(
            f"request {exchange.id} went to `{exchange.endpoint}`",
            hint=f"vhlocal load {exchange.endpoint} --request {exchange.id}",
        )
    if exchange.request.body.content is None:
        raise InputError(
            f"request {exchange.id} cannot be sent again: its body was not kept, {exchange.request.body.why}",
            hint="send it from its original file, with a .http file",
        )
    _, request = led_to(exchange, target.under)
    return replace(request, headers=(*_with(to_send(request.headers), target.headers), MARK))


def _recorded(client: Client, endpoint: str, what: str | None) -> Exchange | None:
    """Return the recording that is meant, None where there is none and none was named."""
    if what is None:
        last = client.recordings(_LAST, endpoint=endpoint, whole=True)
        good = [each for each in last if each.answer.status < 400 and not each.answer.broke_off]
        return next((each for each in reversed(good) if each.request.body.content is not None), None)
    if what.endswith(".har"):
        from vhlocal.cli.har_file import read_har_file  # noqa: PLC0415 - as above

        file = Path(what)
        found = list(read_har_file(file, client.url).exchanges)
        if len(found) != 1:
            raise InputError(f"{file} has {len(found)} requests to this run", hint="write a file with one of them")
        return found[0]
    if "/" in what or "." in what:
        raise InputError(
            f"{what} is not a file that `vhlocal load` reads", hint="give a .http or .har file, or a request's ID"
        )
    return client.recording(what, whole=True)


def _of_http_file(file: Path, target: Target, directory: Path) -> Request:
    from vhlocal.smoke.run import load, requests  # noqa: PLC0415 - as above

    place = file.absolute().parent
    found = requests(load(file, directory if place.is_relative_to(directory) else place), target)
    if len(found) != 1:
        raise InputError(f"{file} has {len(found)} requests", hint="write a file with one of them")
    (request,) = found
    sent = tuple((name, value.encode().decode("latin-1")) for name, value in request.headers)
    return replace(request, headers=sent)


def _with(headers: tuple[Header, ...], more: tuple[Header, ...]) -> tuple[Header, ...]:
    named = {name.lower() for name, _ in headers}
    return (*headers, *(each for each in more if each[0].lower() not in named))

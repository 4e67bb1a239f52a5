"""``vhlocal call``."""

from __future__ import annotations

import http.client
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

import click

from vhlocal.cli.options import endpoint_names, project_options
from vhlocal.cli.running import client_of_run, url_of
from vhlocal.errors import InputError, VhlocalError
from vhlocal.visible import one_line

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from vhlocal.cli.call_body import Sendable
    from vhlocal.exchanges import Header, Request

#: Exit code for an answer that is an error, or did not come whole.
_FAILED = 8

#: What a target is made of, besides letters and digits; all else is percent-encoded, as browsers and curl do.
_OF_A_TARGET = "%/:=&?~+!$,;'@()*[]-._|"


@click.command("call", epilog="Example:  vhlocal call digits/predict --form image=@seven.png")
@click.argument("where", required=False, default="", metavar="[ENDPOINT][/PATH]", shell_complete=endpoint_names)
@click.option("-X", "--method", metavar="METHOD", help="HTTP method. Default: GET, or POST with a body.")
@click.option("-H", "--header", "headers", multiple=True, metavar="'NAME: VALUE'", help="Also send this header.")
@click.option("--json", "json_", metavar="JSON|@FILE|-", help="Send JSON, after checking that it is valid.")
@click.option("--form", multiple=True, metavar="NAME=TEXT|NAME=@FILE", help="Send a form with this field or file.")
@click.option("--body", metavar="TEXT|@FILE|-", help="Send this unchanged.")
@click.option(
    "--on", "name", metavar="ALIAS", help="Version or alias to send it to. Default: the working tree's version."
)
@click.option("-i", "--include", is_flag=True, help="Print the answer's head before its body.")
@click.option("-v", "--verbose", is_flag=True, help="Show both heads on stderr.")
@project_options
def command(directory: Path, where: str, **options: Any) -> None:
    """Send a request to an endpoint of the run, and print the answer's body as it comes.

    Status and times are shown on stderr. Redirects are shown, not followed. With a single endpoint, its name may be
    left out, as in `vhlocal call /predict`, or `vhlocal call` alone.

    Exit code: 0 for a status below 400, 8 for any other or if the answer breaks off.
    """
    endpoint, slash, path = _split(where)
    sendable = _sendable(options["json_"], options["form"], options["body"])
    headers = _headers(options["headers"])
    url = url_of(client_of_run(directory).endpoints(), endpoint or None, options["name"])
    target = urlsplit(url).path + quote(slash + path, safe=_OF_A_TARGET)
    request = _request(directory, options["method"], target, headers, sendable)
    _send(url, request, sendable, options)


def _split(where: str) -> tuple[str, str, str]:
    """Return an endpoint, and what is below it with its slash or question mark."""
    end = min((where.index(mark) for mark in "/?" if mark in where), default=len(where))
    return where[:end], where[end : end + 1], where[end + 1 :]


def _sendable(json_: str | None, form: Sequence[str], body: str | None) -> Sendable | None:
    if json_ is None and not form and body is None:
        return None
    from vhlocal.cli.call_body import form_body, json_body, plain_body  # noqa: PLC0415 - most requests have no body

    if (json_ is not None) + bool(form) + (body is not None) > 1:
        raise InputError("a request has one body", hint="give --json, --form or --body")
    if json_ is not None:
        return json_body(json_)
    return form_body(form) if body is None else plain_body(body)


def _headers(typed: Sequence[str]) -> tuple[Header, ...]:
    from vhlocal.contract.headers import is_dropped, is_of_the_request, is_reserved  # noqa: PLC0415 - as above

    found: list[Header] = []
    for text in typed:
        name, colon, value = text.partition(":")
        if not colon or not name.strip() or not name.isascii() or set("\r\n\0") & set(text):
            raise InputError(f"`{one_line(text)}` is not a header", hint="write 'Name: value'")
        raw = name.encode()
        if is_dropped(raw) or is_reserved(raw):
            dropped = f"{one_line(name)} does not reach your server: production's ingress drops or replaces it (K9)"
            click.echo(dropped, err=True)
        elif not is_of_the_request(raw) and raw.lower() != b"host":
            raise InputError(f"vhlocal sets {name} itself", hint="leave it out")
        found.append((name, value.strip()))
    return tuple(found)


def _request(
    directory: Path, method: str | None, target: str, headers: tuple[Header, ...], sendable: Sendable | None
) -> Request:
    from vhlocal import __version__  # noqa: PLC0415 - as above
    from vhlocal.cli.project import read_settings  # noqa: PLC0415 - as above
    from vhlocal.contract.access import authorization  # noqa: PLC0415 - as above
    from vhlocal.exchanges import Request  # noqa: PLC0415 - as above

    usual: list[Header] = [
        ("User-Agent", f"vhlocal/{__version__}"),
        ("Accept", "*/*"),
        *authorization(read_settings(directory, {}).basic_auth),
    ]
    if sendable is not None:
        usual.append(("Content-Type", sendable.kind))
    if method is not None and method != method.upper():
        raise InputError(
            f"`{one_line(method)}` is not a method: production refuses lower-case letters", hint=f"-X {method.upper()}"
        )
    named = {name.lower() for name, _ in headers}
    own = tuple(each for each in usual if each[0].lower() not in named)
    return Request(method or ("GET" if sendable is None else "POST"), target, (*own, *headers))


def _send(url: str, request: Request, sendable: Sendable | None, options: dict[str, Any]) -> None:
    from vhlocal.cli.call_answer import show, tell_head  # noqa: PLC0415 - as above
    from vhlocal.sending import Sent  # noqa: PLC0415 - as above

    there = urlsplit(url)
    if options["verbose"]:
        tell_head(">", f"{request.method} {request.target} HTTP/1.1", request.headers)
    began = time.monotonic()
    try:
        with Sent(there.hostname or "", there.port or 80, request, sendable.content if sendable else None) as sent:
            good = show(sent, began, include=options["include"], verbose=options["verbose"])
    except ValueError as error:
        raise InputError(f"this request cannot be sent: {error}") from error
    except (OSError, http.client.HTTPException) as error:
        if isinstance(error, BrokenPipeError):
            raise
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        what = f"{there.netloc} did not answer: {reason}"
        raise VhlocalError(what, hint="check that the run is still up: vhlocal ps") from error
    if not good:
        raise click.exceptions.Exit(_FAILED)

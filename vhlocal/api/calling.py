"""Passes a request of the page on to an endpoint (K8), through the gateway, and its answer back: both as they come.

What an app answers has never the type that it says: a browser would run it at the page's origin.
"""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from werkzeug.wrappers import Response

from vhlocal import __version__
from vhlocal.contract.headers import is_of_the_request
from vhlocal.contract.paths import split_target
from vhlocal.errors import InputError, VhlocalError
from vhlocal.exchanges import Request
from vhlocal.sending import CHUNK, BrokenOffError, Content, Sent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from werkzeug.wrappers import Request as Asked

    from vhlocal.exchanges import Header

#: What the page's request and the answer to it carry in JSON: the headers of the app's request, which a browser lets
#: no script set, and all that is known of the app's answer but its body.
HEADERS, ANSWER = "X-VHLocal-Headers", "X-VHLocal-Answer"

PATH = "/api/call"

#: What a browser lets a page send.
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")

#: Answers whose ``Content-Length`` is that of a body which does not come (RFC 9110, section 8.6).
_WITHOUT_BODY = (204, 304)

#: Seconds between two looks whether the page still waits.
_LOOK = 1.0


def call(url: str, asked: Asked) -> Response:
    """Send a request to the endpoint that its path names below ``PATH``; ``url`` is the gateway's.

    InputError where it is none that can be sent, VhlocalError where nothing is answered.
    """
    target = str(asked.environ.get("REQUEST_URI", "")).partition(PATH)[2]
    path = target.partition("?")[0]
    if split_target(path.encode("latin-1", "replace")) is None:
        raise InputError(f"no endpoint has the path {path or '/'}", hint="/owner/project/deployment/version/endpoint")
    there = urlsplit(url)
    began = time.monotonic()
    try:
        request = Request(asked.method, target, _headers(asked))
        sent = Sent(there.hostname or "", there.port or 80, request, _content(asked))
    except ValueError as error:
        raise InputError(f"this request cannot be sent: {error}") from error
    except OSError as error:
        raise VhlocalError(f"the gateway does not answer: {error}") from error
    over = threading.Event()
    threading.Thread(target=_watch, args=(asked.environ.get("werkzeug.socket"), sent, over), daemon=True).start()

    def end() -> None:
        over.set()
        sent.close()

    try:
        head = sent.head()
    except (OSError, http.client.HTTPException) as error:
        end()
        raise VhlocalError(f"no answer came: {error or type(error).__name__}") from error
    facts = {
        "status": head.status,
        "reason": head.reason,
        "headers": [list(each) for each in head.headers],
        "seconds": round(time.monotonic() - began, 6),
    }
    response = Response(_parts(sent), mimetype="application/octet-stream", headers={ANSWER: json.dumps(facts)})
    length = next((value for name, value in head.headers if name.lower() == "content-length"), None)
    if length is not None and asked.method != "HEAD" and head.status not in _WITHOUT_BODY:
        response.headers["Content-Length"] = length
    response.call_on_close(end)
    return response


def _headers(asked: Asked) -> tuple[Header, ...]:
    """Return the headers that the page has named, and of the browser's own only what the body is."""
    try:
        named = json.loads(asked.headers.get(HEADERS, "[]"))
        given = [(str(name), str(value)) for name, value in named]
    except (ValueError, TypeError) as error:
        raise InputError(f"{HEADERS} is not a JSON list of names and values") from error
    for name, _ in given:
        if name.lower() != "host" and not is_of_the_request(name.encode("utf-8", "replace")):
            raise InputError(f"a client cannot set `{name}`", hint="leave it out")
    names = {name.lower() for name, _ in given}
    kind = asked.headers.get("Content-Type")
    usual = [("User-Agent", f"vhlocal/{__version__}"), ("Accept", "*/*"), *([("Content-Type", kind)] if kind else [])]
    return (*(each for each in usual if each[0].lower() not in names), *given)


def _content(asked: Asked) -> Content:
    length = asked.content_length
    if length is None and "chunked" not in asked.headers.get("Transfer-Encoding", "").lower():
        return Content((), 0)
    return Content(iter(lambda: asked.stream.read(CHUNK), b""), length)


def _parts(sent: Sent) -> Iterator[bytes]:
    try:
        yield from sent.parts()
    except BrokenOffError as error:
        # The server can only show this to the browser by ending as abruptly.
        raise ConnectionAbortedError(str(error)) from error


def _watch(connected: Any, sent: Sent, over: threading.Event) -> None:
    """End what is on its way once the page has gone: an app may be silent for long, and need not go on for nobody."""
    while connected is not None and not over.wait(_LOOK):
        try:
            gone = not connected.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            gone = False
        except OSError:
            gone = True
        if gone:
            sent.give_up()
            return

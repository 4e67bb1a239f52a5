"""Sends what ``.http`` files say, and judges the answers: all of the smoke tests' input and output."""

from __future__ import annotations

import http.client
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urljoin, urlsplit

from vhlocal.errors import InputError
from vhlocal.exchanges import EMPTY, Answer, Request, header, whole
from vhlocal.model import Place
from vhlocal.regular import content_of, text_of
from vhlocal.sending import BrokenOffError, Sent
from vhlocal.smoke.cases import FromFile, Line
from vhlocal.smoke.heads import head, is_within
from vhlocal.smoke.reading import read
from vhlocal.smoke.results import Result, judged

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from urllib.parse import SplitResult

    from vhlocal.exchanges import Body, Header
    from vhlocal.smoke.cases import Case, HttpFile
    from vhlocal.smoke.results import Target

#: Seconds that production waits for an answer (K9).
SECONDS = 60.0

_REDIRECTS = {301, 302, 303, 307, 308}
_MOST_REDIRECTS = 10
#: Bytes that the gateway keeps of all bodies together.
_LARGEST_BODY = 1024**3


def load(path: Path, within: Path) -> HttpFile:
    """Read a file and see that the files of its bodies are there. Raises InputError with the place.

    Those have to be in the directory ``within``: a project that was merely cloned is not to send its server others.
    """
    try:
        file = read(text_of(path), path)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise InputError("the file is not UTF-8 text", place=Place(path, line), hint="save it as UTF-8") from error
    for case in file.cases:
        for body in case.body:
            if isinstance(body, FromFile):
                _see_within(path, body, within)
                _content(path, body)
    return file


def requests(file: HttpFile, target: Target) -> list[Request]:
    """Return what a file sends to an endpoint. Raises InputError for a request that leads elsewhere."""
    return [replace(head(file, case, target), body=whole(_body(file, case, target.url))) for case in file.cases]


def run(file: HttpFile, target: Target, seconds: float = SECONDS) -> Iterator[Result]:
    """Send each request of a file to an endpoint, in order, and yield each verdict as it is there.

    An answer may take ``seconds``. Raises InputError as ``requests`` does, before anything is sent.
    """
    for case, request in zip(file.cases, requests(file, target), strict=True):
        statuses = {getattr(one, "code", 0) for one in case.expectations}
        follow = case.redirects and not statuses & _REDIRECTS
        began = time.monotonic()
        answer = send(target.url, request, seconds, follow=follow)
        yield judged(case, target, answer, time.monotonic() - began)


class Taking(Protocol):
    """Takes in an answer's body as it comes."""

    def feed(self, data: bytes) -> None:
        """Take the next bytes."""

    def body(self) -> Body:
        """Return what has come."""
        ...


class _All:
    """Keeps all of a body."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def feed(self, data: bytes) -> None:
        self._parts.append(data)

    def body(self) -> Body:
        return whole(b"".join(self._parts))


def send(url: str, request: Request, seconds: float, *, follow: bool, taking: Callable[[], Taking] = _All) -> Answer:
    """Send a request to an endpoint's URL and return the answer, whole or with why it broke off.

    ``request.target`` is within the endpoint. Redirects are followed as far as they stay in it. ``taking`` makes what
    takes in a body, which may keep less than all of it.
    """
    base = urlsplit(url)
    began = time.monotonic()
    for _ in range(_MOST_REDIRECTS):
        answer = _answer(base, request, began + seconds, taking())
        location = header(answer.headers, "location")
        if not follow or answer.status not in _REDIRECTS or location is None or answer.broke_off:
            return answer
        there = urlsplit(urljoin(f"{base.scheme}://{base.netloc}{request.target}", location))
        if there.netloc != base.netloc or not is_within(there.path, base.path):
            return Answer(
                answer.status,
                answer.headers,
                answer.body,
                base.path,
                f"it redirects out of the endpoint, to {location}",
            )
        changes = answer.status == 303 or (answer.status in (301, 302) and request.method == "POST")
        request = Request(
            "GET" if changes and request.method != "HEAD" else request.method,
            there.path + (f"?{there.query}" if there.query else ""),
            tuple(field for field in request.headers if not (changes and field[0].lower().startswith("content-"))),
            EMPTY if changes else request.body,
        )
    return Answer(answer.status, answer.headers, answer.body, base.path, f"it redirects {_MOST_REDIRECTS} times")


def _answer(base: SplitResult, request: Request, deadline: float, body: Taking) -> Answer:
    left = max(0.001, deadline - time.monotonic())
    status, broke_off = 0, ""
    headers: tuple[Header, ...] = ()
    try:
        with Sent(base.hostname or "", base.port or 80, request, seconds=left) as sent:
            status, _, headers = sent.head()
            for part in sent.parts():
                body.feed(part)
                if time.monotonic() > deadline:
                    raise TimeoutError
    except TimeoutError:
        broke_off = "it did not finish in time" if status else "no answer in time"
    except (OSError, http.client.HTTPException, BrokenOffError) as error:
        broke_off = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return Answer(status, headers, body.body(), base.path, broke_off)


def _body(file: HttpFile, case: Case, url: str) -> bytes:
    parts = []
    for line in case.body:
        if isinstance(line, Line):
            parts.append(file.fill(line.number, line.text, url).encode())
        else:
            parts.append(_content(file.path, line))
    return case.line_end.encode().join(parts)


def _content(path: Path, line: FromFile) -> bytes:
    body = path.parent / line.path
    try:
        return content_of(body, _LARGEST_BODY)
    except OSError as error:
        raise InputError(
            f"the body's file {line.path} cannot be read: {error.strerror}",
            place=Place(path, line.number),
            hint=f"vhlocal looks for it at {body}: paths are relative to the .http file",
        ) from error


def _see_within(path: Path, line: FromFile, within: Path) -> None:
    body = (path.parent / line.path).resolve()
    if not body.is_relative_to(within.resolve()):
        raise InputError(
            f"the body's file {line.path} is not in the project",
            place=Place(path, line.number),
            hint=f"copy it into {within}",
        )

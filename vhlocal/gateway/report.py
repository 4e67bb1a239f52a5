"""What the gateway reports to the session: failures to make pages for, a record per request, limits passed."""

from __future__ import annotations

import enum
import errno
import http
from collections.abc import Callable
from typing import TYPE_CHECKING

from vhlocal.contract.access import CHALLENGE
from vhlocal.gateway.frames import GOING_AWAY, SERVICE_RESTART
from vhlocal.model import CLOSED
from vhlocal.values import dataclass

if TYPE_CHECKING:
    from vhlocal.contract.headers import RawHeader


class FailureKind(enum.Enum):
    """Why the gateway answers itself."""

    UNKNOWN = "unknown"  #: no such prefix
    UNAUTHORIZED = "unauthorized"  #: no user that may use endpoints (K7)
    UNAVAILABLE = "unavailable"  #: the endpoint has no server at the moment
    REFUSED = "refused"  #: nothing accepts connections at the server's port
    RESET = "reset"  #: the server hung up, or sent no HTTP, before a full head
    TIMEOUT = "timeout"  #: the server kept silent, or did not accept in time (K9)
    ENDED = "ended"  #: the server is ended, and has not answered by then
    HELD_TOO_LONG = "held-too-long"  #: the route did not settle in time
    HOLD_FULL = "hold-full"  #: too many requests wait already
    BAD_REQUEST = "bad-request"  #: not a request that may be forwarded
    TOO_LARGE = "too-large"  #: a body over the ingress' limit (K9)
    LARGE_HEAD = "large-head"  #: an answer's head over the ingress' limit (K9)
    FULL = "full"  #: too many clients are connected, or too many files open
    SPOOL = "spool"  #: what a client sent could not be kept, or read back


@dataclass(frozen=True)
class Failure:
    """One failed request. ``prefix`` is empty where none was found, ``endpoint`` None where none is known.

    ``target`` and ``headers`` are the client's words; ``reason`` is one sentence for the user.
    """

    kind: FailureKind
    status: int
    prefix: str
    endpoint: str | None
    version: str
    method: str
    target: str
    headers: tuple[RawHeader, ...]
    reason: str
    request_id: str


@dataclass(frozen=True)
class Farewell:
    """Why the gateway itself ends what is in flight.

    ``status`` is for a request whose answer has not begun, ``code`` for a WebSocket (RFC 6455, section 7.4.1).
    ``why`` may name the ``{revision}`` of the code that was answering.
    """

    status: int
    code: int
    why: str

    def reason(self, revision: str) -> str:
        """Return it as one sentence for the user and for the client."""
        return f"{CLOSED}: {self.why.format(revision=revision)}"


#: The run ends.
RUN_ENDS = Farewell(503, GOING_AWAY, "the run ends")


def replaced(seconds: float) -> Farewell:
    """Return why what a server still answers is ended so many seconds after another took over."""
    return Farewell(504, SERVICE_RESTART, f"revision {{revision}} was replaced {seconds:g} s ago")


def removed(seconds: float) -> Farewell:
    """Return why what a server still answers is ended so many seconds after its version or replica was removed."""
    return Farewell(504, GOING_AWAY, f"the server with revision {{revision}} was removed {seconds:g} s ago")


@dataclass(frozen=True)
class Page:
    """An error page, whole."""

    body: bytes
    content_type: str
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class LimitPassed:
    """A limit of the ingress that production would have cut at, and the gateway did not (K9).

    ``kind`` is TOO_LARGE or LARGE_HEAD, with ``limit`` in bytes, or TIMEOUT, in seconds. It is FULL, with the number of
    clients that may be connected and no word of a request, when the first client too many came.
    """

    kind: FailureKind
    limit: float
    endpoint: str
    prefix: str
    method: str
    target: str
    request_id: str


#: Renders the page of a failure; must be quick.
Pages = Callable[[Failure], Page]

#: Sent when a client left before it could get an answer, as nginx logs it.
CLIENT_GONE = 499

_RETRY_LATER = http.HTTPStatus.SERVICE_UNAVAILABLE


def connect_failure(error: Exception, where: str, seconds: float) -> tuple[FailureKind, int, str] | None:
    """Return kind, status and reason of a connection to ``where`` that was not made; None where it was refused."""
    if isinstance(error, OSError) and error.errno in {errno.EMFILE, errno.ENFILE}:
        return FailureKind.FULL, 503, "vhlocal has too many files open to connect to the endpoint's server"
    if isinstance(error, TimeoutError):
        return FailureKind.TIMEOUT, 504, f"{where} did not accept a connection within {seconds:g} seconds"
    if isinstance(error, ConnectionResetError):
        return FailureKind.RESET, 502, "the server hung up before it answered"
    return None


def failure_response(failure: Failure, page: Page, *, close: bool) -> bytes:
    """Return the whole answer to a failed request; without its body when the request was a HEAD."""
    headers = [("Content-Type", page.content_type), ("Content-Length", str(len(page.body))), *page.headers]
    if failure.status == _RETRY_LATER:
        headers.append(("Retry-After", "1"))
    if failure.kind is FailureKind.UNAUTHORIZED:
        headers.append(("WWW-Authenticate", CHALLENGE))
    headers += [("Cache-Control", "no-store"), ("X-Request-ID", failure.request_id)]
    if close:
        headers.append(("Connection", "close"))
    status = http.HTTPStatus(failure.status)
    lines = [f"HTTP/1.1 {status.value} {status.phrase}", *(f"{name}: {value}" for name, value in headers), "", ""]
    return "\r\n".join(lines).encode("latin-1") + (b"" if failure.method == "HEAD" else page.body)

"""Asks a running server what it does with its prefix, and says what would fail in production."""

from __future__ import annotations

import asyncio
import base64
import http.client
import time
from dataclasses import replace
from typing import TYPE_CHECKING
from uuid import uuid4

from vhlocal.checks.prefix.code import read_code
from vhlocal.checks.prefix.evidence import FIXED_ROOTS, Answer, Case, Evidence
from vhlocal.checks.prefix.questions import DOCS, questions
from vhlocal.checks.prefix.registry import find
from vhlocal.checks.prefix.whereabouts import caveat
from vhlocal.checks.server import protocol
from vhlocal.contract.headers import PRODUCTION_HOST, production_headers
from vhlocal.errors import VhlocalError
from vhlocal.findings import Finding
from vhlocal.session.asking import OWN_HEADERS, get, speaks_tls
from vhlocal.session.tasks import in_thread
from vhlocal.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from vhlocal.checks.prefix.code import Code
    from vhlocal.checks.prefix.evidence import Asked
    from vhlocal.model import Endpoint, Package
    from vhlocal.runtime.base import Address

#: Seconds that one answer may take, and all of them together.
ANSWER_SECONDS = 3.0
ALL_SECONDS = 60.0

#: Hosts of an app's own that it is asked by.
_MOST_HOSTS = 3

#: Requests after which no more questions follow, whatever was answered.
_MOST_REQUESTS = 48

#: Bytes of an answer's body that are read.
_BODY = 512 * 1024


class UnansweredError(VhlocalError):
    """A server did not answer what it was asked: nothing is known of it."""


class NoHttpError(UnansweredError):
    """A server answered with something that is no HTTP, which begins with ``answer``."""

    def __init__(self, answer: bytes) -> None:
        super().__init__("its server's answer is not HTTP")
        self.answer = answer


class HangsUpError(UnansweredError):
    """A server read a request and closed the connection without an answer."""


@dataclass(frozen=True)
class ExaminedServer:
    """A server that runs, and what it serves.

    ``prefix`` is the version's path and ``alias`` that of one alias, both without a slash at their end; ``host`` is
    what clients on this machine name in their requests, such as ``127.0.0.1:8080``. ``asks`` hears of each request
    before it is sent. ``endpoints`` are the names of all that the version serves.
    """

    endpoint: Endpoint
    package: Package
    address: Address
    prefix: str
    alias: str | None
    host: str
    asks: Callable[[str, str], None] = lambda _method, _target: None
    endpoints: tuple[str, ...] = ()


@dataclass(frozen=True)
class Seen:
    """What an examination has brought: findings, and what else a reader of `ready` has to know ("" for nothing)."""

    findings: tuple[Finding, ...] = ()
    caveat: str = ""


async def examine(server: ExaminedServer, path: str = "", seconds: float = ALL_SECONDS) -> Seen:
    """Return what is wrong with the answers at ``path`` below the prefixes, also where nothing has failed yet.

    The server is sent GET requests alone, each marked as vhlocal's own, one after the other, and each as production's
    ingress would forward it (P7, K9). UnansweredError where it answers too late or not at all; all answers together get
    ``seconds``.
    """
    try:
        return await asyncio.wait_for(_examined(server, path), seconds)
    except NoHttpError as error:
        return _no_http(protocol.Spoken(server.endpoint, error.answer))
    except HangsUpError:
        if await in_thread(speaks_tls, server.address, ANSWER_SECONDS):
            return _no_http(protocol.Spoken(server.endpoint, tls=True))
        raise
    except asyncio.TimeoutError:
        raise UnansweredError(f"its answers took more than {seconds:.0f} s") from None


def _no_http(spoken: protocol.Spoken) -> Seen:
    found = protocol.RULE.find(spoken)
    return Seen(tuple(finding for finding in found if isinstance(finding, Finding)))


async def _examined(server: ExaminedServer, path: str) -> Seen:
    code = await in_thread(read_code, server.endpoint, server.package)
    case = Case(
        server.prefix,
        server.alias,
        path or (code.routes[0] if code.framework in FIXED_ROOTS else ""),
        PRODUCTION_HOST,
        DOCS.get(code.framework, ()),
        code.routes,
        ("localhost", server.host),
        code.hosts.others[:_MOST_HOSTS] if code.hosts else (),
        code.sockets,
        server.endpoints,
    )
    evidence = await _asked(server, code, case)
    if host := evidence.moved_host:  # the cluster's own, as far as anybody here knows
        evidence = await _asked(server, code, replace(case, host=host, local_hosts=(), other_hosts=()))
    answers, case = dict(evidence.answers), evidence.case
    seen = Seen(await in_thread(find, evidence), caveat(evidence))
    if seen == Seen():
        return seen if not host else Seen(caveat=f"answers to the host {host}, but not to every host")
    # What is answered one way now and another way then proves nothing. Of what is not there, the roots will do.
    roots = {prefix + path for prefix in case.prefixes for path in case.paths}
    decisive = [one for one, answer in answers.items() if not answer.is_missing or one.target in roots]
    again = await in_thread(_answers, server, decisive, case.host)
    return seen if all(again[one].status == answers[one].status for one in decisive) else Seen()


async def _asked(server: ExaminedServer, code: Code, case: Case) -> Evidence:
    """Ask all that there is cause for."""
    answers: dict[Asked, Answer] = {}
    while (asked := questions(case, answers)) and len(answers) < _MOST_REQUESTS:
        answers |= await in_thread(_answers, server, asked, case.host)
    return Evidence(server.endpoint, code, case, answers)


def _answers(server: ExaminedServer, asked: Iterable[Asked], host: str) -> dict[Asked, Answer]:
    answers = {}
    for one in asked:
        server.asks("GET", one.target)
        answers[one] = ask(server.address, one, host)
    return answers


def ask(address: Address, asked: Asked, host: str) -> Answer:
    """Return what a server answers; UnansweredError where it does not, or too late."""
    try:
        with get(address, asked.target, _headers(asked, asked.host or host), ANSWER_SECONDS) as response:
            headers = tuple((name.lower(), value) for name, value in response.getheaders())
            return Answer(response.status, headers, _body(response).decode("utf-8", errors="replace"))
    except TimeoutError:
        raise UnansweredError(f"it has not answered in {ANSWER_SECONDS:.0f} s") from None
    except (ConnectionResetError, ConnectionAbortedError, BrokenPipeError):  # RemoteDisconnected is one
        raise HangsUpError("its server no longer answers") from None  # or is about to end
    except (http.client.BadStatusLine, http.client.UnknownProtocol) as error:
        line = str(error.args[0])
        if line.startswith("HTTP/"):
            raise UnansweredError("its answer is not valid HTTP") from None
        raise NoHttpError(line.encode("latin-1", errors="replace")) from None
    except (OSError, http.client.HTTPException):
        raise UnansweredError("its server no longer answers") from None


def _headers(asked: Asked, host: str) -> list[tuple[bytes, bytes]]:
    connection = [(b"Connection", b"close")]
    if asked.socket:
        connection = [
            (b"Connection", b"Upgrade"),
            (b"Upgrade", b"websocket"),
            (b"Sec-WebSocket-Version", b"13"),
            (b"Sec-WebSocket-Key", base64.b64encode(uuid4().bytes)),
            (b"Origin", f"https://{host}".encode()),
        ]
    return [
        *production_headers(asked.prefix, uuid4().hex, host),
        *OWN_HEADERS,
        (b"Accept", b"text/html, */*"),
        *([(b"Cookie", asked.cookie.encode("latin-1"))] if asked.cookie else []),
        *connection,
    ]


def _body(response: http.client.HTTPResponse) -> bytes:
    """Return the body, as far as it comes in time: an answer may be endless."""
    body, deadline = b"", time.monotonic() + ANSWER_SECONDS
    try:
        while len(body) < _BODY and time.monotonic() < deadline and (piece := response.read1(_BODY - len(body))):
            body += piece
    except TimeoutError:
        pass
    return body

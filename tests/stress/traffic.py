"""Who asks: quick and slow requests, uploads, event streams and WebSockets, on new and on kept connections."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import random
import time
from typing import TYPE_CHECKING

import websockets
from websockets.asyncio.client import connect

from tests.stress.http import BROKEN, PATIENCE, Connection
from tests.stress.judge import Answer, Code

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

#: Seconds that a stream is served on by code that has been replaced (K9).
STREAM_GRACE = 60.0

#: Seconds for which most listeners stay; some stay until they are sent away.
_STAY = 10.0

_LONGEST_BODY = 900_000


class Traffic:
    """Clients of one run. ``urls`` are the endpoints' base URLs by name; ``asked`` is how each request went."""

    def __init__(self, urls: Mapping[str, str], seed: int) -> None:
        self._urls = urls
        self._seed = seed
        self._leaving = asyncio.Event()
        self._stopping = False
        self._tasks: list[asyncio.Task[None]] = []
        self.asked: list[Answer] = []
        #: How streams ended that did not as their protocol has it, or too early.
        self.badly_ended: list[str] = []
        self.ended = 0

    def begin(self) -> None:
        """Let all come."""
        for endpoint, visits in VISITORS.items():
            for number, visit in enumerate(visits):
                chance = random.Random(f"{self._seed} {endpoint} {number}")
                self._tasks.append(asyncio.ensure_future(self._again_and_again(visit, endpoint, chance)))

    async def leave(self) -> None:
        """Let all have their answers, and go."""
        self._leaving.set()
        await asyncio.gather(*self._tasks)

    async def stay_to_the_end(self) -> Callable[[], Awaitable[None]]:
        """Open every stream once more, and return what waits until the run has ended them."""
        self._leaving.clear()
        self._stopping = True
        streams = [(visit, endpoint) for endpoint, visits in VISITORS.items() for visit in visits if visit in _STREAMS]
        before = len(self.asked)
        tasks = [
            asyncio.ensure_future(visit(self, endpoint, random.Random(0))) for visit, endpoint in dict.fromkeys(streams)
        ]
        while len(self.asked) - before < len(tasks):
            await asyncio.sleep(0.05)

        async def ended() -> None:
            await asyncio.gather(*tasks)

        return ended

    async def look(self, endpoint: str) -> Answer:
        """Ask an endpoint once."""
        connection = self.connection(endpoint)
        answer = await _one(self, connection, endpoint, "look", "/quick")
        await connection.close()
        return answer

    async def _again_and_again(
        self, visit: Callable[[Traffic, str, random.Random], Awaitable[None]], endpoint: str, chance: random.Random
    ) -> None:
        while not self._leaving.is_set():
            await visit(self, endpoint, chance)
            await self.pause(chance.uniform(0.1, 0.5))

    async def pause(self, seconds: float) -> bool:
        """Wait, and tell whether all are to leave."""
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._leaving.wait(), seconds)
        return self._leaving.is_set()

    def stay(self, chance: random.Random) -> float:
        """Return the seconds for which a listener stays."""
        return float("inf") if self._stopping or chance.random() < 0.3 else chance.uniform(0.5, _STAY)

    def _port(self, endpoint: str) -> int:
        return int(self._urls[endpoint].split("/")[2].partition(":")[2])

    def target(self, endpoint: str, rest: str) -> str:
        """Return a request's path."""
        return "/" + self._urls[endpoint].split("/", 3)[3].rstrip("/") + rest

    def connection(self, endpoint: str) -> Connection:
        """Return a connection that is not open yet."""
        return Connection(self._port(endpoint))

    def socket_url(self, endpoint: str) -> str:
        """Return a WebSocket's URL."""
        return self._urls[endpoint].replace("http", "ws", 1).rstrip("/") + "/socket"

    def stream_ended(self, endpoint: str, kind: str, began: float, why: str) -> None:
        """Note that a server or the run has ended a stream; ``why`` is told where that was not as it should have been.

        One that the run's end did not cause came at least ``STREAM_GRACE`` after the stream's beginning.
        """
        self.ended += 1
        lasted = time.monotonic() - began
        if why:
            self.badly_ended.append(f"{endpoint} {kind}, begun at {began:.2f}, after {lasted:.1f} s: {why}")
        elif not self._stopping and lasted < STREAM_GRACE:
            self.badly_ended.append(f"{endpoint} {kind}, begun at {began:.2f}: ended after {lasted:.1f} s already")


async def quick(traffic: Traffic, endpoint: str, chance: random.Random) -> None:
    """One request on a connection of its own."""
    connection = traffic.connection(endpoint)
    await _one(traffic, connection, endpoint, "quick", "/quick")
    await connection.close()


async def kept(traffic: Traffic, endpoint: str, chance: random.Random) -> None:
    """Some requests on one connection."""
    connection = traffic.connection(endpoint)
    for _ in range(chance.randrange(2, 40)):
        await _one(traffic, connection, endpoint, "kept", "/quick")
        if await traffic.pause(chance.uniform(0.05, 0.4)):
            break
    await connection.close()


async def slow(traffic: Traffic, endpoint: str, chance: random.Random) -> None:
    """A request that takes 0.5 to 10 s."""
    connection = traffic.connection(endpoint)
    await _one(traffic, connection, endpoint, "slow", f"/slow?{chance.uniform(0.5, 10):.1f}")
    await connection.close()


async def upload(traffic: Traffic, endpoint: str, chance: random.Random) -> None:
    """A body in pieces, at once or slowly, of known length or chunked."""
    pieces = [chance.randbytes(chance.randrange(1, _LONGEST_BODY // 10)) for _ in range(chance.randrange(1, 10))]
    connection = traffic.connection(endpoint)
    pause = chance.choice((0.0, 0.0, 0.05))
    await _one(traffic, connection, endpoint, "upload", "/upload", pieces, known=chance.random() < 0.5, pause=pause)
    await connection.close()


async def _one(
    traffic: Traffic,
    connection: Connection,
    endpoint: str,
    kind: str,
    rest: str,
    pieces: tuple[bytes, ...] | list[bytes] = (),
    *,
    known: bool = True,
    pause: float = 0,
) -> Answer:
    sent = time.monotonic()
    revision, code, text, status, marked = "", None, b"", 0, False
    try:
        method = "POST" if pieces else "GET"
        head = await connection.ask(method, traffic.target(endpoint, rest), pieces, known=known, pause=pause)
        status, revision = head.status, head.headers.get("x-vhlocal-revision", "")
        marked = "x-vhlocal-stale" in head.headers
        text = b"".join([part async for part in connection.body()])
        fault = "" if status == 200 else f"{status}: {_said(text)}"
        if not fault:
            code, fault = _read(text, b"".join(pieces))
    except BROKEN as error:
        fault = f"{error!r} after status {status} and {len(text)} bytes"
        await connection.close()
    except ValueError as error:
        fault = f"{error!r}: {text[:200]!r}"
    answer = Answer(endpoint, kind, sent, time.monotonic(), fault, revision, code, marked)
    traffic.asked.append(answer)
    return answer


def _read(text: bytes, body: bytes = b"") -> tuple[Code, str]:
    facts = json.loads(text)
    right = facts["digest"] == hashlib.sha256(body).hexdigest()
    return Code(facts["number"], facts["second"]), "" if right else f"the body came as {facts['length']} bytes"


def _said(text: bytes) -> str:
    """Return what an answer says that is none of the app's: the gateway's own errors are JSON."""
    with contextlib.suppress(ValueError, KeyError, TypeError):
        return str(json.loads(text)["error"])
    return " ".join(text.decode(errors="replace").split())[:200]


async def listen(traffic: Traffic, endpoint: str, chance: random.Random) -> None:
    """Follow an event stream for a while, or until it is ended."""
    connection = traffic.connection(endpoint)
    began, stay = time.monotonic(), traffic.stay(chance)
    codes: list[Code] = []
    why = "hung up"
    try:
        head = await connection.ask("GET", traffic.target(endpoint, "/events"))
        revision = head.headers.get("x-vhlocal-revision", "")
        if head.status != 200:
            text = b"".join([part async for part in connection.body()])
            raise EOFError(f"{head.status}: {_said(text)}")
        rest = b""
        async for part in connection.body():
            *events, rest = (rest + part).split(b"\n\n")
            first = not codes
            codes += [_read(event.removeprefix(b"data: "))[0] for event in events]
            if first and codes:
                traffic.asked.append(Answer(endpoint, "events", began, time.monotonic(), "", revision, codes[0]))
            if time.monotonic() - began > stay or (traffic._leaving.is_set() and not traffic._stopping):
                break
        else:
            traffic.stream_ended(endpoint, "events", began, "" if not rest else f"in the midst of an event: {rest!r}")
    except BROKEN as error:
        why = repr(error)
        if codes:
            traffic.stream_ended(endpoint, "events", began, why)
        else:
            traffic.asked.append(Answer(endpoint, "events", began, time.monotonic(), why))
    if len(set(codes)) > 1:
        traffic.badly_ended.append(f"{endpoint} events, begun at {began:.2f}: two codes, {sorted(set(codes))}")
    await connection.close()


async def talk(traffic: Traffic, endpoint: str, chance: random.Random) -> None:
    """Talk through a WebSocket for a while, or until it is closed."""
    began, stay = time.monotonic(), traffic.stay(chance)
    codes: list[Code] = []
    try:
        async with connect(traffic.socket_url(endpoint), proxy=None, open_timeout=PATIENCE) as socket:
            revision = socket.response.headers.get("X-VHLocal-Revision", "") if socket.response else ""
            while time.monotonic() - began < stay:
                words = chance.randbytes(chance.choice((1, 100, 70_000)))
                await socket.send(words)
                code, fault = _read(str(await asyncio.wait_for(socket.recv(), PATIENCE)).encode(), words)
                if fault or not codes:
                    traffic.asked.append(Answer(endpoint, "socket", began, time.monotonic(), fault, revision, code))
                codes.append(code)
                if await traffic.pause(0.2) and not traffic._stopping:
                    break
    except websockets.ConnectionClosed as error:
        traffic.stream_ended(endpoint, "socket", began, "" if error.rcvd is not None else f"no close frame: {error}")
        if not codes:
            traffic.asked.append(Answer(endpoint, "socket", began, time.monotonic(), f"closed at once: {error}"))
    except (*BROKEN, websockets.WebSocketException) as error:
        traffic.asked.append(Answer(endpoint, "socket", began, time.monotonic(), repr(error)))
    if len(set(codes)) > 1:
        traffic.badly_ended.append(f"{endpoint} socket, begun at {began:.2f}: two codes, {sorted(set(codes))}")


_STREAMS = (listen, talk)

#: Who comes to which endpoint, side by side. Where a server takes one request at a time, the others wait.
VISITORS: Mapping[str, tuple[Callable[[Traffic, str, random.Random], Awaitable[None]], ...]] = {
    "sync": (quick, kept),
    "sync-slow": (slow, quick),
    "slow-start": (quick, kept),
    "upload": (upload, upload),
    "flask": (quick, kept, upload),
    "flask-alone": (quick, slow, slow, listen),
    "threads": (quick, kept, slow, listen),
    "stdlib": (quick, kept, slow, listen),
    "asgi": (quick, slow, listen, talk),
    "uvicorn": (kept, slow, talk, talk),
    "uvicorn-events": (quick, listen, listen),
    "uvicorn-upload": (upload, upload, kept),
}

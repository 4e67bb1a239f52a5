"""Raw bytes at the gateway, and a second reader, h11, that must make of everything what the gateway makes of it.

``python -m tests.gateway.fuzz [--minutes 10] [--seed N] [--held]`` goes on for a while; ``test_fuzz.py`` for a fixed
number of streams. What fails is kept as ``seeds/found-….bin``: give it a name that says what it is, and it is tried
ever after.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import dataclasses
import hashlib
import itertools
import random
import re
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import h11
import uvloop

from tests.gateway.harness import CLOSE, PATH, PREFIX, Stage, get, stage
from tests.gateway.routes import route_to
from vhlocal.gateway.server import Route, Upstream

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from vhlocal.model import RequestRecord

SEEDS = {path.stem: path.read_bytes() for path in sorted((Path(__file__).parent / "seeds").glob("*.bin"))}

#: Streams between two looks at whether all is as at the beginning.
BATCH = 100

_FORWARDED = {f"x-forwarded-{what}" for what in ("for", "host", "port", "proto", "scheme")}
_ONCE = {"host", "x-request-id", "x-real-ip", "x-scheme", *_FORWARDED}
_NEVER = {"script-name", "path-info", "proxy"}

_NAME = re.compile("[a-z0-9-]+")

_TOKENS = (
    b"\r\n",
    b"\n",
    b"\r",
    b"\0",
    b"\t",
    b" ",
    b":",
    b": ",
    b";",
    b",",
    b"0\r\n\r\n",
    b"\r\n\r\n",
    b"Content-Length: 5\r\n",
    b"Content-Length: 0\r\n",
    b"Content_Length: 5\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Transfer-Encoding:\tchunked\r\n",
    b"Transfer_Encoding: chunked\r\n",
    b"Connection: close\r\n",
    b"Connection: keep-alive, content-length\r\n",
    b"Connection: Upgrade\r\nUpgrade: websocket\r\n",
    b"Expect: 100-continue\r\n",
    b"Host: evil\r\n",
    b"TE: trailers\r\n",
    b"X-VH-Prefix: /evil/\r\n",
    b"X_Forwarded_For: 6.6.6.6\r\n",
    b" HTTP/1.1\r\n",
    b" HTTP/1.0\r\n",
    b" HTTP/1.2\r\n",
    b" RTSP/1.0\r\n",
    b"\r\nHost: [::1\r\n",
    b":x",
    b"]",
    b"_",
    b"Transfer-Encoding: chunked \t\r\n",
    b"Upgrade: h2c\r\n",
    b"Connection: Upgrade\r\nUpgrade: websocket, h2c\r\n",
    b"GET ",
    b"HEAD ",
    b"TRACE ",
    b"FROB ",
    PATH,
    get(PATH),
    b"\xc3\xa5",
    b"\xff",
)


#: h11 takes no letters beyond ASCII in a target, which servers do: it is shown others in their place.
_PLAIN = bytes(range(128)) + b"~" * 128


@dataclass
class Seen:
    """One request as h11 read it on the server's side."""

    method: str
    target: str
    headers: list[tuple[str, str]]
    size: int = 0
    whole: bool = False

    def value(self, name: str) -> str:
        """The first value of a header."""
        return next((value for key, value in self.headers if key == name), "")


@dataclass
class Referee:
    """All that h11 read, and what it could not accept."""

    seen: dict[str, Seen] = field(default_factory=dict)
    heads: int = 0
    faults: list[str] = field(default_factory=list)


class Server(asyncio.Protocol):
    """Reads by h11 and answers every request with its method."""

    def __init__(self, referee: Referee) -> None:
        self._referee = referee
        self._reader = h11.Connection(h11.SERVER)
        self._now: Seen | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._reader.receive_data(data.translate(_PLAIN))
        try:
            while self._take(self._reader.next_event()):
                pass
        except h11.RemoteProtocolError as error:
            self._referee.faults.append(f"h11 refuses what was forwarded: {error}")
            self._transport.abort()

    def _take(self, event: object) -> bool:
        if isinstance(event, h11.Request):
            headers = [(name.decode(), value.decode("latin-1")) for name, value in event.headers]
            self._now = Seen(event.method.decode(), event.target.decode("latin-1"), headers)
            self._referee.heads += 1
            self._referee.seen[self._now.value("x-request-id")] = self._now
            if self._reader.they_are_waiting_for_100_continue:
                self._send(h11.InformationalResponse(status_code=100, headers=[]))
        elif isinstance(event, h11.Data) and self._now is not None:
            self._now.size += len(event.data)
        elif isinstance(event, h11.EndOfMessage) and self._now is not None:
            self._now.whole = True
            body = b"" if self._now.method == "HEAD" else self._now.method.encode()
            self._send(h11.Response(status_code=200, headers=[("Content-Length", str(len(body)))]))
            self._send(h11.Data(data=body))
            self._send(h11.EndOfMessage())
            if self._reader.our_state is h11.DONE and self._reader.their_state is h11.DONE:
                self._reader.start_next_cycle()
            else:
                self._transport.close()
                return False
        elif event is h11.PAUSED:
            # An upgrade was offered, and declined by the answer.
            return False
        return event is not h11.NEED_DATA

    def _send(self, event: h11.Event) -> None:
        data = self._reader.send(event)
        if data:
            self._transport.write(data)


@dataclass
class Arena:
    """A gateway before servers that h11 reads for."""

    stage: Stage
    referee: Referee
    outcomes: Counter[str] = field(default_factory=Counter)

    async def throw(self, stream: bytes, cuts: list[int]) -> list[int]:
        """Send a stream in pieces and judge what came of it; the statuses that the client got, in order."""
        before, heads = len(self.stage.records), self.referee.heads
        async with self.stage.client() as client:
            received = None
            with contextlib.suppress(ConnectionError):
                for piece in _pieces(stream, cuts):
                    await client.send(piece)
                    await asyncio.sleep(0)
                client.writer.write_eof()
                received = await asyncio.wait_for(client.rest(), 30)
        while self.stage.gateway.connections():
            await asyncio.sleep(0)
        records = self.stage.records[before:]
        self._judge_forwarded(records, self.referee.heads - heads)
        # Who asks for the connection's end and goes on sending may get a reset in place of the answer.
        if received is not None:
            self._judge_answers(records, received)
        for record in records:
            self.outcomes[f"refused {record.status}" if record.gateway_seconds is None else "forwarded"] += 1
        return [record.status for record in records]

    def _judge_forwarded(self, records: list[RequestRecord], heads: int) -> None:
        assert not self.referee.faults, self.referee.faults
        forwarded = [record for record in records if record.gateway_seconds is not None]
        # One that the client left or spoilt may have got no further than the gateway's own buffers.
        assert sum(record.status == 200 for record in forwarded) <= heads <= len(forwarded)
        for record in forwarded:
            seen = self.referee.seen.pop(record.id, None)
            if seen is None:
                assert record.status != 200
                continue
            assert (seen.method, seen.target) == (record.method, _plain(record.target))
            _judge_headers(seen, record)
            if record.status == 200:
                assert seen.whole
                assert seen.size == record.bytes_in

    def _judge_answers(self, records: list[RequestRecord], received: bytes) -> None:
        for record in records:
            if record.status == 499 or not record.whole:
                return
            reader = h11.Connection(h11.CLIENT)
            # h11 has no words for a method that is no token: those are refused, and answered in full.
            reader.send(h11.Request(method=record.method or "GET", target="/", headers=[("Host", "x")]))
            reader.receive_data(received)
            while not isinstance(event := reader.next_event(), h11.Response):
                if event is h11.NEED_DATA:
                    # A client that hung up on its own request may find the connection reset.
                    assert not received.startswith(b"HTTP/1.1 2"), received
                    return
            assert event.status_code == record.status
            while not isinstance(event := reader.next_event(), h11.EndOfMessage):
                assert event is not h11.NEED_DATA, "an answer that looks whole in its record broke off"
            received = reader.trailing_data[0]

    async def settle(self) -> None:
        """A good client is served as ever, and nothing is left of the others."""
        assert (await self.stage.ask(get(PATH, CLOSE))).startswith(b"HTTP/1.1 200 ")
        while self.stage.gateway.connections():
            await asyncio.sleep(0)
        assert self.stage.gateway.in_flight(self.stage.upstream) == 0
        self.stage.records.clear()
        self.stage.failures.clear()
        self.referee.seen.clear()


def _plain(target: str) -> str:
    return target.encode("latin-1").translate(_PLAIN).decode()


def _judge_headers(seen: Seen, record: RequestRecord) -> None:
    counts = Counter(name for name, _ in seen.headers)
    assert {name: counts[name] for name in _ONCE} == dict.fromkeys(_ONCE, 1)
    assert counts["x-vh-prefix"] == bool(record.endpoint)
    assert not record.endpoint or seen.value("x-vh-prefix") == f"{PREFIX}/"
    assert {seen.value(name) for name in ("x-real-ip", "x-forwarded-for")} == {"127.0.0.1"}
    assert {name for name in counts if name.startswith("x-forwarded-")} == _FORWARDED
    assert not _NEVER & counts.keys()
    assert all(_NAME.fullmatch(name) for name in counts), "nginx drops other names"
    # As a server may read it that strips all blanks of its own alphabet.
    protocols = [word.strip().lower() for word in seen.value("upgrade").split(",")]
    assert not any(word.startswith("h2c") for word in protocols), protocols
    assert record.method not in ("TRACE", "CONNECT")
    assert counts["content-length"] + counts["transfer-encoding"] <= 1


@contextlib.asynccontextmanager
async def arena(*, held: bool = False) -> AsyncIterator[Arena]:
    """An arena whose endpoint and control plane have servers of their own.

    When ``held``, requests are held again and again, a few bytes of their bodies in memory and a few on disk.
    """
    room: dict[str, Any] = {"spool_memory_bytes": 4, "spool_disk_bytes": 8} if held else {}
    referee, loop = Referee(), asyncio.get_running_loop()
    servers = [await loop.create_server(lambda: Server(referee), "127.0.0.1", 0) for _ in range(2)]
    endpoint, control = (Upstream(*server.sockets[0].getsockname()) for server in servers)
    try:
        async with stage(_nobody, upstream_idle_seconds=30.0, tick_seconds=1.0, control_plane=control, **room) as at:
            at.upstream = endpoint
            ready = route_to(PREFIX, "predict", endpoint, revision="r1")
            at.table.publish([ready])
            async with _holding(at, ready) if held else contextlib.nullcontext():
                yield Arena(at, referee)
    finally:
        for server in servers:
            server.close()


@contextlib.asynccontextmanager
async def _holding(at: Stage, ready: Route) -> AsyncIterator[None]:
    """Let the route hold and be ready in turn, some rounds of the loop each."""
    done = asyncio.Event()

    async def turn() -> None:
        while not done.is_set():
            for route in (dataclasses.replace(ready, holding=True), ready):
                at.table.publish([route])
                for _ in range(8):
                    await asyncio.sleep(0)

    turning = asyncio.gather(turn())
    try:
        yield
    finally:
        done.set()
        await turning


async def _nobody(_peer: object) -> None:
    raise AssertionError("the harness' own server was asked")


def streams(chance: random.Random, seeds: list[bytes]) -> Iterator[bytes]:
    """Seeds, changed a little or much, for ever."""
    while True:
        stream = chance.choice(seeds)
        for _ in range(chance.choice((1, 1, 1, 2, 2, 3, 5))):
            stream = chance.choice(_CHANGES)(stream, chance, seeds)
        yield stream[:100_000]


def _insert(stream: bytes, chance: random.Random, _seeds: list[bytes]) -> bytes:
    at = chance.randrange(len(stream) + 1)
    return stream[:at] + chance.choice(_TOKENS) + stream[at:]


def _at_a_line(stream: bytes, chance: random.Random, _seeds: list[bytes]) -> bytes:
    at = chance.choice([0, *(match.end() for match in re.finditer(b"\r\n", stream))])
    return stream[:at] + chance.choice(_TOKENS) + stream[at:]


def _delete(stream: bytes, chance: random.Random, _seeds: list[bytes]) -> bytes:
    at = chance.randrange(len(stream) + 1)
    return stream[:at] + stream[at + chance.choice((1, 1, 2, 3, 10)) :]


def _repeat(stream: bytes, chance: random.Random, _seeds: list[bytes]) -> bytes:
    at = chance.randrange(len(stream) + 1)
    end = at + chance.randrange(1, 40)
    return stream[:end] + stream[at:end] * chance.randrange(1, 4) + stream[end:]


def _flip(stream: bytes, chance: random.Random, _seeds: list[bytes]) -> bytes:
    if not stream:
        return stream
    at = chance.randrange(len(stream))
    return stream[:at] + bytes([stream[at] ^ (1 << chance.randrange(8))]) + stream[at + 1 :]


def _number(stream: bytes, chance: random.Random, _seeds: list[bytes]) -> bytes:
    numbers = list(re.finditer(rb"\d+", stream))
    if not numbers:
        return stream
    match = chance.choice(numbers)
    other = chance.choice((b"0", b"1", b"-1", b"4", b"6", b"10", b"0x5", b"999999", b"%d" % 2**64, b"5,5", b" 5", b""))
    return stream[: match.start()] + other + stream[match.end() :]


def _splice(stream: bytes, chance: random.Random, seeds: list[bytes]) -> bytes:
    other = chance.choice(seeds)
    return stream[: chance.randrange(len(stream) + 1)] + other[chance.randrange(len(other)) :]


def _append(stream: bytes, chance: random.Random, seeds: list[bytes]) -> bytes:
    return stream + chance.choice(seeds)


_CHANGES = (_insert, _at_a_line, _at_a_line, _delete, _repeat, _flip, _number, _splice, _append)


def _pieces(stream: bytes, cuts: list[int]) -> Iterator[bytes]:
    marks = [0, *sorted(cuts), len(stream)]
    return (stream[start:end] for start, end in itertools.pairwise(marks) if start < end)


async def fuzz(
    seed: int, count: int | None = None, seconds: float = 0.0, *, held: bool = False
) -> tuple[int, Counter[str]]:
    """Throw ``count`` streams, or for ``seconds``; how many there were, and what became of their requests."""
    chance, thrown, deadline = random.Random(seed), 0, time.monotonic() + seconds
    async with arena(held=held) as at:
        for stream in streams(chance, list(SEEDS.values())):
            cuts = [chance.randrange(len(stream) + 1) for _ in range(chance.choice((0, 0, 0, 1, 2)))]
            try:
                await at.throw(stream, cuts)
            except Exception:
                found = Path(__file__).parent / "seeds" / f"found-{hashlib.sha256(stream).hexdigest()[:12]}.bin"
                found.write_bytes(stream)
                raise
            thrown += 1
            if thrown % BATCH == 0:
                await at.settle()
            if thrown == count or (count is None and time.monotonic() > deadline):
                break
        await at.settle()
        return thrown, at.outcomes


def _main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--held", action="store_true")
    given = parser.parse_args()
    print(f"seed {given.seed}", flush=True)  # noqa: T201
    thrown, outcomes = uvloop.run(fuzz(given.seed, seconds=given.minutes * 60, held=given.held))
    print(f"{thrown:,} streams, {thrown / given.minutes / 60:,.0f} a second")  # noqa: T201
    for outcome, times in outcomes.most_common():
        print(f"  {outcome}: {times:,}")  # noqa: T201


if __name__ == "__main__":
    _main()

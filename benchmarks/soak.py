"""Mixed traffic through the gateway for a while, with clients and servers that vanish at random; then: what is left?

``python -m benchmarks.soak [--minutes 10] [--seed N]``

Memory is noted once a tenth of the time is over, when caches and pools have filled, and may have grown by 16 MB at the
end: freed memory does not all go back to the system, but a leak of a hundred bytes for each request would be far more.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import hashlib
import random
import struct
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from socket import SO_LINGER, SOL_SOCKET
from typing import TYPE_CHECKING

import psutil
import uvloop

from benchmarks.report import Goal, UnmeasuredError, conclude
from tests.gateway.alone import Alone
from tests.gateway.fuzz import SEEDS
from tests.gateway.harness import ALIAS, CLOSE, PREFIX, Peer, get

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

_VISITORS = 40
_PATIENCE = 60.0
_BLOCK = bytes(range(251)) * 261
_GONE = (ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError)
_RESET = struct.pack("ii", 1, 0)
_BAD = [stream for name, stream in SEEDS.items() if name.startswith("refused-")]


def _pattern(size: int) -> bytes:
    return (_BLOCK * (size // len(_BLOCK) + 1))[:size]


@dataclass
class _Soak:
    """What the visitors know of each other."""

    gateway: Alone
    chance: random.Random
    deadline: float
    visits: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    unlucky: int = 0

    def check(self, right: bool, what: str) -> None:
        """Note an answer that was not as it should have been."""
        if not right:
            self.wrong.append(what)


# The servers' side.


async def _serve(peer: Peer) -> None:
    """Answer as the path says; some paths vanish."""
    # uvloop has an error of its own for writing to a connection that is closed.
    with contextlib.suppress(*_GONE, RuntimeError):
        while True:
            head = await peer.head()
            path = head.split(b" ", 2)[1].removeprefix(PREFIX.encode()).removeprefix(ALIAS.encode()).decode()
            _, what, *rest = [*path.split("/"), "", "0"]
            if await _ANSWERS[what](peer, head, int(rest[0] or "0")):
                break
    peer.writer.close()


async def _length(peer: Peer, _head: bytes, size: int) -> bool:
    await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (size, _pattern(size)))
    # Now and then an idle connection ends, as those of servers do.
    return size % 23 == 0


async def _chunks(peer: Peer, _head: bytes, size: int) -> bool:
    await peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    body = _pattern(size)
    for at in range(0, size, 60_000):
        piece = body[at : at + 60_000]
        await peer.send(b"%x\r\n%b\r\n" % (len(piece), piece))
    await peer.send(b"0\r\n\r\n")
    return False


async def _until_close(peer: Peer, _head: bytes, size: int) -> bool:
    await peer.send(b"HTTP/1.1 200 OK\r\n\r\n" + _pattern(size))
    return True


async def _digest(peer: Peer, head: bytes, _size: int) -> bool:
    digest = hashlib.sha256()
    if b"Transfer-Encoding: chunked" in head:
        while size := int((await peer.until(b"\r\n")).strip(), 16):
            digest.update((await peer.exactly(size + 2))[:-2])
        await peer.exactly(2)
    else:
        left = int(head.partition(b"Content-Length: ")[2].partition(b"\r\n")[0])
        while left:
            data = await peer.reader.read(min(left, 65536))
            if not data:
                return True
            left -= len(data)
            digest.update(data)
    await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 64\r\n\r\n" + digest.hexdigest().encode())
    return False


async def _events(peer: Peer, _head: bytes, count: int) -> bool:
    await peer.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
    for number in range(count):
        await peer.send(b"data: %d\n\n" % number)
        await asyncio.sleep(0.01)
    return True


async def _socket(peer: Peer, _head: bytes, _size: int) -> bool:
    await peer.send(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
    while data := await peer.reader.read(65536):
        await peer.send(data)
    return True


async def _vanish(peer: Peer, _head: bytes, how: int) -> bool:
    if how % 3 == 1:
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\nabc")
    elif how % 3 == 2:
        await peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
    if how % 2:
        _reset(peer)
    return True


_ANSWERS: dict[str, Callable[[Peer, bytes, int], Awaitable[bool]]] = {
    "length": _length,
    "chunks": _chunks,
    "close": _until_close,
    "digest": _digest,
    "events": _events,
    "socket": _socket,
    "vanish": _vanish,
}


# The visitors' side.


async def _fetch(soak: _Soak, client: Peer) -> None:
    """Some answers on one connection, each read whole; slowly at times."""
    for _ in range(soak.chance.randrange(1, 6)):
        size = soak.chance.choice((0, 1, 100, 5_000, 200_000, 2_000_000))
        way = soak.chance.choice(("length", "chunks", "close"))
        await client.send(get(f"{PREFIX}/{way}/{size}".encode()))
        status, _, body = await client.answer()
        soak.check(status == 200 and body == _pattern(size), f"{way} of {size}: {status}, {len(body)} bytes")
        if soak.chance.random() < 0.1:
            await asyncio.sleep(0.05)


async def _pipeline(soak: _Soak, client: Peer) -> None:
    sizes = [soak.chance.randrange(2000) for _ in range(8)]
    await client.send(b"".join(get(f"{PREFIX}/length/{size}".encode()) for size in sizes))
    for size in sizes:
        status, _, body = await client.answer()
        soak.check(status == 200 and body == _pattern(size), f"pipelined {size}: {status}, {len(body)} bytes")


async def _send(soak: _Soak, client: Peer) -> None:
    body = _pattern(soak.chance.choice((0, 1, 70_000, 900_000, 4_000_000)))
    if soak.chance.randrange(2):
        await client.send(get(f"{PREFIX}/digest".encode(), b"Content-Length: %d" % len(body), method=b"POST") + body)
    else:
        chunk = b"%x\r\n%b\r\n" % (len(body), body) if body else b""
        head = get(f"{PREFIX}/digest".encode(), b"Transfer-Encoding: chunked", method=b"PUT")
        await client.send(head + chunk + b"0\r\n\r\n")
    if soak.chance.randrange(3) == 0:
        client.writer.write_eof()
    # A client that has ended its sending side is asked for a sign of life now and then, by an interim answer.
    while (status := (got := await client.answer())[0]) == 100:
        pass
    if status == 502:
        # An idle connection was closed just as it was taken, and a body is not sent twice.
        soak.unlucky += 1
        return
    right = status == 200 and got[2] == hashlib.sha256(body).hexdigest().encode()
    soak.check(right, f"upload of {len(body)}: {status}")


async def _listen(soak: _Soak, client: Peer) -> None:
    count = soak.chance.randrange(1, 30)
    await client.send(get(f"{PREFIX}/events/{count}".encode()))
    _, _, body = await client.answer()
    soak.check(body.count(b"data: ") == count, f"{body.count(b'data: ')} of {count} events")


async def _talk(soak: _Soak, client: Peer) -> None:
    await client.send(get(f"{PREFIX}/socket".encode(), b"Connection: Upgrade", b"Upgrade: websocket"))
    soak.check(b" 101 " in await client.head(), "no tunnel")
    for _ in range(soak.chance.randrange(1, 10)):
        words = _pattern(soak.chance.choice((1, 1000, 100_000)))
        echo = asyncio.gather(client.exactly(len(words)), client.send(words))
        soak.check((await echo)[0] == words, "the tunnel's echo")
        await asyncio.sleep(soak.chance.random() / 20)


async def _misbehave(soak: _Soak, client: Peer) -> None:
    await client.send(soak.chance.choice(_BAD))
    client.writer.write_eof()
    answer = await client.rest()
    soak.check(answer[:10] in (b"HTTP/1.1 4", b"HTTP/1.1 5"), f"a bad request got {answer[:40]!r}")


async def _ask_who_vanishes(soak: _Soak, client: Peer) -> None:
    await client.send(get(f"{PREFIX}/vanish/{soak.chance.randrange(6)}".encode(), CLOSE))
    answer = await client.rest()
    whole = answer.startswith(b"HTTP/1.1 200 ") and answer.endswith(b"0\r\n\r\n")
    soak.check(not whole, "a broken answer looked whole")


async def _ask_a_moving_alias(soak: _Soak, client: Peer) -> None:
    await client.send(get(f"{ALIAS}/length/10".encode()))
    status, _, _ = await client.answer()
    soak.check(status in {200, 502}, f"the alias answered {status}")


async def _leave_early(soak: _Soak, client: Peer) -> None:
    """Vanish in the head, in the body, or while the answer comes."""
    asked = soak.chance.choice(
        (
            get(f"{PREFIX}/length/2000000".encode()),
            get(f"{PREFIX}/events/100".encode()),
            get(f"{PREFIX}/digest".encode(), b"Content-Length: 90000", method=b"POST") + b"x" * 50_000,
            get(f"{PREFIX}/socket".encode(), b"Connection: Upgrade", b"Upgrade: websocket"),
            get(f"{PREFIX}/length/5".encode())[:-3],
        )
    )
    await client.send(asked)
    if soak.chance.randrange(2):
        await asyncio.sleep(soak.chance.random() / 50)
    if soak.chance.randrange(2):
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(client.reader.read(1000), 0.2)
    if soak.chance.randrange(2):
        _reset(client)


_VISITS: dict[str, Callable[[_Soak, Peer], Awaitable[None]]] = {
    "fetch": _fetch,
    "pipeline": _pipeline,
    "send": _send,
    "listen": _listen,
    "talk": _talk,
    "misbehave": _misbehave,
    "ask who vanishes": _ask_who_vanishes,
    "ask a moving alias": _ask_a_moving_alias,
    "leave early": _leave_early,
}

#: Visits in which the gateway may hang up on the visitor; in all others that is wrong.
_MAY_BREAK = {"misbehave", "ask who vanishes", "leave early"}


def _reset(peer: Peer) -> None:
    sock = peer.writer.get_extra_info("socket")
    if sock is not None and not peer.writer.transport.is_closing():
        with contextlib.suppress(OSError):
            sock.setsockopt(SOL_SOCKET, SO_LINGER, _RESET)
        peer.writer.transport.abort()


async def _visit(soak: _Soak) -> None:
    while time.monotonic() < soak.deadline:
        name = soak.chance.choice(list(_VISITS))
        soak.visits[name] += 1
        peer = Peer(*await asyncio.open_connection("127.0.0.1", soak.gateway.port, limit=2**20))
        try:
            await asyncio.wait_for(_VISITS[name](soak, peer), _PATIENCE)
        except asyncio.TimeoutError:
            soak.wrong.append(f"{name}: nothing for {_PATIENCE:.0f} s")
        except _GONE as error:
            soak.check(name in _MAY_BREAK, f"{name}: {error!r}")
        finally:
            await peer.close()


async def _listen_at(port: int = 0) -> asyncio.Server:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _serve(Peer(reader, writer))

    return await asyncio.start_server(script, "127.0.0.1", port, limit=2**20)


async def _move(soak: _Soak) -> None:
    """Lead the routes to one server and the other in turn; the one that is left alone now and then is another one."""
    servers = [await _listen_at(), await _listen_at()]
    try:
        turn = 0
        while True:
            turn += 1
            port = servers[turn % 2].sockets[0].getsockname()[1]
            # Port 1 refuses.
            alias = port if turn % 5 else 1
            await asyncio.to_thread(soak.gateway.publish, [(PREFIX, port), (ALIAS, alias)])
            await asyncio.sleep(0.05)
            if turn % 40 == 0:
                # What is in flight there ends well: only nobody new gets in.
                servers[(turn + 1) % 2].close()
                servers[(turn + 1) % 2] = await _listen_at()
    finally:
        for server in servers:
            server.close()


async def _soak(gateway: Alone, minutes: float, seed: int) -> Sequence[Goal]:
    process = psutil.Process(gateway.pid)
    began = time.monotonic()
    soak = _Soak(gateway, random.Random(seed), began + minutes * 60)
    tasks, files = gateway.facts()["tasks"], process.num_fds()
    moving = asyncio.ensure_future(_move(soak))
    # The routes have to be there before anybody comes.
    await asyncio.sleep(0.5)
    visitors = asyncio.gather(*(_visit(soak) for _ in range(_VISITORS)))
    memory = []
    for mark in (0.1, 0.5, 1.0):
        await asyncio.sleep(max(0.0, began + minutes * 60 * mark - time.monotonic()))
        memory.append(gateway.memory())
    await visitors
    seconds = time.monotonic() - began
    moving.cancel()
    await asyncio.wait([moving])
    await _until_empty(gateway)
    facts = gateway.facts()
    _print(soak, facts, seconds, memory)
    return [
        Goal("sockets left", gateway.sockets() - 1, "<=", 0),
        Goal("tasks left", facts["tasks"] - tasks, "<=", 0),
        Goal("files left", process.num_fds() - files, "<=", 0),
        Goal("memory grown since the first tenth, MB", memory[-1] - memory[0], "<=", 16),
        Goal("answers that were wrong", len(soak.wrong), "<=", 0),
        Goal("complaints of the event loop", len(facts["complaints"]), "<=", 0),
    ]


async def _until_empty(gateway: Alone) -> None:
    for _ in range(300):
        facts = gateway.facts()
        if not facts["connections"] and not facts["upstream_connections"]:
            return
        await asyncio.sleep(0.1)


def _print(soak: _Soak, facts: dict[str, object], seconds: float, memory: list[float]) -> None:
    statuses = facts["statuses"]
    assert isinstance(statuses, dict)
    print(f"{seconds:.0f} s, {sum(soak.visits.values()):,} visits: {dict(soak.visits)}")
    print(f"{sum(statuses.values()):,} requests by status: {statuses}; {facts['broken']} broke off")
    print(f"{facts['bytes_in']:,} bytes of requests' bodies and tunnels, {facts['bytes_out']:,} of answers'")
    print(f"{soak.unlucky} uploads met the closing of an idle connection")
    print("memory at a tenth, the half and the end, MB:", ", ".join(f"{mark:.1f}" for mark in memory))
    for what, times in Counter(soak.wrong).most_common(10):
        print(f"wrong, {times} times: {what}")
    for complaint in facts["complaints"] if isinstance(facts["complaints"], list) else ():
        print(f"complaint: {complaint}")


def measure() -> Sequence[Goal]:
    """Wear the gateway out and return the goals."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    given = parser.parse_args()
    print(f"seed {given.seed}", flush=True)
    if not Path("/proc").is_dir():
        raise UnmeasuredError("this system does not tell a process's memory in /proc")
    with Alone(linger_seconds=0.5) as gateway:
        return uvloop.run(asyncio.wait_for(_soak(gateway, given.minutes, given.seed), given.minutes * 60 + 200))


if __name__ == "__main__":
    conclude(measure)

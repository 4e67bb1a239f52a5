"""Clients and servers that vanish at random."""

import asyncio
import contextlib
import random

from tests.gateway.harness import PATH, Peer, Script, Stage, get, stage

UPLOAD = get(PATH, b"Content-Length: 50000", method=b"POST")
UPGRADE = get(PATH, b"Connection: Upgrade", b"Upgrade: websocket")


async def nothing(peer: Peer) -> None:
    """Hang up without a word."""


async def reset(peer: Peer) -> None:
    peer.reset()


async def short(peer: Peer) -> None:
    await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\nabc")


async def short_chunks(peer: Peer) -> None:
    await peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
    peer.reset()


async def answer(peer: Peer) -> None:
    await peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n186a0\r\n" + b"x" * 100000)
    await peer.send(b"\r\n0\r\n\r\n")


async def switch(peer: Peer) -> None:
    await peer.send(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
    await peer.exactly(5)


def moody(chance: random.Random) -> Script:
    """A server that answers about half of the requests, and deserts from the others in one way or another."""

    async def script(peer: Peer) -> None:
        ends = False
        while not ends:
            head = await peer.head()
            mood = chance.choice((nothing, reset, short, short_chunks, *[answer] * 4, *[switch] * (b"Upgrade" in head)))
            if b"Content-Length" in head and mood is answer:
                await peer.exactly(50000)
            await mood(peer)
            ends = mood is not answer

    return script


VISITS = (get(PATH), get(PATH) * 3, UPLOAD + b"x" * 50000, UPLOAD + b"x" * 100, UPGRADE, b"GET / HTTP/")


async def visitor(at: Stage, chance: random.Random) -> None:
    """Ask for one to three things, then leave: at once, with a reset, or after a part of the answer."""
    async with at.client() as client:
        with contextlib.suppress(ConnectionError):
            for _ in range(chance.randrange(1, 4)):
                await client.send(chance.choice(VISITS))
                if chance.randrange(2):
                    # Some of these requests never get an answer; the end of sending brings an end of some kind.
                    client.writer.write_eof()
                    await client.reader.read(chance.randrange(1, 100000))
                    return
            if chance.randrange(2):
                client.reset()


def test_they_leave_nothing_behind(run):
    chance = random.Random(3)

    async def main():
        async with stage(moody(chance), upstream_idle_seconds=0.05, linger_seconds=0.2) as at:
            for _ in range(30):
                await asyncio.gather(*(visitor(at, chance) for _ in range(20)))
            await at.nothing_open()

    run(main)

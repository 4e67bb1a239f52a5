"""What an endpoint answers, known and changed at random: what clients get of it, a second reader reads the same way.

The seeds are in ``answers/``; what fails is kept there as ``found-….bin``, and tried first ever after.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import itertools
import random
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import h11
import pytest

from tests.gateway.fuzz import streams
from tests.gateway.harness import CLOSE, PATH, Stage, get, stage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.gateway.harness import Peer

DIRECTORY = Path(__file__).parent / "answers"
SEEDS = {path.stem: path.read_bytes() for path in sorted(DIRECTORY.glob("*.bin"))}

#: What vhlocal alone says of an answer.
OWN = (b"x-vhlocal-revision", b"x-vhlocal-stale")

#: Enough for each kind of change to meet each seed; about ten seconds.
ANSWERS = 4000


class Endpoint:
    """A server that answers each request with ``said``, whatever it is, and hangs up."""

    said = b""

    async def __call__(self, peer: Peer) -> None:
        await peer.head()
        with contextlib.suppress(ConnectionError):
            await peer.send(self.said)


@dataclass
class Read:
    """An answer as h11 reads it: ``whole`` up to its end."""

    status: int = 0
    headers: tuple[tuple[bytes, bytes], ...] = ()
    body: bytes = b""
    whole: bool = False
    fault: str = ""


def read(method: str, data: bytes) -> Read:
    reader, found = h11.Connection(h11.CLIENT, max_incomplete_event_size=1 << 20), Read()
    reader.send(h11.Request(method=method, target="/", headers=[("Host", "x"), ("Connection", "close")]))
    reader.send(h11.EndOfMessage())
    try:
        for part in (data, b""):
            reader.receive_data(part)
            while (event := reader.next_event()) not in (h11.NEED_DATA, h11.PAUSED):
                if isinstance(event, h11.Response):
                    found.status, found.headers = event.status_code, tuple(event.headers)
                elif isinstance(event, h11.Data):
                    found.body += bytes(event.data)
                elif isinstance(event, h11.EndOfMessage):
                    found.whole = True
                    return found
    except h11.RemoteProtocolError as error:
        found.fault = str(error)
    return found


async def judge(at: Stage, endpoint: Endpoint, said: bytes, method: str) -> None:
    """Have a request answered so, and look at what its client gets."""
    before, endpoint.said = len(at.records), said
    got = await at.ask(get(PATH, CLOSE, method=method.encode()))
    [record] = (await at.wait_for_records(before + 1))[before:]
    client, server = read(method, got), read(method, said)
    assert client.status == record.status, got
    # What is not whole breaks off so that no client takes it for whole.
    assert client.whole == record.whole, (record, got)
    head = got.partition(b"\r\n\r\n")[0]
    assert not set(head.replace(b"\r\n", b"")) & {0, 10, 13}, "no line of a head is forged"
    said_by_vhlocal = [value for name, value in client.headers if name in OWN]
    assert b"evil" not in said_by_vhlocal, "what vhlocal says is said by no endpoint"
    if record.gateway_seconds is not None and client.whole and client.status == server.status and server.whole:
        assert client.body == server.body, (said, got)


@contextlib.asynccontextmanager
async def gateway() -> AsyncIterator[tuple[Stage, Endpoint]]:
    endpoint = Endpoint()
    async with stage(endpoint) as at:
        yield at, endpoint
        endpoint.said = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood"
        assert (await at.ask(get(PATH, CLOSE))).endswith(b"good")
        assert at.gateway.in_flight(at.upstream) == 0


@pytest.mark.parametrize("name", sorted(SEEDS, key=lambda name: (not str(name).startswith("found-"), str(name))))
def test_each_seed(name):
    async def main():
        async with gateway() as (at, endpoint):
            for method in ("GET", "HEAD"):
                await judge(at, endpoint, SEEDS[name], method)

    asyncio.run(asyncio.wait_for(main(), 60))


def test_whatever_an_endpoint_answers_its_client_reads_what_the_gateway_read():
    chance = random.Random(20261126)

    async def main():
        passed = 0
        async with gateway() as (at, endpoint):
            for said in itertools.islice(streams(chance, [seed for seed in SEEDS.values() if seed]), ANSWERS):
                try:
                    await asyncio.wait_for(judge(at, endpoint, said, chance.choice(("GET", "GET", "HEAD"))), 60)
                except BaseException:
                    (DIRECTORY / f"found-{hashlib.sha256(said).hexdigest()[:12]}.bin").write_bytes(said)
                    raise
                passed += at.records[-1].status == 200
        assert passed > ANSWERS / 10, "or nothing is proven"

    asyncio.run(main())

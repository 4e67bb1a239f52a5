"""One side that sends a flood of small things: all of it arrives, and others are served in the midst of it.

What is a part of one burst is counted in turns, not in time: before the burst has gone through, others have had theirs.
"""

import asyncio
import socket
from typing import cast

import pytest

from tests.fakes.transport import FakeTransport
from tests.gateway.harness import CLOSE, OK, PATH, PREFIX, Peer, get, server, stage
from tests.gateway.routes import route_to
from vhlocal.gateway.options import GatewayOptions
from vhlocal.gateway.outbox import Outbox
from vhlocal.gateway.pool import Pool, ServerConnections
from vhlocal.gateway.server import Upstream
from vhlocal.gateway.upstream import Carried, UpstreamConnection

GOOD = "/acme/digits/local/20261124.0/good"
TINY = b"1\r\nx\r\n" * 40_000 + b"0\r\n\r\n"
UPGRADE = (b"Connection: Upgrade", b"Upgrade: websocket")
SWITCHED = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
PINGS = b"\x89\x00" * 100_000


async def answers(peer: Peer):
    while True:
        await peer.head()
        await peer.send(OK)


def bursting(burst: bytes):
    """Answer with one burst, and hang up."""

    async def script(peer: Peer):
        await peer.head()
        await peer.send(burst)

    return script


async def others_are_served(at, good, requests: int) -> None:
    """Requests of another client, to another server, one after the other."""
    route = route_to(GOOD, "good", good, revision="r1")
    at.table.publish([route_to(PREFIX, "predict", at.upstream, revision="r1"), route])
    async with at.client() as other:
        for _ in range(requests):
            await other.send(get(GOOD.encode()))
            assert (await other.answer())[2] == b"ok"


@pytest.mark.parametrize(
    ("burst", "begins", "requests"),
    [
        (b"HTTP/1.1 102 Processing\r\n\r\n" * 5000 + OK, b"HTTP/1.1 102 Processing\r\n\r\n", 20),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + TINY, b"HTTP/1.1 200 OK\r\n", 3),
        (SWITCHED + PINGS + b"\x81\x02ok", b"HTTP/1.1 101 Switching Protocols\r\n", 3),
    ],
    ids=["interim answers", "chunks", "frames"],
)
def test_a_servers_flood_goes_through_whole_while_others_are_served(run, burst, begins, requests):
    async def main():
        async with server(answers) as good, stage(bursting(burst)) as at, at.client() as client:
            await client.send(get(PATH, *UPGRADE, CLOSE) if begins.startswith(b"HTTP/1.1 101") else get(PATH))
            assert await client.exactly(len(begins)) == begins
            await others_are_served(at, good, requests)
            assert [record.endpoint for record in at.records] == ["good"] * requests, "the flood still goes on"
            if begins.startswith(b"HTTP/1.1 102"):
                rest = await client.until(b"\r\n\r\nok")
                assert (begins + rest).count(begins) == 5000
            elif begins.startswith(b"HTTP/1.1 200"):
                await client.until(b"\r\n\r\n")
                body = 0
                while size := int((await client.until(b"\r\n")).strip(), 16):
                    assert await client.exactly(size) == b"x" * size
                    body += size
                    await client.exactly(2)
                assert body == 40_000
            else:
                assert (await client.until(b"\x81\x02ok")).endswith(b"\r\n\r\n" + PINGS + b"\x81\x02ok")
                await client.close()
            *_, last = await at.wait_for_records(requests + 1)
            assert last.whole

    run(main)


class Keeps:
    """A request that only notes what it is told."""

    def __init__(self):
        self.told = []

    def interim(self, head):
        self.told.append(head.status)

    def whole_response(self, head, body):
        self.told.append(body)

    def lost(self, reason, unanswered):
        self.told.append(reason)

    def flush(self):
        pass


def test_what_had_come_before_a_connection_broke_is_read_to_its_end(run):
    async def main():
        loop = asyncio.get_running_loop()
        pool = Pool(loop, GatewayOptions(control=Upstream("127.0.0.1", 1)), Outbox(loop, (), ()))
        connection, carried = UpstreamConnection(pool, ServerConnections()), Keeps()
        with socket.socket() as its_socket:
            connection.connection_made(FakeTransport(its_socket))
            connection.carry(cast(Carried, carried), "GET", b"")
            connection.data_received(b"HTTP/1.1 102 Processing\r\n\r\n" * 3 + OK)
            assert carried.told == [102], "the rest waits for the next rounds"
            connection.connection_lost(ConnectionResetError())
        assert carried.told[:4] == [102, 102, 102, b"ok"]

    run(main)


def test_a_clients_flood_of_chunks_goes_through_whole_while_others_are_served(run):
    async def main():
        async def script(peer: Peer):
            head = await peer.head()
            assert b"Content-Length: 120000\r\n" in head
            assert await peer.exactly(120_000) == b"x" * 120_000
            await peer.send(OK)

        async with server(answers) as good, stage(script) as at, at.client() as client:
            client.writer.write(get(PATH, b"Transfer-Encoding: chunked", method=b"POST") + TINY[:-5] * 2 + TINY)
            await others_are_served(at, good, 1)
            assert [record.endpoint for record in at.records] == ["good"]
            assert (await client.answer())[2] == b"ok"

    run(main)


def test_a_clients_flood_of_requests_is_answered_whole_while_others_are_served(run):
    """Each is answered by the gateway itself, at once."""

    async def main():
        async with server(answers) as good, stage(answers) as at, at.client() as client:
            client.writer.write(get(b"/acme/digits/local/dev/nothing/") * 1000)
            await others_are_served(at, good, 3)
            assert len(at.records) < 1003
            for _ in range(1000):
                assert (await client.answer())[0] == 404

    run(main)

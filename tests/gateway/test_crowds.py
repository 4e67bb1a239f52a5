"""Clients by the hundred that want too much, or never come to an end."""

import asyncio
import contextlib
import socket
import sys

import pytest

from tests.gateway.alone import Alone
from tests.gateway.harness import CLOSE, OK, PATH, PREFIX, Limits, Peer, answering, get, server, silent, stage
from vhlocal.gateway.server import FailureKind

SLOW_HEAD = get(PATH, b"X-Slow: " + b"x" * 4000)
SLOW_BODY = get(PATH, b"Content-Length: 4000", method=b"POST")


async def dribble(client: Peer, data: bytes, stop: asyncio.Event) -> bytes:
    """Send a byte at a time, in truth never all of them, until hung up on or told to stop; what came as an answer."""
    answer = asyncio.gather(client.rest(), return_exceptions=True)
    for at in range(len(data) - 1):
        if answer.done() or stop.is_set():
            break
        with contextlib.suppress(ConnectionError):
            await client.send(data[at : at + 1])
        await asyncio.sleep(0.02)
    (got,) = await answer
    return got if isinstance(got, bytes) else b""


def test_three_hundred_clients_that_dribble_hold_up_nobody_and_are_ended(run_once):
    async def main():
        async def script(peer: Peer):
            while True:
                head = await peer.head()
                if b"POST" in head:
                    await peer.exactly(4000)
                await peer.send(OK)

        stop = asyncio.Event()
        options: Limits = {"head_seconds": 6, "body_seconds": 5, "linger_seconds": 0.2}
        async with stage(script, **options) as at, contextlib.AsyncExitStack() as stack, at.client() as other:
            slow = [await stack.enter_async_context(at.client()) for _ in range(300)]
            heads = asyncio.gather(*(dribble(client, SLOW_HEAD, stop) for client in slow[:150]))
            bodies = asyncio.gather(*(dribble(client, SLOW_BODY[-2:] + b"x" * 4000, stop) for client in slow[150:]))
            for client in slow[150:]:
                await client.send(SLOW_BODY[:-2])
            connected = 0
            for _ in range(200):
                await other.send(get(PATH))
                assert (await other.answer())[2] == b"ok"
                assert at.gateway.in_flight(at.upstream) == 0, "bodies wait here (K9)"
                connected = max(connected, at.gateway.connections())
            assert connected == 301
            assert all(answer.startswith(b"HTTP/1.1 408 ") for answer in await heads)
            # A body has no end to be in time for, but it has to go on coming.
            stop.set()
            assert all(answer.startswith(b"HTTP/1.1 408 ") for answer in await bodies)
            await other.send(get(PATH))
            assert (await other.answer())[2] == b"ok"
            while at.gateway.connections() > 1:
                await asyncio.sleep(0.01)

    run_once(main)


def test_a_client_too_many_gets_a_503_that_says_so_and_room_is_made_by_who_leaves(run):
    async def main():
        async with stage(answering(b"ok"), connections=2, room_seconds=60) as at, at.client() as one:
            for _ in range(3):
                async with at.client() as two:
                    for client in (one, two):
                        await client.send(get(PATH))
                        assert (await client.answer())[2] == b"ok"
                    for _ in range(2):
                        # It may ask or not, and more or less at once.
                        async with at.client() as three, at.client() as four:
                            three.writer.write(get(PATH))
                            for client in (three, four):
                                status, headers, body = await client.answer()
                                assert (status, headers["x-page"], headers["connection"]) == (503, "full", "close")
                                assert body == b"2 clients are connected, which is the limit"
                                assert await client.rest() == b""
                    assert at.gateway.connections() == 2
                while at.gateway.connections() > 1:
                    await asyncio.sleep(0)
            # Told each time that they ran out, not of each client.
            assert {limit.kind for limit in at.limits} == {FailureKind.FULL}
            assert 1 <= len(at.limits) <= 3
            assert {record.status for record in at.records} == {200, 503}

    run(main)


def test_a_flood_of_clients_too_many_costs_those_connected_nothing(run):
    async def main():
        async with (
            stage(answering(b"ok"), connections=1, room_seconds=60) as at,
            at.client() as one,
            contextlib.AsyncExitStack() as stack,
        ):
            await one.send(get(PATH))
            assert (await one.answer())[2] == b"ok"
            flood = [await stack.enter_async_context(at.client()) for _ in range(200)]
            await one.send(get(PATH))
            assert (await one.answer())[2] == b"ok"
            told = 0
            for client in flood:
                with contextlib.suppress(ConnectionError):
                    told += (await client.rest()).startswith(b"HTTP/1.1 503 ")
            assert told >= 64
            assert len(at.limits) == 1
            await one.send(get(PATH))
            assert (await one.answer())[2] == b"ok"

    run(main)


def test_who_has_asked_for_nothing_the_longest_makes_room(run):
    """One that never asked, one in a head, one between two requests; never one that waits for its answer."""

    async def main():
        asked = asyncio.Event()

        async def script(peer: Peer):
            if b"slow" in await peer.head():
                asked.set()
                await peer.rest()
            await peer.send(OK)

        async with (
            stage(script, connections=4, room_seconds=0) as at,
            at.client() as waiting,
            at.client() as mute,
            at.client() as slow,
            at.client() as between,
            contextlib.AsyncExitStack() as stack,
        ):
            await waiting.send(get(PATH + b"/slow"))
            await asked.wait()
            await slow.send(b"GET / HT")
            assert await serves(between)
            for gone in (mute, slow, between):
                one = await stack.enter_async_context(at.client())
                assert await serves(one)
                assert await gone.rest() == b""
            assert not waiting.reader.at_eof()
            assert at.gateway.connections() == 4
            assert at.limits == []

    run(main)


def test_clients_that_are_all_busy_do_not_lock_out_the_control_plane(run):
    async def main():
        async with stage(silent(asyncio.Event()), connections=3) as at, contextlib.AsyncExitStack() as stack:
            busy = [await stack.enter_async_context(at.client()) for _ in range(3)]
            for client in busy:
                await client.send(get(PATH))
            while at.gateway.in_flight(at.upstream) < 3:
                await asyncio.sleep(0)
            for path in (b"/", b"/api/endpoints"):
                async with at.client() as one:
                    await one.send(get(path))
                    assert (await one.answer())[2] == b"control"
                    assert await one.rest() == b"", "one request, and room for the next"
            assert at.limits == []
            for path in (PATH, b"/acme/digits/local/dev/nothing"):
                async with at.client() as one:
                    await one.send(get(path))
                    assert (await one.answer())[0] == 503
            assert [limit.kind for limit in at.limits] == [FailureKind.FULL]
            assert at.gateway.connections() == 3

    run(main)


@contextlib.asynccontextmanager
async def clients(port: int, count: int):
    """Connections made one after another; those that the gateway hangs up on are among them."""
    async with contextlib.AsyncExitStack() as stack:
        peers = []
        for _ in range(count):
            peer = Peer(*await asyncio.open_connection("127.0.0.1", port))
            stack.callback(peer.writer.transport.abort)
            peers.append(peer)
        yield peers


async def serves(client: Peer) -> bool:
    await client.send(get(PATH))
    return (await client.answer())[2] == b"ok"


@pytest.mark.skipif(sys.platform == "win32", reason="sockets are not counted there")
@pytest.mark.parametrize(("files", "connections"), [(160, 12), (64, 4096)])
def test_a_process_out_of_files_serves_those_connected_and_recovers(run_once, files, connections):
    """With room for all that may connect, to each of them at once; else as far as files go. Never in a busy loop."""

    async def main():
        async with server(answering(b"ok")) as upstream:
            with Alone(files=files, connections=connections) as gateway:
                gateway.publish([(PREFIX, upstream.port)])
                async with clients(gateway.port, 12) as first:
                    assert all([await serves(client) for client in first])
                    async with clients(gateway.port, 150) as flood:
                        if connections == 12:
                            assert all(await asyncio.gather(*map(serves, first)))
                        for client in flood[-10:]:
                            with contextlib.suppress(ConnectionError):
                                got = await client.rest()
                                assert got == b"" or got.startswith(b"HTTP/1.1 503 ")
                        assert all([await serves(client) for client in first])
                        before = gateway.processor_seconds()
                        await asyncio.sleep(0.5)
                        assert gateway.processor_seconds() - before < 0.25
                while gateway.facts()["connections"]:
                    await asyncio.sleep(0.01)
                async with clients(gateway.port, 12) as fresh:
                    assert all(await asyncio.gather(*map(serves, fresh)))
                facts = gateway.facts()
                assert facts["complaints"] == []
                assert facts["statuses"]["200"] >= 36

    run_once(main)


def test_a_gateway_that_can_open_no_connection_says_so(run):
    """503, and not that the server refused."""

    async def main():
        async with stage(answering(b"ok")) as at, at.client() as client, contextlib.AsyncExitStack() as stack:
            resource = pytest.importorskip("resource")
            limits = resource.getrlimit(resource.RLIMIT_NOFILE)
            stack.callback(resource.setrlimit, resource.RLIMIT_NOFILE, limits)
            await client.send(get(b"/"))
            assert (await client.answer())[0] == 200
            probe = socket.socket()
            resource.setrlimit(resource.RLIMIT_NOFILE, (probe.fileno(), limits[1]))
            probe.close()
            spare = []
            with contextlib.suppress(OSError):
                while True:
                    spare.append(stack.enter_context(socket.socket()))
            await client.send(get(PATH, CLOSE))
            status, headers, body = await client.answer()
            assert (status, headers["x-page"]) == (503, "full")
            assert b"too many files open" in body

    run(main)

"""Peers that end their sending side, or stop taking, while the other side still has something to say."""

import asyncio
import contextlib

import pytest

from tests.gateway.harness import CLOSE, OK, PATH, Peer, answering, get, stage
from tests.gateway.test_connection import echo_body

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
UPGRADE = get(PATH, b"Connection: Upgrade", b"Upgrade: websocket")
SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
BODIES = {
    "length": get(PATH, b"Content-Length: 5", method=b"POST") + b"hello",
    "chunked": get(PATH, b"Transfer-Encoding: chunked", method=b"POST") + b"5\r\nhello\r\n0\r\n\r\n",
    "long": get(PATH, b"Content-Length: 3000000", method=b"POST") + b"x" * 3_000_000,
}
SIZES = {"length": 5, "chunked": len(b"5\r\nhello\r\n0\r\n\r\n"), "long": 3_000_000}


@pytest.mark.parametrize("framing", BODIES)
def test_a_client_that_ends_its_sending_side_right_after_its_body_gets_its_answer(run, framing):
    """As ``nc -N`` does: the end is there before the gateway has a connection to the server."""

    async def main():
        async def script(peer: Peer):
            await peer.head()
            await peer.exactly(SIZES[framing])
            await peer.send(OK)

        async with stage(script, buffered=False) as at, at.client() as client:
            await client.send(BODIES[framing])
            client.writer.write_eof()
            got = (await client.rest()).replace(CONTINUE, b"")
            assert got.startswith(b"HTTP/1.1 200 OK\r\n")
            assert got.endswith(b"\r\n\r\nok")

    run(main)


def test_k9_strict_hangs_up_on_a_client_that_ends_its_sending_side_before_its_answer(run):
    """An nginx did so, with ``proxy_ignore_client_abort off``; the server is freed at once."""

    async def main():
        asked, left = asyncio.Event(), asyncio.Event()

        async def script(peer: Peer):
            await peer.head()
            asked.set()
            assert await peer.rest() == b""
            left.set()

        async with stage(script, strict=True) as at, at.client() as client:
            await client.send(get(PATH))
            await asked.wait()
            client.writer.write_eof()
            assert await client.rest() == b""
            await left.wait()
            record = (await at.wait_for_records(1))[0]
            assert (record.status, record.whole) == (499, False)
            assert "ended its sending side before it had its answer" in record.reason

    run(main)


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_a_body_that_ends_early_is_never_passed_off_as_whole(run, framing):
    async def main():
        got: asyncio.Queue[bytes] = asyncio.Queue()

        async def script(peer: Peer):
            await peer.head()
            asked.set()
            received = b""
            with contextlib.suppress(ConnectionError):
                while data := await peer.reader.read(100):
                    received += data
            got.put_nowait(received)

        asked = asyncio.Event()
        async with stage(script, buffered=False) as at, at.client() as client:
            await client.send(BODIES[framing][:-4])
            await asked.wait()
            await client.send(BODIES[framing][-4:-3])
            client.writer.write_eof()
            with contextlib.suppress(ConnectionError):
                assert await client.rest() == b""
            assert len(await got.get()) < SIZES[framing]
            assert at.gateway.in_flight(at.upstream) == 0
            assert (await at.wait_for_records(1))[0].status == 499

    run(main)


def test_an_early_answer_until_close_of_a_server_that_reads_no_more_is_whole(run):
    """The server says no, ends its sending side, and leaves the rest of the body where it is."""

    async def main():
        stuck, done = asyncio.Event(), asyncio.Event()

        async def script(peer: Peer):
            await peer.head()
            peer.pause_reading()
            await stuck.wait()
            await peer.send(b"HTTP/1.1 403 Forbidden\r\nConnection: close\r\n\r\nno")
            peer.writer.write_eof()
            await done.wait()

        async with stage(script, buffered=False, body_bytes=2**40) as at, at.client() as client:
            client.writer.write(get(PATH, b"Content-Length: 100000000", method=b"POST") + b"x" * 99_999_999)
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(client.writer.drain(), 0.5)
            stuck.set()
            got = await client.until(b"0\r\n\r\n")
            assert got.startswith(b"HTTP/1.1 403 Forbidden\r\n")
            assert got.endswith(b"\r\n\r\n2\r\nno\r\n0\r\n\r\n")
            client.writer.transport.abort()
            done.set()

    run(main)


def test_a_server_that_ends_its_sending_side_without_an_answer_is_502(run):
    async def main():
        done = asyncio.Event()

        async def script(peer: Peer):
            await peer.head()
            peer.writer.write_eof()
            await done.wait()

        async with stage(script) as at, at.client() as client:
            await client.send(get(PATH))
            status, headers, _ = await client.answer()
            assert (status, headers["x-page"]) == (502, "reset")
            done.set()

    run(main)


def test_a_tunnel_whose_client_ended_its_sending_side_before_the_switch_ends_too(run):
    async def main():
        async def script(peer: Peer):
            await peer.head()
            await half_closed.wait()
            await peer.send(SWITCH + b"hi")
            # What the client has said, to its end, is all that this server waits for.
            await peer.send(b"got " + await peer.rest())

        half_closed = asyncio.Event()
        async with stage(script) as at, at.client() as client:
            await client.send(UPGRADE + b"early")
            client.writer.write_eof()
            await client.until(CONTINUE)
            half_closed.set()
            assert (await client.rest()).endswith(b"\r\n\r\nhigot early")
            assert (await at.wait_for_records(1))[0].status == 101

    run(main)


def test_the_last_bytes_of_an_answer_are_not_waited_for_endlessly(run):
    """Whatever part of an answer a client has left unread when the connection is to end."""

    async def main():
        async def script(peer: Peer):
            size = int((await peer.head()).split(b"?")[1].split()[0])
            await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (size, b"x" * size))
            await peer.rest()

        async with stage(script, send_seconds=0.2, send_buffer=4096) as at, contextlib.AsyncExitStack() as stack:
            clients = [await stack.enter_async_context(at.client(receive_buffer=4096)) for _ in range(25)]
            for number, client in enumerate(clients):
                client.pause_reading()
                await client.send(get(PATH + b"?%d" % (number * 8192), CLOSE))
            await at.wait_for_records(25)
            while at.gateway.connections():
                await asyncio.sleep(0.01)
            for client in clients:
                client.writer.transport.abort()

    run(main)


def test_a_tunnel_that_one_side_has_ended_is_not_kept_for_a_silent_other(run):
    async def main():
        async def script(peer: Peer):
            await peer.head()
            await peer.send(SWITCH)
            # Neither a word nor an end, whatever the client does.
            await done.wait()

        done = asyncio.Event()
        async with stage(script, send_seconds=0.2) as at, at.client() as client:
            await client.send(UPGRADE)
            await client.head()
            client.writer.write_eof()
            with contextlib.suppress(ConnectionError):
                assert await client.rest() == b""
            assert len(await at.wait_for_records(1)) == 1
            done.set()

    run(main)


def test_a_tunnel_whose_client_takes_nothing_is_cut_in_the_end(run):
    async def main():
        async def script(peer: Peer):
            await peer.head()
            await peer.send(SWITCH)
            with contextlib.suppress(ConnectionError):
                while True:
                    await peer.send(b"x" * 65536)
            freed.set()

        freed = asyncio.Event()
        async with stage(script, send_seconds=0.2) as at, at.client() as client:
            client.pause_reading()
            await client.send(UPGRADE)
            await freed.wait()
            assert len(await at.wait_for_records(1)) == 1
            client.writer.transport.abort()

    run(main)


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_a_body_that_ends_early_reaches_no_server_where_it_is_read_whole_first(run, framing):
    """K9"""

    async def main():
        async with stage(answering(b"nobody asked")) as at, at.client() as client:
            await client.send(BODIES[framing][:-3])
            client.writer.write_eof()
            with contextlib.suppress(ConnectionError):
                assert await client.rest() == b""
            record = (await at.wait_for_records(1))[0]
            assert (record.status, record.gateway_seconds) == (499, None)

    run(main)


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_a_client_that_ends_its_sending_side_with_its_body_gets_its_answer_where_that_is_read_whole_first(run, framing):
    async def main():
        async with stage(echo_body) as at, at.client() as client:
            await client.send(BODIES[framing])
            client.writer.write_eof()
            got = (await client.rest()).replace(CONTINUE, b"")
            assert got.startswith(b"HTTP/1.1 200 OK\r\n")
            assert b"\r\n\r\nlength:" in got

    run(main)

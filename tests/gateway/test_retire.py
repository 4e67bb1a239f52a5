"""What is still in flight at a server that has been replaced, and how it ends."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.frames import CloseCode

from tests.gateway.harness import CLOSE, OK, PATH, PREFIX, Peer, Stage, answering, get, server, silent, stage
from tests.gateway.routes import route_to
from tests.gateway.test_websockets import address, behind, dial, echo

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection

    from vhlocal.gateway.server import Upstream

EVENTS = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n6\r\ndata: \r\n"
REPLACED = "closed by vhlocal: revision r1 was replaced 0 s ago"
REMOVED = "closed by vhlocal: the server with revision r1 was removed 0 s ago"
RUN_ENDS = "closed by vhlocal: the run ends"


def lead(at: Stage, upstream: Upstream | None) -> None:
    at.table.publish([route_to(PREFIX, "predict", upstream, revision="r2")])


def staying(answer: bytes):
    """A server that begins every answer so, and says no more."""

    async def script(peer: Peer) -> None:
        while True:
            await peer.head()
            await peer.send(answer)

    return script


def test_a_server_is_waited_for_while_it_answers_and_not_asked_again(run):
    """Its idle connections end at once, and the busy ones with what they carry."""

    async def main():
        asked, answer, ended = asyncio.Event(), asyncio.Event(), asyncio.Semaphore(0)

        async def slow(peer: Peer):
            if b"/quick" not in await peer.head():
                asked.set()
                await answer.wait()
            await peer.send(OK)
            assert await peer.rest() == b""
            ended.release()

        async with stage(slow, upstream_idle_seconds=3600) as at, at.client() as slowly, at.client() as quickly:
            await slowly.send(get(PATH))
            await asked.wait()
            await quickly.send(get(PATH + b"/quick"))
            assert (await quickly.answer())[0] == 200
            lead(at, None)
            retiring = asyncio.ensure_future(at.gateway.retire(at.upstream, 3600))
            await ended.acquire()
            assert not retiring.done()
            answer.set()
            assert (await slowly.answer())[2] == b"ok"
            await retiring
            await ended.acquire()
            assert [record.reason for record in at.records] == ["", ""]

    run(main)


def test_what_listens_at_its_address_afterwards_is_another_server(run):
    """A port is used again: neither its old connections nor its old requests are taken for the new server's."""

    async def main():
        asked, answer = asyncio.Event(), asyncio.Event()
        opened = 0

        async def counting(peer: Peer):
            nonlocal opened
            opened += 1
            while True:
                if b"/slow" in await peer.head():
                    asked.set()
                    await answer.wait()
                await peer.send(OK)

        async with stage(counting, upstream_idle_seconds=3600) as at, at.client() as slow, at.client() as client:
            await slow.send(get(PATH + b"/slow"))
            await asked.wait()
            await client.send(get(PATH))
            await client.answer()
            lead(at, None)
            retiring = asyncio.ensure_future(at.gateway.retire(at.upstream, 3600))
            await asyncio.sleep(0)
            lead(at, at.upstream)
            assert at.gateway.in_flight(at.upstream) == 0
            for _ in range(2):
                await client.send(get(PATH, b"Content-Length: 0", method=b"POST"))
                assert (await client.answer())[0] == 200
            assert opened == 3, "one for each request of the old server, one for both of the new"
            lead(at, None)
            await at.gateway.retire(at.upstream, 3600)
            answer.set()
            await retiring

    run(main)


@pytest.mark.parametrize("framing", [CHUNKED, b"\r\ndata: "])
def test_an_event_stream_ends_whole_and_its_connection_lives_on(run, framing):
    async def main():
        async with stage(staying(EVENTS + framing)) as at, server(answering(b"new")) as new, at.client() as client:
            await client.send(get(PATH))
            assert b"X-VHLocal-Revision: r1\r\n" in await client.head()
            assert await client.until(b"data: \r\n") == b"6\r\ndata: \r\n"
            lead(at, new)
            await at.gateway.retire(at.upstream, 0)
            assert await client.exactly(5) == b"0\r\n\r\n"
            record = (await at.wait_for_records(1))[0]
            assert (record.status, record.whole, record.reason, record.revision) == (200, True, REPLACED, "r1")
            await client.send(get(PATH))
            assert (await client.answer())[2] == b"new"

    run(main)


def test_an_event_stream_for_http_1_0_ends_with_its_connection(run):
    async def main():
        async with stage(staying(EVENTS + CHUNKED)) as at, at.client() as client:
            await client.send(get(PATH, version=b"1.0"))
            assert (await client.until(b"data: ")).endswith(b"\r\n\r\ndata: ")
            lead(at, None)
            await at.gateway.retire(at.upstream, 0)
            assert await client.rest() == b""
            assert (await at.wait_for_records(1))[0].reason == REPLACED

    run(main)


@pytest.mark.parametrize(
    "answer",
    [
        EVENTS + b"Content-Length: 100\r\n\r\ndata: ",
        EVENTS + b"Content-Type: text/plain\r\n" + CHUNKED,
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\ndata: ",
        b"HTTP/1.1 200 OK\r\nContent-Type: text/csv\r\n" + CHUNKED,
        b"HTTP/1.1 200 OK\r\n\r\ndata: ",
    ],
)
def test_any_other_answer_is_cut_so_that_nobody_takes_it_for_whole(run, answer):
    async def main():
        async with stage(staying(answer)) as at, at.client() as client:
            await client.send(get(PATH))
            await client.until(b"data: ")
            lead(at, None)
            await at.gateway.retire(at.upstream, 0)
            assert (await client.rest()).strip() == b"", "neither the rest of its length nor a last chunk"
            record = (await at.wait_for_records(1))[0]
            assert (record.status, record.whole, record.reason) == (200, False, REPLACED)

    run(main)


@pytest.mark.parametrize(
    "request_", [get(PATH), get(PATH, b"Content-Length: 9", method=b"POST"), get(PATH, CLOSE, method=b"DELETE")]
)
def test_a_request_without_an_answer_is_told_why_and_is_504(run, request_):
    """K9: so it would be in production by then. Also where the client has not sent all of it."""

    async def main():
        asked = asyncio.Event()

        async with stage(silent(asked), buffered=False) as at, at.client() as client:
            await client.send(request_)
            await asked.wait()
            lead(at, None)
            await at.gateway.retire(at.upstream, 0)
            status, headers, body = await client.answer()
            assert (status, headers["x-page"], body.decode()) == (504, "ended", REPLACED)
            assert (await at.wait_for_records(1))[0].reason == REPLACED
            assert at.gateway.upstream_connections() == 0

    run(main)


async def closed(socket: ClientConnection | ServerConnection) -> tuple[int | None, str | None]:
    """The code and reason that ``socket`` is closed with, once it is."""
    with contextlib.suppress(ConnectionClosed):
        while True:
            await socket.recv()
    return socket.close_code, socket.close_reason


@pytest.mark.parametrize("compression", [None, "deflate"])
def test_a_websocket_is_closed_as_for_a_restart_towards_both_sides(run, compression):
    async def main():
        told: asyncio.Future[tuple[int | None, str | None]] = asyncio.get_running_loop().create_future()

        async def greeting(socket: ServerConnection) -> None:
            await socket.send("hello")
            told.set_result(await closed(socket))

        async with behind(greeting, {"compression": compression}) as at:
            async with dial(at, compression=compression) as client, serve(echo, "127.0.0.1", 0) as new:
                assert await client.recv() == "hello"
                upstream = at.table.lookup(PREFIX).replicas[0].upstream
                lead(at, address(new))
                await at.gateway.retire(upstream, 0)
                assert await closed(client) == (CloseCode.SERVICE_RESTART, REPLACED)
                assert await told == (CloseCode.SERVICE_RESTART, REPLACED)
                record = (await at.wait_for_records(1))[0]
                assert (record.status, record.whole, record.reason) == (101, True, REPLACED)
                async with dial(at) as again:
                    await again.send("new")
                    assert await again.recv() == "new"
            assert at.gateway.connections() == 0

    run(main)


def test_a_websocket_that_the_app_closes_meanwhile_is_waited_for(run):
    async def main():
        leave = asyncio.Event()

        async def leaving(socket: ServerConnection) -> None:
            await leave.wait()
            await socket.close(4001, "done")

        async with behind(leaving) as at, dial(at) as client:
            upstream = at.table.lookup(PREFIX).replicas[0].upstream
            lead(at, None)
            retiring = asyncio.ensure_future(at.gateway.retire(upstream, 3600))
            await asyncio.sleep(0)
            leave.set()
            assert await closed(client) == (4001, "done")
            await retiring
            assert (await at.wait_for_records(1))[0].reason == ""

    run(main)


SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: %b\r\n\r\n"


def upgrade(protocol: bytes) -> bytes:
    return get(PATH, b"Connection: Upgrade", b"Upgrade: " + protocol)


def test_a_frame_that_is_under_way_is_finished_first(run):
    """What comes after it is not sent on, in either direction."""

    async def main():
        words = b"\x03\xf4" + REPLACED.encode()

        async def half(peer: Peer):
            await peer.head()
            await peer.send(SWITCH % b"websocket" + b"\x81\x06abc")
            assert await peer.exactly(6 + len(words)) == bytes([0x88, 0x80 | len(words)]) + bytes(4) + words
            await peer.send(b"def" + b"\x81\x05after")
            assert await peer.rest() == b""

        async with stage(half) as at, at.client() as client:
            await client.send(upgrade(b"WebSocket"))
            await client.head()
            assert await client.exactly(5) == b"\x81\x06abc"
            lead(at, None)
            retiring = asyncio.ensure_future(at.gateway.retire(at.upstream, 0))
            assert await client.exactly(3) == b"def"
            assert await client.exactly(2 + len(words)) == bytes([0x88, len(words)]) + words
            await client.send(b"\x81\x80\x00\x00\x00\x00" + b"\x88\x80\x00\x00\x00\x00")
            await client.close()
            await retiring

    run(main)


@pytest.mark.parametrize(("protocol", "said"), [(b"websocket", b"\x81\x06abc"), (b"chat", b"\x81\x06abc")])
def test_where_no_end_can_be_said_the_connection_is_closed(run, protocol, said):
    """A frame that does not end, or a protocol that nobody knows: no byte is put into the middle of it."""

    async def main():
        async def half(peer: Peer):
            await peer.head()
            await peer.send(SWITCH % protocol + said)
            await peer.rest()

        async with stage(half, closing_seconds=0.05) as at, at.client() as client:
            await client.send(upgrade(protocol))
            await client.head()
            assert await client.exactly(len(said)) == said
            lead(at, None)
            await at.gateway.retire(at.upstream, 0)
            assert await client.rest() == b""
            assert (await at.wait_for_records(1))[0].reason == REPLACED

    run(main)


@pytest.mark.parametrize(("is_removed", "reason", "code"), [(False, REPLACED, 1012), (True, REMOVED, 1001)])
def test_a_side_that_does_not_answer_a_close_frame_is_left_after_a_while(run, is_removed, reason, code):
    async def main():
        async def deaf(peer: Peer):
            await peer.head()
            await peer.send(SWITCH % b"websocket")
            await peer.rest()

        async with stage(deaf, closing_seconds=0.05) as at, at.client() as client:
            await client.send(upgrade(b"websocket"))
            await client.head()
            lead(at, None)
            await at.gateway.retire(at.upstream, 0, is_removed=is_removed)
            assert (await client.rest())[:4] == bytes([0x88, 2 + len(reason), *divmod(code, 256)])
            assert at.gateway.connections() == 0
            assert (await at.wait_for_records(1))[0].reason == reason

    run(main)


def test_the_end_of_the_run_closes_websockets_and_event_streams_first(run):
    """They never end by themselves: requests alone are waited for."""

    async def main():
        asked, answer = asyncio.Event(), asyncio.Event()

        async def slow(peer: Peer):
            if b"/events" in await peer.head():
                await peer.send(EVENTS + CHUNKED)
                await peer.rest()
            asked.set()
            await answer.wait()
            await peer.send(OK)

        async with behind(echo) as at, server(slow) as other, dial(at) as socket:
            lead(at, other)
            async with at.client() as events, at.client() as client:
                await events.send(get(PATH + b"/events"))
                await events.until(b"data: \r\n")
                await client.send(get(PATH))
                await asked.wait()
                closing = asyncio.ensure_future(at.gateway.close(3600))
                assert await closed(socket) == (CloseCode.GOING_AWAY, RUN_ENDS)
                assert await events.rest() == b"0\r\n\r\n"
                assert not closing.done()
                answer.set()
                assert (await client.answer())[2] == b"ok"
                await closing
            assert {record.target: record.reason for record in at.records} == {
                f"{PREFIX}/": RUN_ENDS,
                f"{PREFIX}/events": RUN_ENDS,
                PREFIX: "",
            }

    run(main)

"""WebSockets from end to end: the ``websockets`` package's client and server, with the gateway between them."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from http import HTTPStatus
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.http11 import Request, Response

from tests.gateway.harness import PREFIX, Limits, Stage, answering, stage
from tests.gateway.routes import route_to
from vhlocal.gateway.server import Upstream

SIXTEEN_MEGABYTES = bytes(range(256)) * 65536

#: What both sides would do by themselves: compress, and end what is large or takes long.
NO_LIMITS = {
    "compression": None,
    "max_size": None,
    "open_timeout": None,
    "close_timeout": None,
    "ping_interval": None,
    "ping_timeout": None,
}

Handler = Callable[[ServerConnection], Awaitable[None]]


async def echo(socket: ServerConnection) -> None:
    async for message in socket:
        await socket.send(message)


def address(server: Server) -> Upstream:
    return Upstream(*next(iter(server.sockets)).getsockname()[:2])


@contextlib.asynccontextmanager
async def behind(handler: Handler, serving: dict[str, Any] | None = None, **options: Any) -> AsyncIterator[Stage]:
    """A WebSocket server behind a gateway; ``serving`` is for the server, ``options`` for the gateway."""
    settings = {**NO_LIMITS, **(serving or {})}
    async with serve(handler, "127.0.0.1", 0, **settings) as server, stage(answering(b""), **options) as at:
        at.table.publish([route_to(PREFIX, "predict", address(server), revision="r1")])
        yield at


def dial(at: Stage, path: str = "/", **options: Any) -> connect:
    settings = {**NO_LIMITS, "proxy": None, **options}
    return connect(f"ws://127.0.0.1:{at.port}{PREFIX}{path}", **settings)


async def none_open(at: Stage) -> None:
    while at.gateway.connections() or at.gateway.upstream_connections():
        await asyncio.sleep(0)


def test_text_and_binary_messages_arrive_as_they_are_and_in_order(run):
    messages: list[str | bytes] = ["", "grüße", "x" * 70_000, b"", b"\x00\xff\r\n\r\n", bytes(range(256)) * 300]

    async def main():
        async with behind(echo) as at, dial(at) as client:
            for message in messages:
                await client.send(message)
            assert [await client.recv() for _ in messages] == messages

    run(main)


def test_the_server_sees_the_handshake_with_the_headers_of_the_ingress(run):
    """P4, P7, K9: the upgrade is a request as any other."""

    async def main():
        seen: asyncio.Queue[Request] = asyncio.Queue()

        async def keep(socket: ServerConnection) -> None:
            assert socket.request is not None
            seen.put_nowait(socket.request)

        async with behind(keep) as at, dial(at, "/a//b?c=%2F", additional_headers={"X-VH-Prefix": "/evil/"}) as client:
            request = await seen.get()
            assert client.response.headers["X-VHLocal-Revision"] == "r1"
            assert request.path == PREFIX + "/a//b?c=%2F"
            assert request.headers.get_all("X-VH-Prefix") == [PREFIX + "/"]
            assert request.headers["X-Forwarded-For"] == "127.0.0.1"
            assert client.response is not None
            assert client.response.status_code == HTTPStatus.SWITCHING_PROTOCOLS

    run(main)


def test_fragments_arrive_as_they_were_cut_both_ways(run):
    parts = [b"one", b"", b"two" * 30_000, b"three"]

    async def fragments(socket: ServerConnection | ClientConnection) -> list[bytes]:
        return [part async for part in socket.recv_streaming() if isinstance(part, bytes)]

    async def main():
        async def cut_alike(socket: ServerConnection) -> None:
            got = await fragments(socket)
            await socket.send(got)

        async with behind(cut_alike) as at, dial(at) as client:
            await client.send(parts)
            got = await fragments(client)
            assert got[: len(parts)] == parts

    run(main)


def test_compressed_messages_stay_compressed_on_their_way(run):
    async def main():
        async with behind(echo, {"compression": "deflate"}) as at:
            async with dial(at, compression="deflate") as client:
                assert [extension.name for extension in client.protocol.extensions] == ["permessage-deflate"]
                for message in ("x" * 1_000_000, b"y" * 1_000_000):
                    await client.send(message)
                    assert await client.recv() == message
            record = (await at.wait_for_records(1))[0]
            assert 0 < record.bytes_in < 20_000
            assert 0 < record.bytes_out < 20_000

    run(main)


def test_pings_are_answered_from_both_sides(run):
    async def main():
        async def pinging(socket: ServerConnection) -> None:
            await (await socket.ping(b"from the server"))
            await socket.send("ponged")
            await socket.wait_closed()

        async with behind(pinging) as at, dial(at) as client:
            await (await client.ping(b"from the client"))
            assert await client.recv() == "ponged"

    run(main)


def test_pings_of_the_server_hold_a_silent_socket_open_under_strict(run_once):
    """K9: production's read timeout counts the server's silence, and a ping breaks it."""

    async def main():
        pinging = {"ping_interval": 0.05}
        async with behind(echo, pinging, read_seconds=1, client_idle_seconds=2, strict=True) as at, dial(at) as client:
            async with at.client() as idle:
                # Let go after twice the time that a silent server is given.
                assert await idle.rest() == b""
            await client.send("still there")
            assert await client.recv() == "still there"

    run_once(main)


@pytest.mark.parametrize(("code", "reason"), [(1000, ""), (1001, "going away"), (1011, "broken"), (4999, "grüße")])
def test_close_codes_and_reasons_arrive_from_both_sides(run, code, reason):
    async def main():
        closed: asyncio.Queue[tuple[int | None, str | None]] = asyncio.Queue()

        async def ending(socket: ServerConnection) -> None:
            if await socket.recv() == "close":
                await socket.close(code, reason)
                return
            with contextlib.suppress(ConnectionClosed):
                await socket.recv()
            closed.put_nowait((socket.close_code, socket.close_reason))

        async with behind(ending) as at:
            async with dial(at) as client:
                await client.send("close")
                await client.wait_closed()
                assert (client.close_code, client.close_reason) == (code, reason)
            async with dial(at) as client:
                await client.send("wait")
                await client.close(code, reason)
            assert await closed.get() == (code, reason)
            await none_open(at)

    run(main)


def test_a_side_that_vanishes_without_closing_is_noticed_by_the_other(run):
    """1006, the code that no one sends: the connection ended without a close frame."""

    async def main():
        closed: asyncio.Queue[int | None] = asyncio.Queue()

        async def vanishing(socket: ServerConnection) -> None:
            with contextlib.suppress(ConnectionClosed):
                if await socket.recv() == "vanish":
                    socket.transport.abort()
                await socket.recv()
            closed.put_nowait(socket.close_code)

        async with behind(vanishing) as at:
            async with dial(at) as client:
                await client.send("vanish")
                await client.wait_closed()
                assert client.close_code == 1006
                assert await closed.get() == 1006
            async with dial(at) as client:
                await client.send("wait")
                client.transport.abort()
                assert await closed.get() == 1006
            await none_open(at)

    run(main)


def test_sixteen_megabytes_pass_each_way_in_one_message(run):
    async def main():
        async with behind(echo) as at:
            async with dial(at) as client:
                await client.send(SIXTEEN_MEGABYTES)
                assert await client.recv() == SIXTEEN_MEGABYTES
            record = (await at.wait_for_records(1))[0]
            assert record.bytes_out > len(SIXTEEN_MEGABYTES) < record.bytes_in

    run(main)


def test_many_are_open_at_once_and_counted_as_long_as_they_last(run):
    async def main():
        async with behind(echo) as at:
            async with contextlib.AsyncExitStack() as stack:
                clients = await asyncio.gather(*(stack.enter_async_context(dial(at)) for _ in range(200)))
                assert at.gateway.connections() == 200
                for number in range(5):
                    await asyncio.gather(*(client.send(f"{place} {number}") for place, client in enumerate(clients)))
                    got = await asyncio.gather(*(client.recv() for client in clients))
                    assert got == [f"{place} {number}" for place in range(200)]
                assert at.gateway.connections() == 200
                assert not at.records
            assert len(await at.wait_for_records(200)) == 200
            await none_open(at)

    run(main)


def test_a_subprotocol_is_agreed_on(run):
    async def main():
        async with behind(echo, {"subprotocols": ["chat.v2", "chat.v1"]}) as at:
            async with dial(at, subprotocols=["chat.v1", "chat.v2"]) as client:
                assert client.subprotocol == "chat.v2"
            with pytest.raises(InvalidStatus) as caught:
                await dial(at, subprotocols=["another"])
            assert caught.value.response.status_code == HTTPStatus.BAD_REQUEST

    run(main)


def test_a_handshake_that_the_server_rejects_is_told_to_the_client(run):
    async def main():
        def reject(socket: ServerConnection, request: Request) -> Response | None:
            return socket.respond(HTTPStatus.FORBIDDEN, "not you\n") if request.path.endswith("/no") else None

        async with behind(echo, {"process_request": reject}) as at:
            with pytest.raises(InvalidStatus) as caught:
                await dial(at, "/no")
            assert caught.value.response.status_code == HTTPStatus.FORBIDDEN
            assert caught.value.response.body == b"not you\n"
            async with dial(at, "/yes") as client:
                await client.send("let in")
                assert await client.recv() == "let in"
            assert [record.status for record in await at.wait_for_records(2)] == [403, 101]

    run(main)


def test_a_socket_to_no_endpoint_or_to_none_that_runs_gets_the_page_that_says_why(run):
    async def main():
        async with behind(echo) as at:
            with pytest.raises(InvalidStatus) as caught:
                await connect(f"ws://127.0.0.1:{at.port}/o/p/d/v/none", proxy=None)
            assert caught.value.response.status_code == HTTPStatus.NOT_FOUND
            at.table.publish([route_to(PREFIX, "predict", None)])
            with pytest.raises(InvalidStatus) as caught:
                await dial(at)
            assert caught.value.response.status_code == HTTPStatus.SERVICE_UNAVAILABLE

    run(main)


def test_an_open_socket_stays_with_its_server_while_the_route_moves(run):
    async def main():
        async def other(socket: ServerConnection) -> None:
            await socket.send("other")

        async with behind(echo) as at, serve(other, "127.0.0.1", 0) as new, dial(at) as client:
            at.table.publish([route_to(PREFIX, "predict", address(new))])
            async with dial(at) as fresh:
                assert await fresh.recv() == "other"
            at.table.publish([])
            await client.send("still here")
            assert await client.recv() == "still here"

    run(main)


def test_no_time_limit_of_requests_ends_an_open_socket(run):
    """Open for hours: here, for longer than every limit but the server's own silence."""

    async def main():
        limits: Limits = {
            "client_idle_seconds": 0.1,
            "head_seconds": 0.1,
            "body_seconds": 0.1,
            "send_seconds": 0.1,
            "upstream_idle_seconds": 0.1,
            "hold_seconds": 0.1,
        }
        async with behind(echo, **limits) as at, dial(at) as client:
            for _ in range(3):
                async with at.client() as idle:
                    # An idle client that came after is let go by one of the limits.
                    assert await idle.rest() == b""
            await client.send("still there")
            assert await client.recv() == "still there"

    run(main)

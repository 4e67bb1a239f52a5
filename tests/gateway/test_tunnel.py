"""Upgraded connections."""

import asyncio
import contextlib
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Close, Frame, Opcode
from websockets.protocol import Protocol, Side, State

from tests.fakes.transport import FakeTransport
from tests.gateway.harness import OK, PATH, Peer, get, stage
from vhlocal.gateway.hold import Hold
from vhlocal.gateway.hub import Hub
from vhlocal.gateway.options import GatewayOptions
from vhlocal.gateway.outbox import Outbox
from vhlocal.gateway.pool import Pool, ServerConnections
from vhlocal.gateway.report import Farewell, replaced
from vhlocal.gateway.server import FailureKind, RouteTable, Upstream
from vhlocal.gateway.spool import SpoolRoom
from vhlocal.gateway.tunnel import Tunnel

UPGRADE = get(PATH, b"Connection: Upgrade", b"Upgrade: websocket", b"Sec-WebSocket-Key: x")
SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"


async def echo(peer: Peer) -> None:
    assert b"\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" in await peer.head()
    await peer.send(SWITCH + b"hi")
    while data := await peer.reader.read(65536):
        await peer.send(data)


def test_bytes_flow_both_ways_until_both_sides_are_done(run):
    async def main():
        async with stage(echo) as at, at.client() as client:
            await client.send(UPGRADE + b"early")
            head = await client.head()
            assert head.startswith(b"HTTP/1.1 101 Switching Protocols\r\n")
            assert b"\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" in head
            assert await client.exactly(7) == b"hiearly"
            await client.send(b"\x00\xff" * 10)
            assert await client.exactly(20) == b"\x00\xff" * 10
            assert at.gateway.connections() == 1
            client.writer.write_eof()
            assert await client.rest() == b""
            record = (await at.wait_for_records(1))[0]
            assert (record.status, record.bytes_in, record.bytes_out) == (101, 25, 27)
            assert at.gateway.connections() == 0

    run(main)


ASKED = [b"Connection: Upgrade", b"Upgrade: websocket"]
UNASKED = {
    "nothing": ([], SWITCH),
    "no word of it in Connection": ([b"Upgrade: websocket"], SWITCH),
    "nothing but h2c": ([b"Connection: Upgrade", b"Upgrade: h2c"], SWITCH.replace(b"websocket", b"h2c")),
    "h2c in a list": ([ASKED[0], b"Upgrade: websocket, h2c"], SWITCH.replace(b"websocket", b"h2c")),
    "something else": (ASKED, SWITCH.replace(b"websocket", b"foo")),
    "more than that": (ASKED, SWITCH.replace(b"websocket", b"websocket, foo")),
    "not told to what": (ASKED, b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n\r\n"),
    "with a body": ([*ASKED, b"Content-Length: 2"], SWITCH),
}


@pytest.mark.parametrize("asked", UNASKED)
def test_a_101_that_was_not_asked_for_is_502_and_no_tunnel(run, asked):
    """RFC 9110, section 7.8; what the server says next reaches nobody, and what the client says is a request."""
    headers, switch = UNASKED[asked]

    async def main():
        ended = asyncio.Event()

        async def server(peer: Peer):
            await peer.head()
            await peer.send(switch + b"stolen")
            with contextlib.suppress(ConnectionError):
                await peer.rest()
            ended.set()

        async with stage(server) as at, at.client() as client:
            await client.send(get(PATH, *headers) + (b"hi" if asked == "with a body" else b""))
            status, told, body = await client.answer()
            assert (status, told["x-page"]) == (502, "reset")
            assert b"stolen" not in body
            await ended.wait()
            await client.send(get(b"/"))
            assert (await client.answer())[2] == b"control"
            assert not at.gateway.in_flight(at.upstream)

    run(main)


def test_much_data_arrives_whole(run):
    async def main():
        block = bytes(range(256)) * 4096
        async with stage(echo) as at, at.client() as client:
            await client.send(UPGRADE)
            await client.head()
            await client.exactly(2)

            async def send():
                for _ in range(16):
                    await client.send(block)

            sending = asyncio.gather(send())
            for _ in range(16):
                assert await client.exactly(len(block)) == block
            await sending

    run(main)


def test_what_a_client_does_not_take_stays_with_the_server(run):
    """Also where that comes together with the switch."""

    async def main():
        async def flood(peer: Peer):
            await peer.head()
            peer.writer.write(SWITCH + bytes(300_000))
            for _ in range(256):
                await peer.send(bytes(65536))

        async with stage(flood, send_buffer=4096) as at, at.client(receive_buffer=4096) as client:
            client.pause_reading()
            await client.send(UPGRADE)
            for _ in range(20):
                await asyncio.sleep(0.05)
                (watched,) = at.gateway._hub.watched
                if isinstance(watched, Tunnel):
                    assert watched._client.transport.get_write_buffer_size() < 1_000_000
            client.resume_reading()
            await client.head()
            assert len(await client.exactly(400_000)) == 400_000
            assert isinstance(watched, Tunnel)

    run(main)


def test_a_client_that_has_too_much_before_its_tunnel_begins_is_sent_more_once_it_takes_that():
    """No transport tells it twice."""
    _, client, server = joined(full=True)
    assert (client.reading, server.reading) == (True, False)
    client.get_protocol().resume_writing()
    assert (client.reading, server.reading) == (True, True)


def test_either_side_going_away_ends_the_other(run):
    async def main():
        gone = asyncio.Event()

        async def waiting(peer: Peer):
            await peer.head()
            await peer.send(SWITCH)
            if await peer.reader.read(1) == b"q":
                return
            gone.set()

        async with stage(waiting) as at:
            async with at.client() as client:
                await client.send(UPGRADE)
                await client.head()
                client.reset()
                with contextlib.suppress(ConnectionResetError):
                    await gone.wait()
            async with at.client() as client:
                await client.send(UPGRADE)
                await client.head()
                await client.send(b"q")
                assert await client.rest() == b""
            await at.wait_for_records(2)

    run(main)


def test_a_server_that_does_not_upgrade_answers_as_usual(run):
    async def main():
        async def plain(peer: Peer):
            while True:
                await peer.head()
                await peer.send(OK)

        async with stage(plain) as at, at.client() as client:
            await client.send(UPGRADE)
            assert (await client.answer())[0] == 200
            await client.send(get(PATH))
            assert (await client.answer())[0] == 200

    run(main)


def test_an_upgrade_that_nobody_asked_for_is_502(run):
    async def main():
        async def eager(peer: Peer):
            await peer.head()
            await peer.send(SWITCH)
            await peer.rest()

        async with stage(eager) as at, at.client() as client:
            await client.send(get(PATH))
            assert (await client.answer())[0] == 502

    run(main)


def test_a_silent_tunnel_is_told_once_and_cut_only_under_strict(run):
    """K9: the read timeout counts for WebSockets too."""

    async def main():
        async with stage(echo, read_seconds=0.1) as at, at.client() as client:
            await client.send(UPGRADE)
            await client.head()
            while not at.limits:
                await at.ask(get(b"/", b"Connection: close"))
            await client.send(b"still there")
            assert await client.exactly(13) == b"histill there"
            assert [limit.kind for limit in at.limits] == [FailureKind.TIMEOUT]
        async with stage(echo, read_seconds=0.1, strict=True) as at, at.client() as client:
            await client.send(UPGRADE)
            await client.head()
            await client.exactly(2)
            with contextlib.suppress(ConnectionResetError):
                assert await client.rest() == b""

    run(main)


def test_closing_the_gateway_does_not_wait_for_tunnels(run):
    async def main():
        async with stage(echo) as at, at.client() as client:
            await client.send(UPGRADE)
            await client.head()
            await at.gateway.close(grace=3600)
            with contextlib.suppress(ConnectionResetError):
                await client.rest()

    run(main)


class Quiet:
    """The request that became a tunnel, which has no limit and wants to know nothing."""

    def tunnel_silent(self) -> bool:
        return False

    def tunnel_ended(self, farewell: Farewell) -> str:
        return farewell.reason("r1")

    def tunnel_closed(self, bytes_in: int, bytes_out: int) -> None:
        """Nobody asks."""


def joined(*, websocket: bool = True, full: bool = False) -> tuple[Tunnel, FakeTransport, FakeTransport]:
    """A tunnel between a client and a server that are not there."""
    table, loop = RouteTable(), asyncio.new_event_loop()
    loop.close()
    options = GatewayOptions(control=Upstream("", 0))
    outbox, room = Outbox(loop, (), ()), SpoolRoom(0, 0, 0)
    pool = Pool(loop, options, outbox)
    hub = Hub(loop, table, options, print, print, print, print, print, Hold(loop, table, 0), room, pool, outbox)
    client, server = FakeTransport(), FakeTransport()
    tunnel = Tunnel(hub, Quiet(), client, server, ServerConnections(), websocket=websocket)
    tunnel.open(b"", b"", ended=False, full=full)
    return tunnel, client, server


@st.composite
def conversations(draw: st.DrawFn, *, mask: bool) -> list[bytes]:
    """Frames of one side, in pieces that need not end where a frame does; the last one may close."""
    frames = [Frame(Opcode.BINARY, bytes([n]) * draw(st.sampled_from([0, 1, 125, 126, 70_000]))) for n in range(3)]
    if draw(st.booleans()):
        frames.append(Frame(Opcode.CLOSE, Close(4000, "mine").serialize()))
    data = b"".join(frame.serialize(mask=mask) for frame in frames)
    cuts = sorted(draw(st.lists(st.integers(0, len(data)), max_size=6)))
    return [data[start:end] for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True)]


@given(conversations(mask=False), conversations(mask=True), st.data())
def test_whenever_it_is_ended_both_sides_get_whole_frames_and_one_that_closes(from_server, from_client, data):
    """What they get is read by a reader of its own: its frames are the first of what was sent, and then a farewell."""
    tunnel, client, server = joined()
    ends = {client: from_server, server: from_client}
    pairs = ((client, server), (server, client))
    protocols = {one: cast(asyncio.Protocol, other.get_protocol()) for one, other in pairs}
    said = {client: 0, server: 0}

    def say(to: FakeTransport) -> None:
        protocols[to].data_received(ends[to][said[to]])
        said[to] += 1

    for to in (client, server):
        for _ in range(data.draw(st.integers(0, len(ends[to])))):
            say(to)
    tunnel.end(replaced(60))
    for to in (client, server):
        while said[to] < len(ends[to]):
            say(to)
    closed = 0
    for to, side, pieces in ((client, Side.CLIENT, from_server), (server, Side.SERVER, from_client)):
        got, meant = Protocol(side, state=State.OPEN, max_size=None), Protocol(side, state=State.OPEN, max_size=None)
        got.receive_data(to.sent)
        meant.receive_data(b"".join(pieces))
        assert got.parser_exc is None
        assert got.close_rcvd is not None
        assert (got.close_rcvd.code, got.close_rcvd.reason) in {
            (4000, "mine"),
            (1012, "closed by vhlocal: revision r1 was replaced 60 s ago"),
        }
        messages = [
            event for event in got.events_received() if isinstance(event, Frame) and event.opcode is not Opcode.CLOSE
        ]
        assert messages == meant.events_received()[: len(messages)]
        closed += meant.close_rcvd is not None
    assert client.is_closing() is server.is_closing() is (closed == 2)

"""Upgraded connections."""

import asyncio
import contextlib

from tests.gateway.harness import OK, PATH, Peer, get, stage
from vhlocal.gateway.server import FailureKind

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
            assert (record.status, record.bytes_in, record.bytes_out) == (101, 25, 25)
            assert at.gateway.connections() == 0

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

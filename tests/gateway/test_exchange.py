"""Limits of the ingress, streaming and back-pressure."""

import asyncio
import base64
import hashlib

import pytest

from tests.gateway.harness import ALIAS, CLOSE, OK, PATH, PREFIX, Limits, Peer, echo_head, get, stage
from tests.gateway.routes import route_to
from vhlocal.contract.access import BasicAuth
from vhlocal.gateway.server import FailureKind

MEGABYTE = 2**20
BLOCK = bytes(range(256)) * 256


async def swallow(peer: Peer) -> None:
    head = await peer.head()
    if b"chunked" in head:
        while await peer.until(b"\r\n") != b"0\r\n":
            pass
    else:
        await peer.exactly(int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]))
    await peer.send(OK)


UPLOADS = {
    "length": (b"Content-Length: %d" % (MEGABYTE + 1), [b"x" * (MEGABYTE + 1)]),
    "chunked": (b"Transfer-Encoding: chunked", [b"10000\r\n" + b"x" * 65536 + b"\r\n"] * 17 + [b"0\r\n\r\n"]),
}


@pytest.mark.parametrize("framing", UPLOADS)
def test_a_body_over_the_limit_is_told_once_and_passes(run, framing):
    """K9: a warning by default."""

    async def main():
        header, parts = UPLOADS[framing]
        async with stage(swallow) as at, at.client() as client:
            await client.send(get(PATH, header, method=b"POST"))
            for part in parts:
                await client.send(part)
            assert (await client.answer())[0] == 200
            assert [(limit.kind, limit.limit, limit.endpoint) for limit in at.limits] == [
                (FailureKind.TOO_LARGE, MEGABYTE, "predict")
            ]

    run(main)


@pytest.mark.parametrize("framing", UPLOADS)
def test_a_body_over_the_limit_is_413_under_strict(run, framing):
    """K9: cut when strict."""

    async def main():
        header, parts = UPLOADS[framing]
        async with stage(swallow, strict=True) as at, at.client() as client:
            await client.send(get(PATH, header, method=b"POST"))
            for part in parts:
                client.writer.write(part)
            status, headers, _ = await client.answer()
            assert (status, headers["x-page"], headers["connection"]) == (413, "too-large", "close")
            assert not at.limits

    run(main)


def test_a_body_at_the_limit_passes_under_strict(run):
    """K9: one mebibyte itself is allowed."""

    async def main():
        async with stage(swallow, strict=True) as at, at.client() as client:
            await client.send(get(PATH, b"Content-Length: %d" % MEGABYTE, method=b"POST") + b"x" * MEGABYTE)
            assert (await client.answer())[0] == 200

    run(main)


def test_the_control_plane_has_no_limits_of_the_ingress(run):
    async def main():
        async with stage(swallow, control=swallow, strict=True) as at, at.client() as client:
            size = 2 * MEGABYTE
            await client.send(get(b"/api/test", b"Content-Length: %d" % size, method=b"POST") + b"x" * size)
            assert (await client.answer())[0] == 200

    run(main)


def test_a_silent_server_is_told_once_and_waited_for(run):
    """K9: a warning by default."""

    async def main():
        told = asyncio.Event()

        async def silent(peer: Peer):
            await peer.head()
            await told.wait()
            await peer.send(OK)

        async with stage(silent, read_seconds=0.1) as at, at.client() as client:
            await client.send(get(PATH))
            while not at.limits:
                # The gateway's clock goes on while the control plane is asked.
                await at.ask(get(b"/", CLOSE))
            told.set()
            assert (await client.answer())[0] == 200
            assert [(limit.kind, limit.limit) for limit in at.limits] == [(FailureKind.TIMEOUT, 0.1)]

    run(main)


def test_a_silent_server_is_504_or_cut_under_strict(run):
    """K9: 504 before the head, a broken body after it."""

    async def main():
        async def silent(peer: Peer):
            if b"/late" in await peer.head():
                await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
            await peer.rest()

        async with stage(silent, read_seconds=0.1, strict=True) as at, at.client() as client:
            await client.send(get(PATH))
            status, headers, body = await client.answer()
            assert (status, headers["x-page"]) == (504, "timeout")
            assert body == b"the server was silent for 0.1 seconds, production's limit"
            assert (await at.ask(get(PATH + b"/late"))).endswith(b"\r\n\r\nabc")

    run(main)


def test_events_are_passed_on_one_by_one(run):
    """Server-sent events: each arrives before the next is sent."""

    async def main():
        seen = asyncio.Semaphore(0)

        async def events(peer: Peer):
            await peer.head()
            await peer.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
            for number in range(20):
                await peer.send(b"data: %d\n\n" % number)
                await seen.acquire()

        async with stage(events) as at, at.client() as client:
            await client.send(get(PATH))
            await client.head()
            for number in range(20):
                line = b"data: %d\n\n" % number
                assert await client.until(b"\n\n\r\n") == b"%x\r\n%b\r\n" % (len(line), line)
                seen.release()
            assert await client.until(b"\r\n\r\n") == b"0\r\n\r\n"

    run(main)


@pytest.mark.parametrize(("framing", "buffered"), [("length", False), ("chunked", False), ("length", True)])
def test_large_bodies_arrive_whole_both_ways(run, framing, buffered):
    blocks = 512
    size = blocks * len(BLOCK)
    expected = hashlib.sha256(BLOCK * blocks).hexdigest()

    async def write(peer: Peer) -> None:
        for _ in range(blocks):
            await peer.send(BLOCK if framing == "length" else b"%x\r\n%b\r\n" % (len(BLOCK), BLOCK))
        if framing == "chunked":
            await peer.send(b"0\r\n\r\n")

    async def read(peer: Peer) -> str:
        digest = hashlib.sha256()
        if framing == "length":
            left = size
            while left:
                data = await peer.reader.read(min(left, 2**18))
                left -= len(data)
                digest.update(data)
        else:
            while count := int((await peer.until(b"\r\n")).strip(), 16):
                digest.update(await peer.exactly(count))
                await peer.exactly(2)
            await peer.exactly(2)
        return digest.hexdigest()

    header = b"Content-Length: %d" % size if framing == "length" else b"Transfer-Encoding: chunked"
    way: Limits = {"spool_memory_bytes": 100_000} if buffered else {}

    async def main():
        got = []

        async def both(peer: Peer):
            await peer.head()
            got.append(await read(peer))
            await peer.send(b"HTTP/1.1 200 OK\r\n" + header + b"\r\n\r\n")
            await write(peer)

        async with stage(both, buffered=buffered, **way) as at, at.client() as client:
            await client.send(get(PATH, header, method=b"POST"))
            await write(client)
            await client.head()
            assert await read(client) == expected
            assert got == [expected]
            record = (await at.wait_for_records(1))[0]
            assert (record.bytes_in, record.bytes_out) == (size, size)

    run(main)


def test_a_slow_reader_slows_the_sender_both_ways(run):
    """Back-pressure: far less than what is sent is taken while the other side reads nothing, where bodies stream."""

    async def fill(peer: Peer) -> int:
        """Write until the other side stops taking; bytes written."""
        written = 0
        try:
            while True:
                await asyncio.wait_for(peer.send(BLOCK), 0.5)
                written += len(BLOCK)
        except asyncio.TimeoutError:
            return written

    async def main():
        sent = asyncio.Queue()
        done = asyncio.Event()

        async def script(peer: Peer):
            if b"/down" in await peer.head():
                await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
                sent.put_nowait(await fill(peer))
            await done.wait()

        async with stage(script, buffered=False) as at:
            async with at.client() as client:
                client.pause_reading()
                await client.send(get(PATH + b"/down"))
                assert await sent.get() < 64 * MEGABYTE
                client.writer.transport.abort()
            async with at.client() as client:
                await client.send(get(PATH + b"/up", b"Content-Length: 1000000000", method=b"POST"))
                assert await fill(client) < 64 * MEGABYTE
                client.writer.transport.abort()
            done.set()

    run(main)


def test_a_server_that_takes_no_more_of_the_body_is_504_under_strict(run):
    """K9: silence counts while a body waits to be taken, too."""

    async def main():
        done = asyncio.Event()

        async def deaf(peer: Peer):
            peer.pause_reading()
            await done.wait()

        async with stage(deaf, read_seconds=0.2, body_bytes=2**40, strict=True) as at, at.client() as client:
            client.writer.write(get(PATH, b"Content-Length: 100000000", method=b"POST") + b"x" * 100_000_000)
            status, headers, _ = await client.answer()
            assert (status, headers["x-page"]) == (504, "timeout")
            client.writer.transport.abort()
            done.set()

    run(main)


def test_only_the_users_reach_a_guarded_endpoint(run):
    """K7: under every path, whatever the method, before anything of the request reaches the server."""
    ada = b"Authorization: Basic " + base64.b64encode(b"ada:open sesame")
    upgrade = (b"Connection: Upgrade", b"Upgrade: websocket")

    async def main():
        async with stage(echo_head, access=BasicAuth({"ada": "open sesame"})) as at:
            for path in (PREFIX.encode(), ALIAS.encode() + b"/x"):
                for raw in (
                    get(path),
                    get(path, b"Authorization: Basic " + base64.b64encode(b"ada:no")),
                    get(path, *upgrade),
                    get(path, method=b"OPTIONS"),
                    get(path, b"Content-Length: 5", method=b"POST"),
                ):
                    async with at.client() as client:
                        await client.send(raw)
                        status, headers, _ = await client.answer()
                        assert (status, headers["x-page"]) == (401, "unauthorized")
                        assert headers["www-authenticate"].startswith('basic realm="')
                async with at.client() as client:
                    await client.send(get(path, ada, b"Authorization: Basic x"))
                    assert (await client.answer())[0] == 400
                async with at.client() as client:
                    await client.send(get(path, ada))
                    status, _, head = await client.answer()
                    assert (status, ada in head) == (200, True), "the app gets the header, as production's does"
            assert at.gateway.upstream_connections() == 1, "nobody else was led to the server"
            assert (await at.ask(get(b"/", CLOSE))).startswith(b"HTTP/1.1 200"), "the control plane has its own guard"
            at.table.publish([route_to(PREFIX, "predict", None, holding=True)])
            assert b" 401 " in await at.ask(get(PATH, CLOSE)), "nobody else waits for an endpoint that changes"

    run(main)


def test_k9_headers_that_the_ingress_drops_reach_no_server_and_are_told_once_each(run):
    """K9: underscores and all else but letters, digits and dashes; told by name, and no more than a hundred names."""

    async def main():
        async with stage(echo_head) as at, at.client() as client:
            for _ in range(2):
                await client.send(get(PATH, b"X_User: evil-1", b"x_user: evil-2", b"X-User: good", b"a.b: evil-3"))
                _, _, head = await client.answer()
                assert b"\r\nX-User: good\r\n" in head
                assert b"evil" not in head
            assert at.dropped == [("X_User", "predict"), ("a.b", "predict")]
            await client.send(get(b"/", b"Y_User: me"))
            await client.answer()
            for number in range(200):
                await client.send(get(PATH, b"x_%d: me" % number))
                await client.answer()
            assert len(at.dropped) == 100

    run(main)

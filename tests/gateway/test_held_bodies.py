"""Requests that are held: their bodies are taken in meanwhile, and arrive once there is a server."""

import asyncio
import contextlib
import hashlib

import pytest

from tests.gateway.harness import CLOSE, OK, PATH, PREFIX, Peer, Stage, answering, get, refusing, server, stage
from tests.gateway.test_connection import echo_body
from vhlocal.gateway.server import FailureKind, Route, Upstream

MEGABYTE = 2**20
LARGE = bytes(range(256)) * 256 * 320  # 20 MiB: more than the system takes for two sockets
UPLOAD = get(PATH, b"Content-Length: %d" % len(LARGE), method=b"POST")
CHUNKED = get(PATH, b"Transfer-Encoding: chunked", method=b"POST")
HELLO = get(PATH, b"Content-Length: 5", method=b"POST") + b"hello"


def hold(at: Stage) -> None:
    at.table.publish([Route(PREFIX, "predict", None, holding=True)])


def lead(at: Stage, upstream: Upstream | None = None) -> None:
    at.table.publish([Route(PREFIX, "predict", upstream or at.upstream)])


async def pass_by(at: Stage) -> None:
    """Ask for something else: what was sent to the gateway before has been read, if it is read at all."""
    assert (await at.ask(get(b"/", CLOSE))).startswith(b"HTTP/1.1 200 ")


async def left_with(at: Stage, client: Peer) -> int:
    """Wait until no more is taken from the client; the bytes that it has yet to send."""
    left, rounds = -1, 0
    while rounds < 50:
        await pass_by(at)
        now = client.writer.transport.get_write_buffer_size()
        left, rounds = now, (rounds + 1 if now == left else 0)
    return left


async def digest_body(peer: Peer) -> None:
    """Answers with the hash of the body of each request, which has a length."""
    while True:
        left = int((await peer.head()).partition(b"Content-Length: ")[2].partition(b"\r\n")[0])
        digest = hashlib.sha256()
        while left:
            data = await peer.reader.read(min(left, 2**18))
            if not data:
                return
            left -= len(data)
            digest.update(data)
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 64\r\n\r\n" + digest.hexdigest().encode())


PLACES = {
    "in memory": {},
    "on disk": {"spool_memory_bytes": 0},
    "in both": {"spool_memory_bytes": 4},
    "on disk and with the client": {"spool_memory_bytes": 0, "spool_disk_bytes": 3},
    "with the client": {"spool_memory_bytes": 0, "spool_disk_bytes": 0},
}
SMALL = [
    (HELLO, b"length:hello"),
    (
        get(PATH, b"Content-Length: 5", b"Connection: keep-alive", version=b"1.0", method=b"POST") + b"world",
        b"length:world",
    ),
    (CHUNKED + b"3;x=y\r\nabc\r\n02\r\nde\r\n0\r\nX-Sum: 7\r\nx-vh-prefix: evil\r\n\r\n", b"chunked:abcdeX-Sum: 7\r\n"),
    (CHUNKED + b"0\r\n\r\n", b"chunked:"),
]


@pytest.mark.parametrize("place", PLACES)
def test_wherever_a_body_waits_it_keeps_its_framing_and_its_trailers(run, place):
    async def main():
        async with stage(echo_body, **PLACES[place]) as at, at.client() as client:
            for raw, body in SMALL:
                for pieces in ([raw], [bytes([byte]) for byte in raw]):
                    hold(at)
                    for piece in pieces:
                        await client.send(piece)
                    await pass_by(at)
                    lead(at)
                    assert (await client.answer())[2] == body
            sizes = [record.bytes_in for record in at.records if record.endpoint]
            assert sizes == [5, 5, 5, 5, 5, 5, 0, 0]

    run(main)


@pytest.mark.parametrize("place", PLACES)
def test_what_came_goes_on_first_and_then_the_rest_as_it_comes(run, place):
    async def main():
        half = asyncio.Event()

        async def script(peer: Peer):
            await peer.head()
            assert await peer.exactly(8) == b"3\r\nabc\r\n"
            half.set()
            assert await peer.exactly(12) == b"2\r\nde\r\n0\r\n\r\n"
            await peer.send(OK)

        async with stage(script, **PLACES[place]) as at, at.client() as client:
            hold(at)
            await client.send(CHUNKED + b"3\r\nabc\r\n2\r")
            await pass_by(at)
            lead(at)
            await half.wait()
            await client.send(b"\nde\r\n0\r\n\r\n")
            assert (await client.answer())[2] == b"ok"

    run(main)


def test_a_large_body_is_taken_in_while_the_request_is_held(run):
    async def main():
        async with stage(digest_body) as at, at.client() as client:
            hold(at)
            await client.send(UPLOAD + LARGE)
            assert await left_with(at, client) == 0
            lead(at)
            assert (await client.answer())[2] == hashlib.sha256(LARGE).hexdigest().encode()
            await client.send(HELLO)
            assert (await client.answer())[2] == hashlib.sha256(b"hello").hexdigest().encode()
            assert [record.bytes_in for record in at.records if record.endpoint] == [len(LARGE), 5]

    run(main)


def test_a_server_that_got_all_of_a_held_body_is_as_with_any_other_request(run):
    """Its connection carries the next request, and under strict its silence has an end (K9)."""

    async def main():
        connections = []

        async def script(peer: Peer):
            connections.append(peer)
            while b"/silent" not in await peer.head():
                assert await peer.exactly(5) == b"hello"
                await peer.send(OK)
            await peer.rest()

        async with stage(script, read_seconds=0.5, strict=True, upstream_idle_seconds=60) as at, at.client() as client:
            for path, expected in ((b"/1", 200), (b"/2", 200), (b"/silent", 504)):
                hold(at)
                await client.send(get(PATH + path, b"Content-Length: 5", method=b"POST") + b"hello")
                await pass_by(at)
                lead(at)
                assert (await client.answer())[0] == expected
            assert len(connections) == 1

    run(main)


@pytest.mark.parametrize("bound", [{"spool_disk_bytes": MEGABYTE}, {"spool_directory": "/nowhere/at/all"}])
def test_beyond_the_bound_or_without_a_file_the_client_is_not_read_and_nothing_is_lost(run, bound):
    async def main():
        async with stage(digest_body, **bound) as at, at.client() as one, at.client() as two:
            hold(at)
            for client in (one, two):
                client.writer.write(UPLOAD + LARGE)
            for client in (one, two):
                assert await left_with(at, client) > 0
            lead(at)
            for client in (one, two):
                assert (await client.answer())[2] == hashlib.sha256(LARGE).hexdigest().encode()
            assert not at.failures

    run(main)


def test_pipelined_requests_that_are_held_are_answered_in_order(run):
    async def main():
        async with stage(echo_body, spool_memory_bytes=2) as at, at.client() as client:
            for _ in range(3):
                hold(at)
                await client.send(HELLO + get(PATH) + b"\r\n" + SMALL[2][0] + get(b"/") + HELLO)
                await pass_by(at)
                lead(at)
                bodies = [(await client.answer())[2] for _ in range(5)]
                assert bodies == [
                    b"length:hello",
                    b"length:",
                    b"chunked:abcdeX-Sum: 7\r\n",
                    b"control",
                    b"length:hello",
                ]

    run(main)


def test_a_client_that_only_stops_sending_while_it_is_held_gets_its_answer(run):
    async def main():
        async with stage(echo_body) as at, at.client() as client:
            hold(at)
            await client.send(HELLO)
            client.writer.write_eof()
            # A probe: it would draw a reset from a client that has gone.
            assert await client.head() == b"HTTP/1.1 100 Continue\r\n\r\n"
            lead(at)
            assert (await client.rest()).endswith(b"\r\n\r\nlength:hello")

    run(main)


@pytest.mark.parametrize("sent", [HELLO, HELLO[:-2], UPLOAD + LARGE])
def test_a_client_that_goes_away_while_it_is_held_reaches_no_server(run, sent):
    async def main():
        async with stage(echo_body) as at:
            hold(at)
            async with at.client() as client:
                await client.send(sent)
                await pass_by(at)
                client.reset()
            while at.gateway.connections():
                await asyncio.sleep(0)
            lead(at)
            await pass_by(at)
            records = [record for record in at.records if record.endpoint]
            assert [(record.status, record.whole) for record in records] == [(499, False)]
            assert at.gateway.in_flight(at.upstream) == 0

    run(main)


def test_held_too_long_ends_the_connection_only_in_the_middle_of_a_body(run):
    async def main():
        async with stage(echo_body, hold_seconds=0.2) as at, at.client() as client:
            hold(at)
            await client.send(HELLO)
            status, headers, _ = await client.answer()
            assert (status, headers["x-page"], "connection" in headers) == (503, "held-too-long", False)
            lead(at)
            await client.send(HELLO)
            assert (await client.answer())[2] == b"length:hello"
            hold(at)
            await client.send(HELLO[:-1])
            answer = await client.rest()
            assert answer.startswith(b"HTTP/1.1 503 ")
            assert b"\r\nConnection: close\r\n" in answer

    run(main)


@pytest.mark.parametrize("place", PLACES)
def test_a_request_is_held_again_when_its_server_has_gone_and_loses_nothing(run, place):
    async def main():
        with refusing() as gone:
            async with stage(echo_body, **PLACES[place]) as at, at.client() as client:
                hold(at)
                await client.send(CHUNKED + b"3\r\nabc\r\n")
                await pass_by(at)
                for more in (b"1\r\nd\r\n", b"2\r\nef\r\n"):
                    lead(at, gone)
                    # The request sets out, and nobody is there by the time that its route has changed again.
                    await asyncio.sleep(0)
                    hold(at)
                    await pass_by(at)
                    await client.send(more)
                    await pass_by(at)
                await client.send(b"0\r\nX-Sum: 6\r\n\r\n")
                lead(at)
                assert (await client.answer())[2] == b"chunked:abcdefX-Sum: 6\r\n"
                assert not at.failures

    run(main)


def test_a_server_that_answers_before_all_has_gone_to_it_ends_the_sending(run):
    """The client has no more to send: its connection goes on."""

    async def main():
        done = asyncio.Event()

        async def early(peer: Peer):
            await peer.head()
            peer.writer.transport.pause_reading()
            await peer.send(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno")
            await done.wait()

        async with stage(early) as at, at.client() as client:
            for _ in range(2):
                hold(at)
                await client.send(UPLOAD + LARGE)
                assert await left_with(at, client) == 0
                lead(at)
                status, headers, body = await client.answer()
                assert (status, "connection" in headers, body) == (403, False, b"no")
                assert at.gateway.in_flight(at.upstream) == 0
            done.set()

    run(main)


def test_a_server_that_goes_away_while_it_is_sent_what_came_is_502(run):
    async def main():
        async def leave(peer: Peer):
            await peer.head()
            await peer.exactly(100_000)
            peer.reset()

        async with stage(leave) as at, at.client() as client:
            hold(at)
            await client.send(UPLOAD + LARGE)
            assert await left_with(at, client) == 0
            lead(at)
            status, headers, _ = await client.answer()
            assert (status, headers["x-page"]) == (502, "reset")
            await client.send(get(b"/"))
            assert (await client.answer())[2] == b"control"

    run(main)


def test_a_server_that_takes_no_more_of_what_came_is_504_under_strict(run):
    """K9"""

    async def main():
        done = asyncio.Event()

        async def deaf(peer: Peer):
            peer.writer.transport.pause_reading()
            await done.wait()

        async with stage(deaf, read_seconds=0.2, body_bytes=2**40, strict=True) as at, at.client() as client:
            hold(at)
            await client.send(UPLOAD + LARGE)
            assert await left_with(at, client) == 0
            lead(at)
            status, headers, _ = await client.answer()
            assert (status, headers["x-page"]) == (504, "timeout")
            done.set()

    run(main)


def test_a_held_body_over_the_limit_is_told_once_and_passes_or_is_413_under_strict(run):
    """K9"""
    body = b"1f4\r\n" + b"x" * 500 + b"\r\n"

    async def main():
        async with stage(echo_body, body_bytes=1000) as at, at.client() as client:
            hold(at)
            await client.send(CHUNKED + body * 4)
            await pass_by(at)
            lead(at)
            await client.send(body + b"0\r\n\r\n")
            assert (await client.answer())[2] == b"chunked:" + b"x" * 2500
            assert [limit.kind for limit in at.limits] == [FailureKind.TOO_LARGE]
        async with stage(echo_body, body_bytes=1000, strict=True) as at:
            for raw in (CHUNKED + body * 4, get(PATH, b"Content-Length: 2000", method=b"POST") + b"x" * 500):
                hold(at)
                answer = await at.ask(raw)
                assert answer.startswith(b"HTTP/1.1 413 ")
                assert b"\r\nConnection: close\r\n" in answer

    run(main)


def test_a_bad_chunk_is_400_while_its_request_is_held(run):
    async def main():
        async with stage(echo_body) as at:
            hold(at)
            assert (await at.ask(CHUNKED + b"3\r\nabc\r\nzz\r\n")).startswith(b"HTTP/1.1 400 ")

    run(main)


def test_only_the_server_says_100_continue(run):
    """RFC 9110, section 10.1.1: a client that waits for it keeps its body; one that does not wait is read."""
    expecting = get(PATH, b"Expect: 100-continue", b"Content-Length: 5", method=b"POST")

    async def main():
        async def script(peer: Peer):
            while True:
                assert b"Expect: 100-continue" in await peer.head()
                await peer.send(b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n")
                assert await peer.exactly(5) == b"hello"
                await peer.send(OK)

        async with stage(script) as at, at.client() as client:
            for early in (b"", b"he", b"hello"):
                hold(at)
                await client.send(expecting + early)
                await pass_by(at)
                lead(at)
                assert (await client.head()).startswith(b"HTTP/1.1 103 ")
                assert await client.head() == b"HTTP/1.1 100 Continue\r\n\r\n"
                await client.send(b"hello".removeprefix(early))
                assert (await client.answer())[2] == b"ok"

    run(main)


def test_a_held_body_that_stops_coming_is_408_but_not_one_that_waits_for_the_server_s_word(run):
    async def main():
        async with stage(answering(b"ok"), body_seconds=0.3) as at, contextlib.AsyncExitStack() as stack:
            hold(at)
            waiting = await stack.enter_async_context(at.client())
            await waiting.send(get(PATH, b"Expect: 100-continue", b"Content-Length: 5", method=b"POST"))
            for _ in range(2):
                assert (await at.ask(HELLO[:-1])).startswith(b"HTTP/1.1 408 ")
            lead(at)
            await waiting.send(b"hello")
            assert (await waiting.answer())[2] == b"ok"

    run(main)


def test_no_body_is_lost_while_routes_change(run):
    """Moves between servers, holds and settles, all the while under uploads that come in two parts."""
    body = bytes(range(256)) * 200
    upload = get(PATH, b"Content-Length: %d" % len(body), method=b"POST")

    async def main():
        done = asyncio.Event()
        limits = {"spool_memory_bytes": 10_000, "spool_disk_bytes": 100_000}
        async with stage(digest_body, **limits) as at, server(digest_body) as new:

            async def visitor() -> None:
                async with at.client() as client:
                    for _ in range(50):
                        await client.send(upload + body[:30_000])
                        await client.send(body[30_000:])
                        status, _, answer = await client.answer()
                        assert (status, answer) == (200, hashlib.sha256(body).hexdigest().encode())

            async def mover() -> None:
                while not done.is_set():
                    for upstream, holding in ((at.upstream, True), (new, False), (new, True), (at.upstream, False)):
                        at.table.publish([Route(PREFIX, "predict", upstream, holding)])
                        for _ in range(20):
                            await asyncio.sleep(0)

            moving = asyncio.gather(mover())
            await asyncio.gather(*(visitor() for _ in range(5)))
            done.set()
            await moving
            await at.wait_for_records(250)
            assert sum(record.bytes_in for record in at.records) == 250 * len(body)

    run(main)

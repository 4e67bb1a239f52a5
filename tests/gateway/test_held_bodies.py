"""Requests that are held: their bodies are taken in meanwhile, and arrive once there is a server."""

import asyncio
import hashlib

import pytest

from tests.gateway.harness import CLOSE, OK, PATH, PREFIX, Limits, Peer, Stage, echo_head, get, refusing, server, stage
from tests.gateway.routes import route_to
from tests.gateway.test_connection import echo_body
from vhlocal.gateway.server import FailureKind, Upstream

MEGABYTE = 2**20
LARGE = bytes(range(256)) * 256 * 320  # 20 MiB: more than the system takes for two sockets
UPLOAD = get(PATH, b"Content-Length: %d" % len(LARGE), method=b"POST")
CHUNKED = get(PATH, b"Transfer-Encoding: chunked", method=b"POST")
HELLO = get(PATH, b"Content-Length: 5", method=b"POST") + b"hello"


def hold(at: Stage) -> None:
    at.table.publish([route_to(PREFIX, "predict", None, holding=True)])


def lead(at: Stage, upstream: Upstream | None = None) -> None:
    at.table.publish([route_to(PREFIX, "predict", upstream or at.upstream)])


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


PLACES: dict[str, Limits] = {
    "in memory": {},
    "on disk": {"spool_memory_bytes": 0},
    "in both": {"spool_memory_bytes": 4},
    "on disk since others fill the memory": {"spool_memory_total_bytes": 0},
}
SMALL = [
    (HELLO, b"length:hello"),
    (
        get(PATH, b"Content-Length: 5", b"Connection: keep-alive", version=b"1.0", method=b"POST") + b"world",
        b"length:world",
    ),
    (CHUNKED + b"3;x=y\r\nabc\r\n02\r\nde\r\n0\r\nX-Sum: 7\r\nx-vh-prefix: evil\r\n\r\n", b"length:abcde"),
    (CHUNKED + b"0\r\n\r\n", b"length:"),
]


@pytest.mark.parametrize("place", PLACES)
def test_wherever_a_body_waits_it_arrives_whole_and_with_a_length(run, place):
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
            asked = [record for record in at.records if record.endpoint]
            assert [record.bytes_in for record in asked] == [len(LARGE), 5]
            assert 0 < asked[0].held_seconds <= asked[0].gateway_seconds
            assert asked[1].held_seconds == 0

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
                    b"length:abcde",
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


def test_held_too_long_leaves_the_connection_for_the_next_request(run):
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
            await asyncio.sleep(0.3)
            await client.send(HELLO[-1:])
            assert (await client.answer())[0] == 503, "the time is counted from when the body is there"

    run(main)


@pytest.mark.parametrize("place", PLACES)
def test_a_request_is_held_again_when_its_server_has_gone_and_loses_nothing(run, place):
    async def main():
        with refusing() as gone:
            async with stage(echo_body, **PLACES[place]) as at, at.client() as client:
                hold(at)
                await client.send(CHUNKED + b"3\r\nabc\r\n3\r\ndef\r\n0\r\nX-Sum: 6\r\n\r\n")
                await pass_by(at)
                for _ in range(2):
                    lead(at, gone)
                    # The request sets out, and nobody is there by the time that its route has changed again.
                    await asyncio.sleep(0)
                    hold(at)
                    await pass_by(at)
                lead(at)
                assert (await client.answer())[2] == b"length:abcdef"
                assert not at.failures

    run(main)


def test_a_server_that_answers_before_all_has_gone_to_it_ends_the_sending(run):
    """The client has no more to send: its connection goes on."""

    async def main():
        done = asyncio.Event()

        async def early(peer: Peer):
            await peer.head()
            peer.pause_reading()
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
            peer.pause_reading()
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
            assert (await client.answer())[2] == b"length:" + b"x" * 2500
            assert [limit.kind for limit in at.limits] == [FailureKind.TOO_LARGE]
        async with stage(echo_body, body_bytes=1000, strict=True) as at:
            for raw in (CHUNKED + body * 4, get(PATH, b"Content-Length: 2000", method=b"POST") + b"x" * 500):
                hold(at)
                answer = await at.ask(raw)
                assert answer.startswith(b"HTTP/1.1 413 ")
                assert b"\r\nConnection: close\r\n" in answer

    run(main)


@pytest.mark.parametrize("place", PLACES)
def test_nothing_of_a_request_reaches_a_server_before_all_of_it_has_come(run, place):
    """K9: so a slow client occupies no worker."""

    async def main():
        async with stage(echo_body, **PLACES[place]) as at, at.client() as slow:
            for raw, body in SMALL:
                await slow.send(raw[:-1])
                await pass_by(at)
                async with at.client() as quick:
                    await quick.send(HELLO)
                    assert (await quick.answer())[2] == b"length:hello"
                assert at.gateway.in_flight(at.upstream) == 0
                await slow.send(raw[-1:])
                assert (await slow.answer())[2] == body

    run(main)


NO_ROOM: dict[str, Limits] = {
    "on disk, of all together": {"spool_memory_bytes": 4, "spool_disk_bytes": MEGABYTE},
    "for a file": {"spool_memory_bytes": 4, "spool_directory": "/nowhere/at/all"},
    "at all": {"spool_memory_total_bytes": 0, "spool_disk_bytes": 0},
}


@pytest.mark.parametrize("missing", NO_ROOM)
@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_a_body_that_there_is_no_room_for_is_507_and_others_are_served(run, missing, framing):
    async def main():
        async with stage(echo_body, **NO_ROOM[missing]) as at:
            for _ in range(2):
                async with at.client() as client:
                    client.writer.write(UPLOAD if framing == "length" else CHUNKED + b"%x\r\n" % len(LARGE))
                    client.writer.write(LARGE)
                    answer = await client.rest()
                    assert answer.startswith(b"HTTP/1.1 507 Insufficient Storage\r\n")
                    assert b"X-Page: spool\r\n" in answer
                    assert b"the request's body cannot be buffered: [Errno" in answer
                assert (await at.ask(get(PATH, CLOSE))).endswith(b"length:")
            assert at.gateway.in_flight(at.upstream) == 0

    run(main)


def test_k9_what_a_client_expects_is_answered_here_and_not_passed_on(run):
    """K9, as nginx: 100 Continue once the body is wanted, and nothing of it to HTTP/1.0 or for another word."""

    async def main():
        async def script(peer: Peer):
            while True:
                assert b"expect" not in (await peer.head()).lower()
                assert await peer.exactly(5) == b"hello"
                await peer.send(OK)

        for buffered in (True, False):
            async with stage(script, buffered=buffered) as at, at.client() as client:
                for early in (b"", b"he", b"hello"):
                    head = get(PATH, b"expect: 100-Continue", b"Content-Length: 5", method=b"POST")
                    await client.send(head + early)
                    assert await client.head() == b"HTTP/1.1 100 Continue\r\n\r\n"
                    await client.send(b"hello".removeprefix(early))
                    assert (await client.answer())[2] == b"ok"
                for word, version in ((b"100-continue", b"1.0"), (b"200-ok", b"1.1")):
                    lines = (b"Expect: " + word, b"Content-Length: 5", b"Connection: keep-alive")
                    await client.send(get(PATH, *lines, version=version, method=b"POST") + b"hello")
                    assert (await client.answer())[0] == 200

    run(main)


@pytest.mark.parametrize("buffered", [True, False])
def test_k9_a_body_that_is_refused_by_its_length_is_not_asked_for(run, buffered):
    """K9"""
    expecting = get(PATH, b"Expect: 100-continue", b"Content-Length: 2000", method=b"POST")

    async def main():
        async with stage(echo_body, buffered=buffered, body_bytes=1000, strict=True) as at:
            assert (await at.ask(expecting)).startswith(b"HTTP/1.1 413 ")
            at.table.publish([route_to(PREFIX, "predict", None)])
            assert (await at.ask(expecting.replace(b"2000", b"5"))).startswith(b"HTTP/1.1 503 ")
            at.table.publish([])
            assert (await at.ask(expecting.replace(b"2000", b"5"))).startswith(b"HTTP/1.1 404 ")

    run(main)


def test_a_body_that_streams_stays_with_its_client_while_the_request_is_held(run):
    """And goes on, as it came, to the server that takes over."""

    async def main():
        async with stage(digest_body, buffered=False) as at, at.client() as client:
            at.table.publish([route_to(PREFIX, "predict", None, holding=True, buffered=False)])
            client.writer.write(UPLOAD + LARGE)
            assert await left_with(at, client) > 0
            at.table.publish([route_to(PREFIX, "predict", at.upstream, buffered=False)])
            assert (await client.answer())[2] == hashlib.sha256(LARGE).hexdigest().encode()

    run(main)


@pytest.mark.parametrize(("method", "expected"), [(b"PUT", 200), (b"DELETE", 200), (b"POST", 502), (b"PATCH", 502)])
@pytest.mark.parametrize("place", ["in memory", "on disk", "in both"])
def test_a_kept_body_is_sent_again_where_its_method_may_be(run, method, expected, place):
    """The server closes an idle connection just as it is used."""

    async def main():
        connections = []

        async def script(peer: Peer):
            connections.append(peer)
            await peer.head()
            assert await peer.exactly(5) == b"hello"
            await peer.send(OK)
            if len(connections) == 1:
                await peer.head()
                peer.reset()

        async with stage(script, upstream_idle_seconds=60, **PLACES[place]) as at, at.client() as client:
            await client.send(HELLO)
            assert (await client.answer())[0] == 200
            await client.send(HELLO.replace(b"POST", method))
            assert (await client.answer())[0] == expected

    run(main)


def test_the_control_plane_gets_whole_bodies_too(run):
    async def main():
        async with stage(echo_head, control=echo_body) as at, at.client() as client:
            await client.send(CHUNKED.replace(PATH, b"/api/x") + b"3\r\nabc\r\n0\r\n\r\n")
            assert (await client.answer())[2] == b"length:abc"

    run(main)


def test_a_bad_chunk_is_400_while_its_request_is_held(run):
    async def main():
        async with stage(echo_body) as at:
            hold(at)
            assert (await at.ask(CHUNKED + b"3\r\nabc\r\nzz\r\n")).startswith(b"HTTP/1.1 400 ")

    run(main)


def test_no_body_is_lost_while_routes_change(run):
    """Moves between servers, holds and settles, all the while under uploads that come in two parts."""
    body = bytes(range(256)) * 200
    upload = get(PATH, b"Content-Length: %d" % len(body), method=b"POST")

    async def main():
        done = asyncio.Event()
        limits: Limits = {"spool_memory_bytes": 10_000, "spool_disk_bytes": 500_000}
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
                        at.table.publish([route_to(PREFIX, "predict", upstream, holding)])
                        for _ in range(20):
                            await asyncio.sleep(0)

            moving = asyncio.gather(mover())
            await asyncio.gather(*(visitor() for _ in range(5)))
            done.set()
            await moving
            await at.wait_for_records(250)
            assert sum(record.bytes_in for record in at.records) == 250 * len(body)

    run(main)

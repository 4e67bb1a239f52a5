"""The client's side: framing, pipelining, strictness, clients that are slow or go away."""

import asyncio
import contextlib
import http.client

import pytest

from tests.gateway.harness import CLOSE, OK, PATH, PREFIX, Limits, Peer, answering, echo_head, get, stage
from tests.gateway.test_head import REFUSED
from vhlocal.gateway.server import FailureKind


async def echo_body(peer: Peer) -> None:
    """Answers with the framing and the body of each request, read by the RFC."""
    while True:
        head = (await peer.head()).lower()
        if b"transfer-encoding: chunked" in head:
            body = b""
            while line := (await peer.until(b"\r\n"))[:-2]:
                if not int(line, 16):
                    break
                body += await peer.exactly(int(line, 16))
                await peer.exactly(2)
            tail = b""
            while (line := await peer.until(b"\r\n")) != b"\r\n":
                tail += line
            body = b"chunked:" + body + tail
        else:
            length = head.partition(b"content-length: ")[2].partition(b"\r\n")[0]
            body = b"length:" + await peer.exactly(int(length or b"0"))
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))


CHUNKED_BODIES = {
    "as a rule": (True, b"length:abcde"),
    "streaming": (False, b"chunked:abcde"),
}


@pytest.mark.parametrize("mode", CHUNKED_BODIES)
def test_k9_a_body_in_chunks_has_a_length_once_it_is_passed_on(run, mode):
    """K9: where it is read whole first; its trailers end here either way, as with nginx."""
    buffered, expected = CHUNKED_BODIES[mode]

    async def main():
        async with stage(echo_body, buffered=buffered) as at, at.client() as client:
            await client.send(get(PATH, b"Content-Length: 5", method=b"POST") + b"hello")
            assert (await client.answer())[2] == b"length:hello"
            await client.send(get(PATH, b"Transfer-Encoding: chunked", b"Trailer: X-Sum", method=b"POST"))
            for byte in b"3;x=y\r\nabc\r\n02\r\nde\r\n0\r\nX-Sum: 7\r\nx-vh-prefix: evil\r\n\r\n":
                await client.send(bytes([byte]))
            assert (await client.answer())[2] == expected
            assert [record.bytes_in for record in at.records] == [5, 5]

    run(main)


def test_pipelined_requests_are_answered_in_order(run):
    async def main():
        async with stage(echo_body) as at:
            requests = [
                get(PATH + b"/1"),
                b"\r\n" + get(PATH, b"Content-Length: 3", method=b"POST") + b"two",
                get(b"/o/p/d/v/unknown"),
                get(PATH, b"Transfer-Encoding: chunked", method=b"PUT") + b"5\r\nthree\r\n0\r\n\r\n",
                get(b"/", method=b"GET"),
                get(PATH, CLOSE),
            ]
            got = await at.ask(b"".join(requests))
            bodies = [b"length:", b"length:two", b"no endpoint", b"length:three", b"control", b"length:"]
            places = [-1]
            for body in bodies:
                places.append(got.find(b"\r\n\r\n" + body, places[-1] + 1))
            assert places == sorted(places)
            assert places.count(-1) == 1
            assert got.count(b"HTTP/1.1 ") == 6

    run(main)


def test_thousands_of_pipelined_failures_are_answered_without_recursion(run):
    async def main():
        async with stage(echo_head) as at:
            got = await at.ask(get(b"/o/p/d/v/e") * 3000 + get(b"/o/p/d/v/e", CLOSE))
            assert got.count(b"HTTP/1.1 404 Not Found\r\n") == 3001

    run(main)


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_is_answered_and_closed_and_never_forwarded(name):
    """The smuggling table: an error status, the connection closed, nothing of what follows handled."""
    status, raw = REFUSED[name]
    heads = []

    async def recording(peer: Peer) -> None:
        heads.append(await peer.head())

    async def main():
        async with stage(recording, control=recording) as at:
            got = await at.ask(raw.replace(b"/x", PATH) + b"0\r\n\r\n" + get(PATH))
            assert got.startswith(b"HTTP/1.1 %d " % status)
            assert got.count(b"HTTP/1.1 ") == 1
            assert b"\r\nConnection: close\r\n" in got
            assert at.failures[0].kind is FailureKind.BAD_REQUEST
            assert (await at.wait_for_records(1))[0].status == status

    asyncio.run(main())
    assert not heads


def test_a_bad_chunk_is_400_and_the_server_never_sees_any_of_the_request(run):
    async def main():
        async with stage(_nobody) as at:
            for bad in (b"zz\r\n", b"3\r\nabcd\r\n", b"-1\r\n", b"0\r\nX\r\n\r\n"):
                answer = await at.ask(get(PATH, b"Transfer-Encoding: chunked", method=b"POST") + b"3\r\nabc\r\n" + bad)
                assert answer.startswith(b"HTTP/1.1 400 ")
                assert b"\r\nConnection: close\r\n" in answer

    run(main)


async def _nobody(_peer: Peer) -> None:
    raise AssertionError("the server was asked")


def test_a_bad_chunk_of_a_body_that_streams_is_400_and_the_server_never_sees_a_whole_request(run):
    async def main():
        got = asyncio.Queue()

        async def recording(peer: Peer) -> None:
            with contextlib.suppress(ConnectionResetError):
                got.put_nowait(await peer.rest())

        async with stage(recording, buffered=False) as at, at.client() as client:
            await client.send(get(PATH, b"Transfer-Encoding: chunked", method=b"POST") + b"3\r\nabc\r\n")
            await client.send(b"zz\r\n" + get(PATH))
            answer = await client.rest()
            assert answer.startswith(b"HTTP/1.1 400 ")
            assert answer.count(b"HTTP/1.1") == 1
            assert not (await got.get()).endswith(b"0\r\n\r\n")

    run(main)


def test_heads_and_targets_are_bounded(run):
    async def main():
        async with stage(echo_head) as at:
            long_target = await at.ask(get(b"/" + b"a" * 9000))
            endless_target = await at.ask(b"GET /" + b"a" * 40000)
            long_head = await at.ask(get(PATH, b"X: " + b"a" * 40000))
            many_lines = await at.ask(get(PATH, *[b"X: a"] * 8000))
            assert long_target.startswith(b"HTTP/1.1 414 ")
            assert endless_target.startswith(b"HTTP/1.1 414 ")
            assert long_head.startswith(b"HTTP/1.1 431 ")
            assert many_lines.startswith(b"HTTP/1.1 431 ")
            assert (await at.ask(get(b"/" + b"a" * 8000, CLOSE))).startswith(b"HTTP/1.1 200 ")

    run(main)


def test_a_few_empty_lines_before_a_request_are_skipped_and_a_flood_of_them_is_refused(run):
    """RFC 9112, section 2.2; however they come, they do not keep a connection open either."""

    async def main():
        async with stage(answering(b"ok")) as at:
            async with at.client() as client:
                for _ in range(3):
                    await client.send(b"\r\n" * 8 + get(PATH))
                    assert (await client.answer())[2] == b"ok"
                await client.send(b"\r\n")
                for _ in range(8):
                    await client.send(b"\r")
                    await client.send(b"\n")
                assert (await client.rest()).startswith(b"HTTP/1.1 400 ")
            async with at.client() as client:
                client.writer.write(b"\r\n" * 100_000 + get(PATH))
                assert (await client.rest()).startswith(b"HTTP/1.1 400 ")

    run(main)


def test_slow_heads_time_out_while_others_are_served(run):
    async def main():
        async with stage(answering(b"ok"), head_seconds=0.3) as at, contextlib.AsyncExitStack() as stack:
            slow = [await stack.enter_async_context(at.client()) for _ in range(100)]
            for client in slow:
                await client.send(b"GET / HT")
            async with at.client() as client:
                await client.send(get(PATH))
                assert (await client.answer())[2] == b"ok"
            for client in slow:
                assert (await client.rest()).startswith(b"HTTP/1.1 408 ")

    run(main)


def test_idle_clients_are_let_go(run):
    async def main():
        async with stage(answering(b"ok"), client_idle_seconds=0.1) as at, at.client() as one, at.client() as never:
            await one.send(get(PATH))
            assert (await one.answer())[2] == b"ok"
            assert await one.rest() == b""
            assert await never.rest() == b""

    run(main)


@pytest.mark.parametrize("buffered", [True, False])
def test_a_body_that_stops_coming_is_408(run, buffered):
    async def main():
        async with stage(echo_body, buffered=buffered, body_seconds=0.1) as at:
            got = await at.ask(get(PATH, b"Content-Length: 10", method=b"POST") + b"hel")
            assert got.startswith(b"HTTP/1.1 408 ")

    run(main)


def test_http_1_0_clients_are_understood(run):
    async def chunked(peer: Peer):
        while True:
            head = await peer.head()
            assert head.startswith(b"GET " + PATH + b" HTTP/1.1\r\n")
            assert b"\r\nHost: 127.0.0.1" in head
            await peer.send(b"HTTP/1.1 103 Early Hints\r\n\r\n")
            await peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n")

    async def main():
        async with stage(chunked) as at:
            got = await at.ask(b"GET " + PATH + b" HTTP/1.0\r\n\r\n")
            assert got == b"HTTP/1.1 200 OK\r\nX-VHLocal-Revision: r1\r\nConnection: close\r\n\r\nok"
        async with stage(answering(b"ok")) as at, at.client() as client:
            for _ in range(2):
                await client.send(get(PATH, b"Connection: keep-alive", version=b"1.0"))
                _, headers, body = await client.answer()
                assert (headers["connection"], body) == ("keep-alive", b"ok")

    run(main)


def test_a_client_that_goes_away_frees_the_server_at_once(run):
    """With a plain close, as a stopped curl does, before the head and in the middle of a stream of events."""

    async def main():
        asked, freed = asyncio.Event(), asyncio.Event()

        async def silent(peer: Peer):
            head = await peer.head()
            if b"/events" in head:
                await peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
            asked.set()
            with contextlib.suppress(ConnectionResetError):
                await peer.rest()
            freed.set()

        async with stage(silent) as at:
            for path, status in ((b"/wait", 499), (b"/events", 200)):
                asked.clear()
                freed.clear()
                async with at.client() as client:
                    await client.send(get(PATH + path))
                    await asked.wait()
                    if status == 200:
                        await client.until(b"abc\r\n")
                await freed.wait()
                assert at.gateway.in_flight(at.upstream) == 0
                assert at.records[-1].status == status
                assert not at.records[-1].whole

    run(main)


def test_a_client_that_only_stops_sending_still_gets_its_answer(run):
    async def main():
        asked, go = asyncio.Event(), asyncio.Event()

        async def late(peer: Peer):
            head = await peer.head()
            if b"/stream" in head:
                await peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
            asked.set()
            await go.wait()
            await peer.send(b"3\r\ndef\r\n0\r\n\r\n" if b"/stream" in head else OK)

        async with stage(late) as at:
            for path in (b"/once", b"/stream"):
                asked.clear()
                go.clear()
                async with at.client() as client:
                    await client.send(get(PATH + path))
                    await asked.wait()
                    client.writer.write_eof()
                    if path == b"/stream":
                        response = await client.until(b"abc\r\n")
                        await client.until(b"0")  # the probe: a leading zero of the next chunk's size
                        go.set()
                        assert await client.rest() == b"3\r\ndef\r\n0\r\n\r\n"
                    else:
                        go.set()
                        response = (await client.rest()).removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n")
                        assert response.endswith(b"\r\n\r\nok")
                    assert response.startswith(b"HTTP/1.1 200 OK\r\n")

    run(main)


def test_the_rest_of_a_refused_body_does_not_hide_the_answer(run):
    async def main():
        async with stage(echo_body, body_bytes=1000, strict=True) as at, at.client() as client:
            await client.send(get(PATH, b"Content-Length: 3000000", method=b"POST"))
            with contextlib.suppress(ConnectionError):
                await client.send(b"x" * 3_000_000)
            assert (await client.rest()).startswith(b"HTTP/1.1 413 ")

    run(main)


def test_a_standard_client_gets_along_with_it(run):
    """The standard library's client: keep-alive, chunked upload, HEAD."""

    def talk(port: int) -> list[tuple[int, bytes]]:
        connection = http.client.HTTPConnection("127.0.0.1", port)
        answers = []
        for method, body in (("GET", None), ("POST", b"abc"), ("PUT", iter([b"a", b"bc"])), ("HEAD", None)):
            connection.request(method, PREFIX, body=body, encode_chunked=True, headers={})
            response = connection.getresponse()
            answers.append((response.status, response.read()))
        connection.close()
        return answers

    async def head_aware(peer: Peer):
        while True:
            await echo_once(peer)

    async def main():
        async with stage(head_aware) as at:
            answers = await asyncio.to_thread(talk, at.port)
            assert answers == [(200, b"length:"), (200, b"length:abc"), (200, b"length:abc"), (200, b"")]

    run(main)


async def echo_once(peer: Peer) -> None:
    head = await peer.head()
    if head.startswith(b"HEAD "):
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")
    elif b"chunked" in head:
        stream = await peer.until(b"0\r\n\r\n")
        payload = b"chunked:" + b"".join(stream.split(b"\r\n")[1:-3:2])
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(payload), payload))
    else:
        length = int(head.partition(b"Content-Length: ")[2].partition(b"\r\n")[0] or b"0")
        payload = b"length:" + await peer.exactly(length)
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(payload), payload))


def test_a_client_that_reads_nothing_is_cut_in_the_end(run):
    async def main():
        hung_up = asyncio.Event()

        async def endless(peer: Peer):
            await peer.head()
            await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
            with contextlib.suppress(ConnectionError):
                while True:
                    await peer.send(b"x" * 65536)
            hung_up.set()

        async with stage(endless, send_seconds=0.2) as at, at.client() as client:
            client.pause_reading()
            await client.send(get(PATH))
            await hung_up.wait()
            assert not (await at.wait_for_records(1))[0].whole
            client.writer.transport.abort()

    run(main)


def test_pipelined_requests_of_a_client_that_stopped_sending_are_all_answered(run):
    async def main():
        async with stage(answering(b"x" * 300_000)) as at, at.client() as client:
            client.pause_reading()
            await client.send(get(PATH) * 20)
            client.writer.write_eof()
            client.resume_reading()
            got = (await client.rest()).replace(b"HTTP/1.1 100 Continue\r\n\r\n", b"")
            assert got.count(b"HTTP/1.1 200 OK\r\n") == 20
            assert got.endswith(b"x" * 300_000)

    run(main)


def test_a_client_that_stops_reading_at_the_very_end_is_let_go_too(run):
    async def main():
        options: Limits = {"send_seconds": 0.2, "client_idle_seconds": 0.2}
        async with stage(answering(b"x" * 16_000_000), **options) as at, at.client() as client:
            client.pause_reading()
            await client.send(get(PATH))
            while not at.records:
                client.resume_reading()
                await client.reader.read(65536)
                client.pause_reading()
                await asyncio.sleep(0)
            while at.gateway.connections():
                await asyncio.sleep(0)
            client.writer.transport.abort()

    run(main)


def test_tls_is_refused_at_once_with_what_to_write(run):
    """nginx answers 400 at once, too; a client that speaks TLS would wait for a minute."""

    async def main():
        async with stage(echo_head) as at, at.client() as client:
            await client.send(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
            answer = await asyncio.wait_for(client.rest(), 5)
            assert answer.startswith(b"HTTP/1.1 400 ")
            assert b"write http:// in place of https://" in answer

    run(main)

"""The server's side: connections kept and reused, stale ones, retries, and what counts as in flight."""

import asyncio
import socket
import threading

import pytest

from tests.gateway.harness import CLOSE, OK, PATH, PREFIX, Peer, echo_head, get, refusing, stage
from tests.gateway.routes import route_to
from vhlocal.gateway.report import FailureKind
from vhlocal.gateway.server import Upstream


def test_connections_are_reused_and_closed_when_idle(run):
    async def main():
        opened, closed = 0, asyncio.Event()

        async def counting(peer: Peer):
            nonlocal opened
            opened += 1
            for _ in range(10):
                await peer.head()
                await peer.send(OK)
            assert await peer.rest() == b""
            closed.set()

        async with stage(counting, upstream_idle_seconds=0.2) as at:
            for _ in range(10):
                assert (await at.ask(get(PATH, CLOSE))).endswith(b"ok")
            assert opened == 1
            await closed.wait()

    run(main)


def test_a_server_that_wants_to_close_is_not_asked_again(run):
    async def main():
        opened = 0

        def once(answer: bytes):
            async def script(peer: Peer):
                nonlocal opened
                opened += 1
                await peer.head()
                await peer.send(answer)
                await peer.rest()

            return script

        for answer in (
            OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"),
            OK.replace(b"HTTP/1.1", b"HTTP/1.0"),
            OK + b"and more than it announced",
        ):
            opened = 0
            async with stage(once(answer)) as at, at.client() as client:
                for _ in range(3):
                    await client.send(get(PATH, b"Content-Length: 0", method=b"POST"))
                    assert (await client.answer())[2] == b"ok"
                assert opened == 3

    run(main)


def test_a_stale_connection_is_retried_only_for_what_may_be_repeated(run):
    """Idempotent, without a body, and not a byte of an answer: sent once more; everything else is a 502."""

    async def main():
        heads = []

        async def hangs_up_on_the_second(peer: Peer):
            heads.append(await peer.head())
            await peer.send(OK)
            heads.append(await peer.head())

        for method, status, seen in ((b"GET", 200, 3), (b"DELETE", 200, 3), (b"POST", 502, 2), (b"PATCH", 502, 2)):
            heads.clear()
            async with stage(hangs_up_on_the_second) as at, at.client() as client:
                await client.send(get(PATH, method=method))
                assert (await client.answer())[0] == 200
                await client.send(get(PATH, method=method))
                assert (await client.answer())[0] == status
                assert len(heads) == seen

    run(main)


def test_what_cannot_be_sent_again_is_not_sent_to_a_server_that_has_just_hung_up(run):
    """The end of an idle connection may lie there unread, behind the request that would have used it."""

    async def main():
        hang_up, opened = threading.Event(), []

        def serve(listening: socket.socket) -> None:
            for _ in range(2):
                accepted, _ = listening.accept()
                with accepted:
                    opened.append(accepted.recv(65_536))
                    accepted.sendall(OK)
                    hang_up.wait()
                hung_up.set()

        hung_up = threading.Event()
        with socket.create_server(("127.0.0.1", 0)) as listening:
            serving = threading.Thread(target=serve, args=(listening,))
            serving.start()
            async with stage(echo_head) as at:
                at.table.publish([route_to(PREFIX, "predict", Upstream(*listening.getsockname()))])
                with socket.create_connection(("127.0.0.1", at.port)) as client:
                    client.setblocking(False)
                    loop = asyncio.get_running_loop()
                    post = get(PATH, b"Content-Length: 4", method=b"POST") + b"body"
                    await loop.sock_sendall(client, post)
                    assert (await loop.sock_recv(client, 65_536)).endswith(b"ok")
                    # Without a pause of this thread: the gateway finds both at once, and the request first.
                    client.send(post)
                    hang_up.set()
                    hung_up.wait()
                    assert (await loop.sock_recv(client, 65_536)).startswith(b"HTTP/1.1 200")
            await asyncio.to_thread(serving.join)
            assert len(opened) == 2

    run(main)


def test_a_request_that_got_a_part_of_its_answer_is_not_repeated(run):
    async def main():
        heads = []

        async def half(peer: Peer):
            heads.append(await peer.head())
            await peer.send(OK)
            heads.append(await peer.head())
            await peer.send(b"HTTP/1.1 ")

        async with stage(half) as at, at.client() as client:
            for status in (200, 502):
                await client.send(get(PATH))
                assert (await client.answer())[0] == status
            assert len(heads) == 2

    run(main)


def test_a_refused_connection_follows_a_route_that_has_moved_meanwhile(run):
    """A route that changed while the connection was being made loses no request."""

    async def main():
        async def good(peer: Peer):
            await peer.head()
            await peer.send(OK)

        with refusing() as refused:
            async with stage(good) as at, at.client() as client:
                live = at.upstream
                at.table.publish([route_to(PREFIX, "predict", refused)])
                # Held first, so that the change and the refusal fall into one round of the loop.
                at.table.publish([route_to(PREFIX, "predict", refused, holding=True)])
                await client.send(get(PATH))
                at.table.publish([route_to(PREFIX, "predict", live)])
                assert (await client.answer())[0] == 200

    run(main)


def test_interim_answers_pass(run):

    async def main():
        async def hinting(peer: Peer):
            await peer.head()
            await peer.send(b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n")
            await peer.send(b"HTTP/1.1 100 Continue\r\n\r\n")
            await peer.send(OK)

        async with stage(hinting) as at, at.client() as client:
            await client.send(get(PATH))
            assert await client.head() == b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n"
            assert await client.head() == b"HTTP/1.1 100 Continue\r\n\r\n"
            assert (await client.answer())[2] == b"ok"

    run(main)


def test_answers_without_bodies(run):
    async def main():
        answers = {
            b"HEAD": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
            b"GET": b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
            b"PUT": b"HTTP/1.1 204 No Content\r\n\r\n",
        }

        async def script(peer: Peer):
            while True:
                await peer.send(answers[(await peer.head()).split()[0]])

        async with stage(script) as at, at.client() as client:
            for method in (*answers, *answers):
                await client.send(get(PATH, method=method))
                assert (await client.head()).startswith(answers[method][:-2])

    run(main)


def test_a_body_until_close_becomes_chunked(run):
    async def main():
        async def unframed(peer: Peer):
            await peer.head()
            await peer.send(b"HTTP/1.0 200 OK\r\nX: 1\r\n\r\nhello ")
            await peer.send(b"world")

        async with stage(unframed) as at, at.client() as client:
            for _ in range(2):
                await client.send(get(PATH))
                _, headers, body = await client.answer()
                assert (headers["transfer-encoding"], body) == ("chunked", b"hello world")

    run(main)


def test_k9_trailers_of_answers_end_here_and_that_is_told_once(run):
    """An nginx with the ingress' settings passed ``Trailer`` on, and no trailer; nor the ``TE`` of the request."""

    async def main():
        async def script(peer: Peer):
            assert b"TE: trailers" not in await peer.head()
            await peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: Grpc-Status\r\n\r\n")
            await peer.send(b"2\r\nok\r\n0\r\nGrpc-Status: 0\r\nContent-Length: 7\r\n\r\n")

        async with stage(script) as at:
            for _ in range(2):
                got = await at.ask(get(PATH, b"TE: trailers", CLOSE))
                assert b"\r\nTrailer: Grpc-Status\r\n" in got
                assert got.endswith(b"\r\n\r\n2\r\nok\r\n0\r\n\r\n")
            assert at.dropped == [("trailers", "predict")]

    run(main)


@pytest.mark.parametrize("strict", [False, True])
def test_k9_an_answer_that_the_ingress_would_replace_is_told_or_a_502(run, strict):
    """An nginx answered with what was at the path of X-Accel-Redirect, or 404."""

    async def main():
        async def script(peer: Peer):
            await peer.head()
            await peer.send(b"HTTP/1.1 200 OK\r\nx-accel-redirect: /files/a\r\nContent-Length: 2\r\n\r\nok")
            await peer.rest()

        async with stage(script, strict=strict) as at:
            answer = await at.ask(get(PATH, CLOSE))
            assert b"x-accel-redirect" not in answer
            if strict:
                assert answer.startswith(b"HTTP/1.1 502 ")
                assert b"X-Accel-Redirect" in answer
            else:
                assert (answer[:15], answer[-2:]) == (b"HTTP/1.1 200 OK", b"ok")
            assert at.dropped == [("X-Accel-Redirect", "predict")] * (not strict)

    run(main)


def test_a_head_whose_lines_end_in_bare_line_feeds_is_not_waited_for(run):
    """The server keeps its connection open, and nothing more would come."""

    async def main():
        async def script(peer: Peer):
            await peer.head()
            await peer.send(b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok")
            await peer.rest()

        async with stage(script) as at:
            answer = await at.ask(get(PATH, CLOSE))
            assert answer.startswith(b"HTTP/1.1 502 ")
            assert b"a line of the head ends in a bare line feed" in answer

    run(main)


def test_an_answer_that_comes_before_the_body_is_whole_passes(run):
    async def main():
        async def early(peer: Peer):
            await peer.head()
            await peer.send(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno")
            await peer.rest()

        async with stage(early, buffered=False) as at, at.client() as client:
            await client.send(get(PATH, b"Content-Length: 10", method=b"POST") + b"abc")
            got = await client.rest()
            assert got.startswith(b"HTTP/1.1 403 Forbidden\r\n")
            assert got.endswith(b"\r\n\r\nno")

    run(main)


@pytest.mark.parametrize("strict", [False, True])
def test_k9_an_answer_with_a_head_that_the_ingress_does_not_take_is_told_or_a_502(run, strict):
    """An nginx with the ingress' ``proxy-buffer-size`` of 4k passed 4,096 bytes, and answered 502 to one more."""

    async def main():
        passed = (502, False) if strict else (200, True)
        for size, status, told in ((4096, 200, False), (4097, *passed), (40_000, 502, False)):
            start, end = b"HTTP/1.1 200 OK\r\nSet-Cookie: ", b"\r\nContent-Length: 2\r\n\r\n"

            async def script(peer: Peer, answer: bytes = start.ljust(size - len(end), b"a") + end + b"ok"):
                await peer.head()
                await peer.send(answer)
                await peer.rest()

            async with stage(script, strict=strict) as at:
                answer = await at.ask(get(PATH, CLOSE))
                assert answer.startswith(b"HTTP/1.1 %d " % status)
                assert (b"proxy-buffer-size" in answer) == (status == 502)
                assert [(one.kind, one.limit) for one in at.limits] == [(FailureKind.LARGE_HEAD, 4096)] * told

    run(main)

"""The gateway as a whole, between real sockets."""

import asyncio
import contextlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.examples import times_as_many
from tests.gateway.harness import (
    ALIAS,
    CLOSE,
    OK,
    PATH,
    PREFIX,
    Peer,
    answering,
    deaf_server,
    echo_head,
    get,
    refusing,
    server,
    silent,
    stage,
)
from tests.gateway.routes import route_to
from vhlocal.gateway.server import FailureKind


def fields(head: bytes) -> dict[str, str]:
    return dict(line.split(": ", 1) for line in head.decode("latin-1").split("\r\n")[1:] if line)


def test_an_endpoint_gets_its_request_with_the_headers_of_the_ingress(run):
    """P1, P3, P4, P7, K9: whole path, Host kept, one X-VH-Prefix per route, the ingress' headers, no spoofs."""

    async def main():
        async with stage(echo_head) as at, at.client() as client:
            spoofs = (b"X-VH-Prefix: /evil/", b"x_forwarded_for: 6.6.6.6", b"SCRIPT_NAME: /x", b"X-Custom: Kept")
            for prefix in (PREFIX, ALIAS):
                await client.send(get(prefix.encode() + b"/a//b;c?d=%2F", *spoofs))
                status, headers, head = await client.answer()
                assert (status, headers["x-vhlocal-revision"]) == (200, "r1")
                assert head.startswith(b"GET " + prefix.encode() + b"/a//b;c?d=%2F HTTP/1.1\r\n")
                got = fields(head)
                request_id = got.pop("X-Request-ID")
                assert got == {
                    "Host": "localhost",
                    "X-Custom": "Kept",
                    "X-VH-Prefix": prefix + "/",
                    "X-Real-IP": "127.0.0.1",
                    "X-Forwarded-For": "127.0.0.1",
                    "X-Forwarded-Host": "localhost",
                    "X-Forwarded-Port": str(at.port),
                    "X-Forwarded-Proto": "http",
                    "X-Forwarded-Scheme": "http",
                    "X-Scheme": "http",
                }
                assert at.records[-1].id == request_id
            record = at.records[-1]
            assert (record.endpoint, record.prefix, record.method, record.status) == ("predict", ALIAS, "GET", 200)
            assert record.bytes_out == len(head)
            assert record.target == ALIAS + "/a//b;c?d=%2F"

    run(main)


def test_what_is_no_endpoint_goes_to_the_control_plane(run):
    async def main():
        async with stage(answering(b"endpoint"), control=echo_head) as at, at.client() as client:
            for path in (b"/", b"/api/status", b"/api/a/b/c/d/e", b"/favicon.ico", b"/a//c/d/e/f"):
                await client.send(get(path))
                _, headers, head = await client.answer()
                assert head.startswith(b"GET " + path + b" ")
                assert b"X-VH-Prefix" not in head
                assert "x-vhlocal-revision" not in headers
            await client.send(get(PATH))
            assert (await client.answer())[2] == b"endpoint"

    run(main)


def test_an_unknown_prefix_is_404_and_an_endpoint_without_server_503(run):
    async def main():
        async with stage(echo_head) as at, at.client() as client:
            await client.send(get(b"/o/p/d/v/none/x", b"Accept: text/html"))
            status, headers, body = await client.answer()
            assert (status, headers["x-page"]) == (404, "unknown")
            failure = at.failures[-1]
            assert failure.kind is FailureKind.UNKNOWN
            assert (failure.prefix, failure.endpoint) == ("/o/p/d/v/none", None)
            assert (b"Accept", b"text/html") in failure.headers
            assert (failure.method, failure.target) == ("GET", "/o/p/d/v/none/x")
            assert body == failure.reason.encode()
            at.table.publish([route_to(PREFIX, "predict", None)])
            await client.send(get(PATH))
            status, headers, _ = await client.answer()
            assert (status, headers["x-page"], headers["retry-after"]) == (503, "unavailable", "1")
            assert at.failures[-1].endpoint == "predict"
            await client.send(get(PATH, CLOSE, method=b"HEAD"))
            assert (await client.rest()).endswith(b"\r\n\r\n")

    run(main)


def test_requests_wait_while_their_route_holds_and_go_to_the_new_server(run):
    async def main():
        old, fresh = answering(b"old"), answering(b"new")
        async with stage(old) as at, server(fresh) as new, at.client() as one, at.client() as two:
            at.table.publish([route_to(PREFIX, "predict", at.upstream, holding=True)])
            await one.send(get(PATH))
            await two.send(get(PATH, b"Content-Length: 0", method=b"POST"))
            await one.send(get(b"/o/p/d/v/e"))
            async with at.client() as other:
                await other.send(get(b"/"))
                assert (await other.answer())[2] == b"control"
            at.table.publish([route_to(PREFIX, "predict", new, revision="r2")])
            for client in (one, two):
                status, headers, body = await client.answer()
                assert (status, headers["x-vhlocal-revision"], body) == (200, "r2", b"new")

    run(main)


def test_a_publish_from_another_thread_lets_held_requests_go(run):
    async def main():
        async with stage(answering(b"ok")) as at, at.client() as client:
            at.table.publish([route_to(PREFIX, "predict", at.upstream, holding=True)])
            await client.send(get(PATH))
            await asyncio.to_thread(at.table.publish, [route_to(PREFIX, "predict", at.upstream)])
            assert (await client.answer())[2] == b"ok"

    run(main)


def test_holding_is_bounded_in_number_and_in_time(run):
    async def main():
        async with stage(echo_head, hold_limit=1, hold_seconds=0.2) as at:
            at.table.publish([route_to(PREFIX, "predict", at.upstream, holding=True)])
            async with at.client() as one, at.client() as two:
                await one.send(get(PATH))
                await two.send(get(PATH))
                answers = [await one.answer(), await two.answer()]
            assert {(status, headers["x-page"]) for status, headers, _ in answers} == {
                (503, "held-too-long"),
                (503, "hold-full"),
            }

    run(main)


def test_a_connection_refused_is_502_when_nothing_becomes_of_it(run):
    async def main():
        with refusing() as gone:
            async with stage(echo_head, word_seconds=0.05) as at, at.client() as client:
                at.table.publish([route_to(PREFIX, "predict", gone)])
                await client.send(get(PATH))
                status, headers, _ = await client.answer()
                assert (status, headers["x-page"]) == (502, "refused")
                assert f"127.0.0.1:{gone.port}" in at.failures[0].reason
                assert [route.replicas[0].upstream for route in at.refused] == [gone]

    run(main)


@pytest.mark.parametrize("holds", [False, True])
def test_a_request_that_is_refused_is_not_lost_while_another_server_takes_over(run, holds):
    """Nothing of it was sent: it goes to whoever takes over, whatever its method, and waits where there is nobody."""

    async def main():
        with refusing() as gone:
            async with stage(answering(b"new")) as at, at.client() as client:
                at.table.publish([route_to(PREFIX, "predict", gone, revision="r0")])
                await client.send(get(PATH, b"Content-Length: 4", method=b"POST") + b"body")
                while not at.refused:
                    await asyncio.sleep(0)
                if holds:
                    at.table.publish([route_to(PREFIX, "predict", gone, holding=True)])
                    await asyncio.sleep(0)
                at.table.publish([route_to(PREFIX, "predict", at.upstream, revision="r2")])
                status, headers, _ = await client.answer()
                assert (status, headers["x-vhlocal-revision"]) == (200, "r2")

    run(main)


def test_a_request_that_is_refused_is_told_what_became_of_its_server(run):
    async def main():
        with refusing() as gone:
            async with stage(echo_head) as at, at.client() as client:
                at.table.publish([route_to(PREFIX, "predict", gone)])
                await client.send(get(PATH))
                while not at.refused:
                    await asyncio.sleep(0)
                at.table.publish([route_to(PREFIX, "predict", None)])
                status, headers, _ = await client.answer()
                assert (status, headers["x-page"]) == (503, "unavailable")

    run(main)


def test_requests_that_wait_for_word_are_bounded_like_all_that_wait(run):
    async def main():
        with refusing() as gone:
            async with stage(echo_head, hold_limit=0, word_seconds=3600) as at, at.client() as client:
                at.table.publish([route_to(PREFIX, "predict", gone)])
                await client.send(get(PATH))
                assert (await client.answer())[0] == 502

    run(main)


def test_a_server_that_hangs_up_before_its_head_is_502(run):
    async def hang_up(peer):
        await peer.head()

    async def half_a_head(peer):
        await peer.head()
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-")

    async def nonsense(peer):
        await peer.head()
        await peer.send(b"SSH-2.0-OpenSSH\r\n\r\n")

    async def twice_a_length(peer):
        await peer.head()
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab")

    async def reset(peer):
        await peer.head()
        peer.reset()

    async def main():
        for script in (hang_up, half_a_head, nonsense, twice_a_length, reset):
            async with stage(script) as at, at.client() as client:
                await client.send(get(PATH))
                status, headers, _ = await client.answer()
                assert (status, headers["x-page"]) == (502, "reset"), script
                assert at.gateway.in_flight(at.upstream) == 0

    run(main)


def test_a_server_that_does_not_accept_in_time_is_504(run):
    async def main():
        with deaf_server() as deaf:
            async with stage(echo_head, connect_seconds=0.1) as at, at.client() as client:
                at.table.publish([route_to(PREFIX, "predict", deaf)])
                await client.send(get(PATH))
                status, headers, body = await client.answer()
                assert (status, headers["x-page"]) == (504, "timeout")
                assert body.endswith(b"did not accept a connection within 0.1 seconds")

    run(main)


def test_a_request_that_is_connecting_keeps_its_server_from_being_ended(run):
    """It has taken its way before the route changed, and has to find the server there."""

    async def main():
        with deaf_server() as deaf:
            async with stage(echo_head, connect_seconds=60) as at:
                at.table.publish([route_to(PREFIX, "predict", deaf)])
                async with at.client() as client:
                    await client.send(get(PATH))
                    while not at.gateway.in_flight(deaf):
                        await asyncio.sleep(0.01)
                    at.table.publish([route_to(PREFIX, "predict", at.upstream)])
                    retiring = asyncio.ensure_future(at.gateway.retire(deaf, 30))
                    assert not (await asyncio.wait({retiring}, timeout=0.1))[0]
                # The client has gone, and with it the request.
                await retiring

    run(main)


def test_an_answer_that_breaks_off_looks_broken(run):
    """Never a short body that looks whole: no final chunk, a length not reached, a reset for HTTP/1.0."""

    async def short_length(peer):
        await peer.head()
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort")

    async def short_chunks(peer):
        await peer.head()
        await peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nshort\r\n")

    async def bad_chunks(peer):
        await peer.head()
        await peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nshort\r\nxyz\r\n")
        await peer.rest()

    async def reset_unframed(peer):
        await peer.head()
        await peer.send(b"HTTP/1.1 200 OK\r\n\r\nshort")
        await resets.wait()
        peer.reset()

    resets = asyncio.Event()

    async def main():
        resets.clear()
        async with stage(short_length) as at:
            assert (await at.ask(get(PATH))).endswith(b"\r\n\r\nshort")
            assert not (await at.wait_for_records(1))[0].whole
        for script in (short_chunks, bad_chunks):
            async with stage(script) as at:
                head, _, body = (await at.ask(get(PATH))).partition(b"\r\n\r\n")
                assert b"Transfer-Encoding: chunked" in head
                assert body in (b"5\r\nshort\r\n", b"")
        async with stage(reset_unframed) as at, at.client() as client:
            await client.send(get(PATH))
            assert await client.until(b"short")
            resets.set()
            assert not (await client.rest()).endswith(b"0\r\n\r\n")
        async with stage(short_chunks) as at:
            try:
                got = await at.ask(get(PATH, version=b"1.0"))
            except ConnectionResetError:
                got = None
            assert got is None

    run(main)


def test_closing_waits_for_what_is_in_flight(run):
    async def main():
        answer = asyncio.Event()
        asked = asyncio.Event()

        async def slow(peer: Peer):
            await peer.head()
            asked.set()
            await answer.wait()
            await peer.send(OK)

        async with stage(slow) as at, at.client() as client, at.client() as idle:
            await client.send(get(PATH))
            await asked.wait()
            assert at.gateway.in_flight(at.upstream) == 1
            closing = asyncio.gather(at.gateway.close(grace=30), at.gateway.close(grace=30))
            assert await idle.rest() == b""
            answer.set()
            status, headers, body = await client.answer()
            assert (status, headers["connection"], body) == (200, "close", b"ok")
            await closing
            assert at.gateway.connections() == 0

    run(main)


def test_what_does_not_finish_while_the_gateway_closes_is_told(run):
    async def main():
        asked = asyncio.Event()

        async with stage(silent(asked)) as at, at.client() as client:
            await client.send(get(PATH))
            await asked.wait()
            await at.gateway.close(grace=0)
            status, headers, body = await client.answer()
            assert (status, headers["x-page"], headers["connection"]) == (503, "ended", "close")
            assert body == b"closed by vhlocal: the run ends"
            assert [record.reason for record in at.records] == [body.decode()]

    run(main)


def test_a_request_in_flight_ends_where_it_began_while_routes_change(run):
    async def main():
        asked, answer = asyncio.Event(), asyncio.Event()

        async def slow(peer: Peer):
            await peer.head()
            asked.set()
            await answer.wait()
            await peer.send(OK)

        async with stage(slow) as at, server(answering(b"new")) as new, at.client() as one, at.client() as two:
            await one.send(get(PATH))
            await asked.wait()
            at.table.publish([route_to(PREFIX, "predict", new)])
            await two.send(get(PATH))
            assert (await two.answer())[2] == b"new"
            answer.set()
            assert (await one.answer())[2] == b"ok"

    run(main)


def test_no_request_is_lost_while_routes_change(run):
    """Moves between servers, holds and settles, all the while under traffic."""

    async def main():
        done = asyncio.Event()
        async with stage(answering(b"old")) as at, server(answering(b"new")) as new:

            async def visitor() -> set[bytes]:
                bodies = set()
                async with at.client() as client:
                    for _ in range(100):
                        await client.send(get(PATH, b"Content-Length: 0", method=b"POST"))
                        status, _, body = await client.answer()
                        assert status == 200
                        bodies.add(body)
                return bodies

            async def mover() -> None:
                while not done.is_set():
                    for upstream, holding in ((at.upstream, True), (new, False), (new, True), (at.upstream, False)):
                        at.table.publish([route_to(PREFIX, "predict", upstream, holding)])
                        for _ in range(20):
                            await asyncio.sleep(0)

            moving = asyncio.gather(mover())
            seen = await asyncio.gather(*(visitor() for _ in range(5)))
            done.set()
            await moving
            assert set().union(*seen) == {b"old", b"new"}

    run(main)


#: Without a % that is no escape, which is refused.
#: Without what may lead out of a prefix: see ``test_strict``.
TARGETS = (
    st.binary(max_size=60)
    .map(lambda raw: bytes(byte for byte in raw if byte > 0x20 and byte not in b"%\x7f"))
    .filter(lambda raw: b".." not in raw)
)
PIECES = st.sampled_from(
    [b"", b"a", b"/", b"//", b"/a/../", b"/./", b"%2F", b"%2f", b";v=1", b"?q=1&q=%", b"%41", b"+", b"\xc3\xa4"]
)
TAILS = st.one_of(st.lists(PIECES, max_size=8).map(b"".join), TARGETS).map(
    lambda tail: tail if not tail or tail.startswith((b"/", b"?")) else b"/" + tail
)


@times_as_many(3)
@given(
    st.lists(
        st.tuples(st.sampled_from([PREFIX, ALIAS, "/acme/%64igits/local/dev/predict"]), TAILS), min_size=20, max_size=40
    )
)
def test_whatever_target_goes_in_comes_out(targets):
    """P4: percent-encoding, doubled slashes, dots, semicolons, raw UTF-8 and queries are untouched."""

    async def main():
        async with stage(echo_head) as at, at.client() as client:
            for prefix, tail in targets:
                target = prefix.encode() + tail
                await client.send(get(target))
                status, _, head = await client.answer()
                assert status == 200
                assert head.split(b"\r\n")[0] == b"GET " + target + b" HTTP/1.1"

    asyncio.run(main())


FRAMINGS = st.lists(st.integers(1, 40), max_size=12)


@given(st.binary(max_size=120), FRAMINGS, FRAMINGS, st.booleans())
def test_whatever_framing_a_client_chooses_the_server_gets_one_request(body, chunks, cuts, chunked):
    """However the body is chunked and the stream is cut, the same request arrives, and the next one after it."""
    if chunked:
        header, stream, rest = b"Transfer-Encoding: chunked", b"", body
        for size in chunks:
            if rest[:size]:
                stream += b"%X\r\n%b\r\n" % (len(rest[:size]), rest[:size])
            rest = rest[size:]
        stream += (b"%x\r\n%b\r\n" % (len(rest), rest) if rest else b"") + b"0\r\n\r\n"
    else:
        header, stream = b"Content-Length: %d" % len(body), body
    stream = get(PATH, header, method=b"POST") + stream + get(PATH)

    async def script(peer: Peer) -> None:
        while True:
            received.append(await read_request(peer))
            await peer.send(OK)

    received: list[bytes] = []

    async def main():
        rest, sizes = stream, list(cuts)
        async with stage(script) as at, at.client() as client:
            while rest:
                size = sizes.pop() if sizes else len(rest)
                await client.send(rest[:size])
                await asyncio.sleep(0)
                rest = rest[size:]
            for _ in range(2):
                assert (await client.answer())[0] == 200

    asyncio.run(main())
    assert received == [body, b""]


async def read_request(peer: Peer) -> bytes:
    """The body of the next request, by the RFC's rules."""
    head = await peer.head()
    if b"Transfer-Encoding: chunked" not in head:
        return await peer.exactly(int(head.partition(b"Content-Length: ")[2].partition(b"\r\n")[0] or b"0"))
    body = b""
    while size := int((await peer.until(b"\r\n")).strip(), 16):
        body += await peer.exactly(size)
        await peer.exactly(2)
    await peer.exactly(2)
    return body


WORDS = st.sampled_from(
    [
        *(
            b"GET ",
            b"POST ",
            PATH,
            b"/",
            b" HTTP/1.1",
            b" HTTP/1.0",
            b"\r\n",
            b"\n",
            b"\r",
            b"\r\n\r\n",
            b"Host: a\r\n",
        ),
        *(b"\0", b"Content-Length: 3\r\n", b"Transfer-Encoding: chunked\r\n", b"0\r\n\r\n", b"3\r\nabc\r\n", b": "),
        *(b" ", b"abc", b"Connection: close\r\n", b"Connection: Upgrade\r\nUpgrade: websocket\r\n", get(PATH)),
        b"Expect: 100-continue\r\n",
    ]
)


@settings(times_as_many(0.6), suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(st.one_of(WORDS, st.binary(max_size=8)), max_size=25).map(b"".join), min_size=5, max_size=15))
def test_no_bytes_upset_the_gateway(run_once, streams):
    """Whatever a client sends: an answer or an end, nothing fails behind the scenes, and the next client is served."""

    async def main():
        async with stage(echo_head, control=echo_head) as at:
            for stream in streams:
                with contextlib.suppress(ConnectionResetError):
                    async with at.client() as client:
                        await client.send(stream)
                        client.writer.write_eof()
                        got = await client.rest()
                        assert not got or got.startswith(b"HTTP/1.1 ")
            assert (await at.ask(get(PATH, CLOSE))).startswith(b"HTTP/1.1 200 OK")

    run_once(main)

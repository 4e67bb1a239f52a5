"""Behind the gateway: Gunicorn with each of the workers that endpoints use, and Uvicorn, as real processes."""

import asyncio
import contextlib
import http.client
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import connect

from tests.gateway.harness import PATH, PREFIX, Peer, Stage, answering, get, stage
from tests.gateway.routes import route_to
from tests.waiting import accepts, free_port, wait_for
from vhlocal.gateway.server import Upstream

WSGI = """
def application(environ, start_response):
    body = environ["wsgi.input"].read()
    prefix = environ["HTTP_X_VH_PREFIX"].encode()
    start_response("200 OK", [("Content-Type", "text/plain")])
    yield prefix + b" " + environ["REQUEST_METHOD"].encode() + b" "
    yield body
"""

ASGI = """
import asyncio

seen = asyncio.Semaphore(0)


async def application(scope, receive, send):
    if scope["type"] == "websocket":
        await websocket(receive, send)
    elif scope["type"] == "http":
        path = scope["path"].rpartition("/")[2]
        await {"events": events, "seen": count}.get(path, echo)(scope, receive, send)


async def echo(scope, receive, send):
    body, more = b"", True
    while more:
        event = await receive()
        body += event.get("body", b"")
        more = event.get("more_body", False)
    prefix = dict(scope["headers"])[b"x-vh-prefix"]
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    for part in (prefix + b" " + scope["method"].encode() + b" ", body):
        await send({"type": "http.response.body", "body": part, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def events(scope, receive, send):
    headers = [(b"content-type", b"text/event-stream")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    for number in range(10):
        await send({"type": "http.response.body", "body": b"data: %d\\n\\n" % number, "more_body": True})
        await seen.acquire()
    await send({"type": "http.response.body", "body": b""})


async def count(scope, receive, send):
    seen.release()
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})


async def websocket(receive, send):
    await receive()
    await send({"type": "websocket.accept"})
    while (event := await receive())["type"] == "websocket.receive":
        if event.get("text") == "close":
            await send({"type": "websocket.close", "code": 4001, "reason": "as asked"})
        elif event.get("text") is not None:
            await send({"type": "websocket.send", "text": event["text"]})
        else:
            await send({"type": "websocket.send", "bytes": event["bytes"]})
"""

#: Each of the servers by name: what is started, and the application for it. All close idle connections after a second.
SERVERS = {
    "gunicorn-sync": (WSGI, ("gunicorn", "-k", "sync")),
    "gunicorn-gthread": (WSGI, ("gunicorn", "-k", "gthread", "--threads", "2", "--keep-alive", "1")),
    "gunicorn-asgi": (ASGI, ("gunicorn", "-k", "asgi", "--keep-alive", "1")),
    "uvicorn-httptools": (ASGI, ("uvicorn", "--http", "httptools", "--timeout-keep-alive", "1")),
    "uvicorn-h11": (ASGI, ("uvicorn", "--http", "h11", "--timeout-keep-alive", "1")),
}
UVICORNS = [name for name in SERVERS if name.startswith("uvicorn")]


@contextlib.contextmanager
def serving(directory: Path, name: str, app: str = "") -> Iterator[int]:
    """A server of this name as a process of its own, with its application or another one; its port."""
    own, (module, *options) = SERVERS[name]
    (directory / f"{name}.py".replace("-", "_")).write_text(app or own)
    port = free_port()
    bind = ("--bind", f"127.0.0.1:{port}") if module == "gunicorn" else ("--host", "127.0.0.1", "--port", str(port))
    command = [sys.executable, "-m", module, *bind, "--log-level", "warning", *options]
    process = subprocess.Popen([*command, f"{name.replace('-', '_')}:application"], cwd=directory)
    try:
        wait_for(lambda: accepts(port), name)
        yield port
    finally:
        process.terminate()
        process.wait()


@contextlib.asynccontextmanager
async def staged(port: int, **options: Any) -> AsyncIterator[Stage]:
    """A gateway in front of the server at this port."""
    async with stage(answering(b""), **options) as at:
        at.table.publish([route_to(PREFIX, "predict", Upstream("127.0.0.1", port))])
        yield at


def talk(port: int) -> list[tuple[int, bytes]]:
    """Forty requests on one connection, with every way of sending a body."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    answers = []
    ways: list[tuple[str, bytes | list[bytes] | None]] = [
        ("GET", None),
        ("POST", b"abc"),
        ("PUT", [b"a", b"bc"]),
        ("HEAD", None),
    ]
    for method, body in ways * 10:
        connection.request(method, PREFIX + "/x", body=iter(body) if isinstance(body, list) else body)
        response = connection.getresponse()
        answers.append((response.status, response.read()))
    connection.close()
    return answers


BY_LENGTH = """
def application(environ, start_response):
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]
"""
CHUNKS = get(PATH, b"Transfer-Encoding: chunked", method=b"POST") + b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"


def test_k9_an_app_that_reads_by_length_gets_chunks_and_a_slow_body_occupies_no_sync_worker(run_once, tmp_path):
    """K9: one worker, one slow client, many quick ones; the slow one is answered once its body is there."""

    async def main():
        async with staged(port) as at, at.client() as slow:
            await slow.send(CHUNKS[:-1])
            for _ in range(20):
                async with at.client() as quick:
                    await quick.send(CHUNKS)
                    assert (await quick.answer())[2] == b"hello world"
            await slow.send(CHUNKS[-1:])
            assert (await slow.answer())[2] == b"hello world"

    with serving(tmp_path, "gunicorn-sync", BY_LENGTH) as port:
        run_once(main)


@pytest.mark.parametrize("name", SERVERS)
def test_a_server_gets_and_gives_everything(run_once, tmp_path, name):
    """P7, K9: bodies of known length and chunked, answers of unknown length, HEAD."""

    async def main():
        async with staged(port) as at:
            answers = await asyncio.to_thread(talk, at.port)
            prefix = PREFIX.encode() + b"/ "
            bodies = [prefix + b"GET ", prefix + b"POST abc", prefix + b"PUT abc", b""]
            assert answers == [(200, body) for body in bodies] * 10

    with serving(tmp_path, name) as port:
        run_once(main)


@pytest.mark.parametrize("name", ["gunicorn-gthread", *UVICORNS])
def test_a_client_that_expects_100_gets_it_from_the_server(run_once, tmp_path, name):
    async def main():
        async with staged(port) as at, at.client() as client:
            for _ in range(2):
                await client.send(get(PATH + b"/x", b"Expect: 100-continue", b"Content-Length: 5", method=b"POST"))
                assert await client.head() == b"HTTP/1.1 100 Continue\r\n\r\n"
                await client.send(b"hello")
                assert (await client.answer())[2] == PATH + b"/ POST hello"

    with serving(tmp_path, name) as port:
        run_once(main)


@pytest.mark.parametrize("name", ["gunicorn-asgi", *UVICORNS])
def test_each_event_arrives_before_the_next_is_sent(run_once, tmp_path, name):
    async def main():
        async with staged(port) as at, at.client() as listener, at.client() as client:
            await listener.send(get(PATH + b"/events", b"Accept: text/event-stream"))
            assert b"text/event-stream" in await listener.head()
            for number in range(10):
                assert (await listener.until(b"\n\n\r\n")).endswith(b"\r\ndata: %d\n\n\r\n" % number)
                await client.send(get(PATH + b"/seen", b"Content-Length: 0", method=b"POST"))
                assert (await client.answer())[0] == 204
            assert await listener.until(b"\r\n\r\n") == b"0\r\n\r\n"

    with serving(tmp_path, name) as port:
        run_once(main)


@pytest.mark.parametrize("name", UVICORNS[:1])
def test_a_websocket_of_an_app_is_open_until_the_app_closes_it(run_once, tmp_path, name):
    async def main():
        async with staged(port) as at:
            async with connect(f"ws://127.0.0.1:{at.port}{PREFIX}/ws", proxy=None) as client:
                for message in ("grüße", b"\x00\xff" * 50_000):
                    await client.send(message)
                    assert await client.recv() == message
                assert at.gateway.connections() == 1
                await client.send("close")
                await client.wait_closed()
                assert (client.close_code, client.close_reason) == (4001, "as asked")
            assert (await at.wait_for_records(1))[0].status == 101

    with serving(tmp_path, name) as port:
        run_once(main)


async def ask(client: Peer, number: int) -> int:
    """One request, of one of three kinds in turn; the status that it got."""
    method = (b"GET", b"POST", b"PUT")[number % 3]
    body = b"" if method == b"GET" else b"hello"
    await client.send(get(PATH + b"/x", b"Content-Length: %d" % len(body), method=method) + body)
    status, _, got = await client.answer()
    assert status != 200 or got == PATH + b"/ " + method + b" " + body
    return status


async def bursts(port: int) -> list[int]:
    """Bursts of requests as far apart as the server keeps connections, so that it closes some just as they are used."""
    statuses = []
    async with staged(port, tick_seconds=0.25) as at, contextlib.AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(at.client()) for _ in range(12)]
        for pause in (0.94, 0.97, 0.99, 1.0, 1.01, 1.03):
            statuses += await asyncio.gather(*(ask(client, number) for number, client in enumerate(clients)))
            await asyncio.sleep(pause)
        statuses += await asyncio.gather(*(ask(client, number) for number, client in enumerate(clients)))
    return statuses


def test_no_request_meets_the_closing_of_an_idle_connection(run_once, tmp_path):
    """Not even one that must not be repeated; against servers that close after the shortest time that they can."""
    names = [name for name in SERVERS if name != "gunicorn-sync"]

    async def main():
        got = await asyncio.gather(*map(bursts, ports))
        assert dict(zip(names, map(set, got), strict=True)) == {name: {200} for name in names}

    with contextlib.ExitStack() as stack:
        ports = [stack.enter_context(serving(tmp_path, name)) for name in names]
        run_once(main)

"""Behind the gateway: Gunicorn as a real process, with each of the workers that endpoints use."""

import asyncio
import contextlib
import http.client
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.gateway.harness import PREFIX, answering, stage
from tests.waiting import accepts, free_port, wait_for
from vhlocal.gateway.server import Route, Upstream

WSGI = """
def application(environ, start_response):
    body = environ["wsgi.input"].read()
    prefix = environ["HTTP_X_VH_PREFIX"].encode()
    start_response("200 OK", [("Content-Type", "text/plain")])
    yield prefix + b" " + environ["REQUEST_METHOD"].encode() + b" "
    yield body
"""

ASGI = """
async def application(scope, receive, send):
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
"""


@contextlib.contextmanager
def gunicorn(directory, app: str, *options: str) -> Iterator[int]:
    (directory / "served.py").write_text(app)
    port = free_port()
    command = [sys.executable, "-m", "gunicorn", "--bind", f"127.0.0.1:{port}", "--log-level", "warning", *options]
    process = subprocess.Popen([*command, "served:application"], cwd=directory)
    try:
        wait_for(lambda: accepts(port), "gunicorn")
        yield port
    finally:
        process.terminate()
        process.wait()


def talk(port: int) -> list[tuple[int, bytes]]:
    """Forty requests on one connection, with every way of sending a body."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    answers = []
    for method, body in [("GET", None), ("POST", b"abc"), ("PUT", [b"a", b"bc"]), ("HEAD", None)] * 10:
        connection.request(method, PREFIX + "/x", body=iter(body) if isinstance(body, list) else body)
        response = connection.getresponse()
        answers.append((response.status, response.read()))
    connection.close()
    return answers


@pytest.mark.parametrize(
    ("app", "options"),
    [
        (WSGI, ("-k", "sync")),
        (WSGI, ("-k", "gthread", "--threads", "2", "--keep-alive", "1")),
        (ASGI, ("-k", "asgi")),
    ],
    ids=["sync", "gthread", "asgi"],
)
def test_gunicorn_gets_and_gives_everything(run_once, tmp_path, app, options):
    """P7, K9: bodies of known length and chunked, answers of unknown length, HEAD."""

    async def main():
        async with stage(answering(b"")) as at:
            at.table.publish([Route(PREFIX, "predict", Upstream("127.0.0.1", port))])
            answers = await asyncio.to_thread(talk, at.port)
            prefix = PREFIX.encode() + b"/ "
            bodies = [prefix + b"GET ", prefix + b"POST abc", prefix + b"PUT abc", b""]
            assert answers == [(200, body) for body in bodies] * 10

    with gunicorn(tmp_path, app, *options) as port:
        run_once(main)

"""A request that the page sends to an endpoint: what passes, and that nothing of an app is the page's own."""

from __future__ import annotations

import contextlib
import http.server
import json
import socket
import threading
from typing import TYPE_CHECKING

import pytest

from tests.api.runs import Run
from vhlocal.api.calling import ANSWER, HEADERS

if TYPE_CHECKING:
    from collections.abc import Iterator

TARGET = "/acme/digits/local/dev/predict"


class Hearing(http.server.ThreadingHTTPServer):
    """Keeps what it was sent."""

    heard: list[tuple[str, str, dict[str, str], bytes]]


class Gateway(http.server.BaseHTTPRequestHandler):
    """Answers with what it was sent, as a page that a browser would run."""

    protocol_version = "HTTP/1.1"
    server: Hearing

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.heard.append((self.command, self.path, dict(self.headers.items()), body))
        if self.path.endswith("/short"):
            self.wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n")
            self.close_connection = True
            return
        if self.path.endswith("/same"):
            self.wfile.write(b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n")
            return
        self.send_response(418)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Security-Policy", "default-src *")
        self.send_header("Set-Cookie", "a=b")
        self.send_header("X-Bytes", "é")
        self.send_header("Content-Length", "27")
        self.end_headers()
        self.wfile.write(b"" if self.command == "HEAD" else b"<script>alert('x')</script>")

    def log_message(self, *_: object) -> None:
        pass

    do_GET = do_POST = do_HEAD = do_DELETE = do_OPTIONS = answer


@pytest.fixture
def gateway() -> Iterator[Hearing]:
    with Hearing(("127.0.0.1", 0), Gateway) as server:
        server.heard = []
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def run(gateway) -> Iterator[Run]:
    with contextlib.closing(Run(url=f"http://127.0.0.1:{gateway.server_port}")) as started:
        yield started


def test_k8_what_the_page_names_is_sent_and_nothing_of_its_own(run, gateway):
    named = json.dumps([["X-Extra", "é"], ["Accept", "text/csv"], ["Host", "example.com"]])
    own = {HEADERS: named, "Content-Type": "text/plain", "Cookie": "a=b", "X-Own": "1", "Accept-Language": "fi"}
    run.of_page(f"/api/call{TARGET}/a%2Fb//c;d?x=%20&y", "POST", "body", **own)
    ((method, path, headers, body),) = gateway.heard
    assert (method, path, body) == ("POST", f"{TARGET}/a%2Fb//c;d?x=%20&y", b"body")
    assert headers.pop("User-Agent").startswith("vhlocal/")
    wanted = {"X-Extra": "Ã©", "Accept": "text/csv", "Host": "example.com", "Content-Type": "text/plain"}
    assert headers == {**wanted, "Content-Length": "4"}


def test_an_answer_is_bytes_with_its_head_beside_it(run):
    for method, length in (("GET", 27), ("HEAD", 0), ("OPTIONS", 27)):
        answer, body = run.of_page(f"/api/call{TARGET}/x", method)
        assert (answer.status, len(body)) == (200, length)
        assert answer.getheader("Content-Type") == "application/octet-stream"
        assert answer.getheader("X-Content-Type-Options") == "nosniff"
        assert "default-src 'none'" in answer.getheader("Content-Security-Policy")
        assert answer.getheader("Set-Cookie") is None
        told = json.loads(answer.getheader(ANSWER))
        assert (told["status"], told["reason"]) == (418, "I'm a Teapot")
        assert ["Content-Type", "text/html"] in told["headers"]
        assert ["Set-Cookie", "a=b"] in told["headers"]
        assert ["X-Bytes", "é"] in told["headers"]
        assert 0 < told["seconds"] < 60


def test_an_answer_that_has_no_body_by_its_status_has_none(run):
    answer, body = run.of_page(f"/api/call{TARGET}/same")
    assert (answer.status, body) == (200, "")
    assert json.loads(answer.getheader(ANSWER))["status"] == 304


def test_an_answer_that_breaks_off_breaks_off(run):
    address = run.page.removeprefix("http://").split(":")
    with socket.create_connection((address[0], int(address[1])), timeout=60) as connected:
        lines = [
            f"GET /api/call{TARGET}/short HTTP/1.1",
            f"Host: {':'.join(address)}",
            f"Authorization: Bearer {run.key}",
        ]
        connected.sendall("\r\n".join([*lines, "", ""]).encode())
        data = b""
        while part := connected.recv(65536):
            data += part
    assert data.endswith(b"4\r\nhalf\r\n"), "without the end that chunks have"


@pytest.mark.parametrize(
    ("path", "headers", "said"),
    [
        ("/api/call/acme/digits/local/dev", {}, "no endpoint has the path"),
        ("/api/call/api/endpoints", {}, "no endpoint has the path"),
        (f"/api/call{TARGET}", {HEADERS: "{"}, "not a JSON list of names and values"),
        (f"/api/call{TARGET}", {HEADERS: '[["a"]]'}, "not a JSON list of names and values"),
        (f"/api/call{TARGET}", {HEADERS: '[["X-Forwarded-For", "1"]]'}, "a client cannot set"),
        (f"/api/call{TARGET}", {HEADERS: '[["Content-Length", "9"]]'}, "a client cannot set"),
        (f"/api/call{TARGET}", {HEADERS: '[["X-A", "1\\r\\nX-B: 2"]]'}, "this request cannot be sent"),
        (f"/api/call{TARGET}", {HEADERS: '[["X A", "1"]]'}, "this request cannot be sent"),
    ],
)
def test_what_is_no_call_is_told(run, gateway, path, headers, said):
    answer, body = run.of_page(path, **headers)
    assert (answer.status, answer.getheader(ANSWER), answer.getheader("Content-Type")) == (
        409,
        None,
        "application/json",
    )
    assert said in json.loads(body)["error"]
    assert gateway.heard == []


def test_it_is_for_who_has_the_key_and_at_the_pages_origin_alone(run, gateway):
    assert run.of_page(f"/api/call{TARGET}", key=False)[0].status == 401
    assert run.of_page(f"/api/call{TARGET}", Origin="http://127.0.0.1:1")[0].status == 403
    assert run.get(f"/api/call{TARGET}")[0].status == 404
    assert gateway.heard == []


def test_a_gateway_that_is_away_is_told():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with contextlib.closing(Run(url=f"http://127.0.0.1:{port}")) as run:
        answer, body = run.of_page(f"/api/call{TARGET}")
        assert answer.status == 409
        assert "the gateway does not answer" in json.loads(body)["error"]


def test_the_schema_of_what_is_served_is_asked_for_by_version_or_alias(run):
    for name in ("20261124.0", "dev"):
        _, body = run.of_page(f"/api/schema?endpoint=predict&version={name}")
        call = {"method": "POST", "target": "/predict", "body": "{}"}
        assert json.loads(body) == {"schema": {"paths": {}, "served": ["predict"]}, "call": call}
    for wrong in ("endpoint=nope&version=dev", "endpoint=predict&version=old", ""):
        assert run.of_page(f"/api/schema?{wrong}")[0].status == 404

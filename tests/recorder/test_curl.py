"""Commands that are pasted into a real shell, and what a real server gets of them."""

from __future__ import annotations

import http.server
import subprocess
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.exchanges import PREFIX, exchange
from vhlocal.errors import VhlocalError
from vhlocal.exchanges import Body, Request, whole
from vhlocal.recorder.curl import curl
from vhlocal.visible import visible

if TYPE_CHECKING:
    from collections.abc import Iterator


class Hearing(http.server.HTTPServer):
    """Keeps the last request."""

    heard: tuple[str, str, list[tuple[str, str]], bytes]


class Heard(http.server.BaseHTTPRequestHandler):
    """Has the server keep each request."""

    server: Hearing

    def do(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.heard = (self.command, self.path, self.headers.items(), body)
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_POST = do_PUT = do_HEAD = do_DELETE = do_PURGE = do

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def listening() -> Iterator[Hearing]:
    with Hearing(("127.0.0.1", 0), Heard) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def in_a_shell(command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", **variables}
    return subprocess.run(
        ["sh"], input=command, env=environment, text=True, capture_output=True, timeout=60, check=False
    )


def pasted(request: Request, **variables: str):
    """What a server hears of the command that a recorded request becomes."""
    with listening() as server:
        done = in_a_shell(curl(exchange(request), f"http://127.0.0.1:{server.server_port}"), **variables)
        assert done.returncode == 0, done.stderr
        return server.heard


BODIES = [
    b"",
    b'{"x": [1, 2]}',
    b'it\'s $HOME `x` \\ ! "q"\n\n',
    b"@/etc/passwd",
    "größe 7\t\n".encode(),
    b"\0\1\xff\r\n",
    b"a\r\nb",
    b"x" * 300_000,
    b"a=1&b=%20+",
]


@pytest.mark.parametrize("body", BODIES, ids=range(len(BODIES)))
def test_a_body_arrives_byte_for_byte(body):
    request = Request("POST", f"{PREFIX}/digit", (("Content-Type", "text/plain"),), whole(body))
    method, _, headers, heard = pasted(request)
    assert (method, heard) == ("POST", body)
    assert dict(headers)["Content-Type"] == "text/plain"


@pytest.mark.parametrize(
    "target",
    [
        f"{PREFIX}/../x//y/./?a=[1-3]&b={{x,y}}&c='",
        f"{PREFIX}/%2e%2E/$(id)",
        f"{PREFIX}/`id`?!x&y;z",
        f"{PREFIX}/*",
        f"{PREFIX}/?a=\xe9\xc3\xa9",
        f"{PREFIX}/a?b#c",
    ],
)
def test_a_target_arrives_byte_for_byte(target):
    assert pasted(Request("GET", target))[1] == target


def test_headers_arrive_and_none_of_curls_own():
    sent = (("Accept", "*/*"), ("X-Quote", 'it\'s "$5"'), ("X-Empty", ""), ("X-Name", "gr\xc3\xb6\xc3\x9fe"))
    hop = (("Host", "elsewhere"), ("Connection", "keep-alive"), ("Content-Length", "9"), ("X-Forwarded-For", "1.2.3.4"))
    _, _, headers, _ = pasted(Request("PURGE", f"{PREFIX}/", sent + hop, whole(b"x")))
    arrived = {name: value for name, value in headers if name not in ("Host", "Content-Length")}
    assert arrived == {**dict(sent), "X-Empty": ""}


@pytest.mark.parametrize("value", ["caf\xe9 %s \\ ' \" ! $x", "a\tb", "\xc2\x9b31m", "\xe2\x80\xae\xff"])
def test_a_header_arrives_byte_for_byte_and_prints_nothing_that_a_terminal_obeys(value):
    request = Request("GET", f"{PREFIX}/", (("X-Value", value),))
    assert dict(pasted(request)[2])["X-Value"] == value
    command = curl(exchange(request), "http://127.0.0.1:1")
    assert visible(command) == command
    assert "\t" not in command


def test_a_body_is_printed_as_nothing_that_a_terminal_obeys():
    content = "\x9b31m \u202e".encode()
    command = curl(exchange(Request("POST", f"{PREFIX}/", (), whole(content))), "http://127.0.0.1:1")
    assert visible(command) == command


def test_an_empty_body_has_its_length_as_it_had():
    for sent in ((), (("Content-Length", "0"),)):
        headers = pasted(Request("POST", f"{PREFIX}/", sent))[2]
        assert dict(headers).get("Content-Length") == dict(sent).get("Content-Length")


def test_what_a_connection_header_names_ends_at_the_gateway():
    sent = (("Connection", "close, X-Hop"), ("X-Hop", "1"), ("X-App", "2"))
    headers = dict(pasted(Request("GET", f"{PREFIX}/", sent))[2])
    assert "X-Hop" not in headers
    assert headers["X-App"] == "2"


def test_a_head_request_with_a_body_is_nothing_for_curl():
    with pytest.raises(VhlocalError, match="HEAD request with a body") as caught:
        curl(exchange(Request("HEAD", f"{PREFIX}/", (), whole(b"x"))), "http://127.0.0.1:1")
    assert "vhlocal replay" in str(caught.value.hint)


def test_head_has_no_body_to_wait_for():
    assert pasted(Request("HEAD", f"{PREFIX}/"))[0] == "HEAD"


def test_what_is_hidden_has_to_be_set_and_is_never_sent_as_stars():
    request = Request("GET", f"{PREFIX}/?api_key=abc&x=1", (("Authorization", "Bearer secret"), ("Cookie", "a=1; b=2")))
    command = curl(exchange(request), "http://127.0.0.1:1")
    assert "secret" not in command
    assert "*" not in command.replace("'*/*'", "")
    done = in_a_shell(command)
    assert done.returncode != 0
    assert "set it to what is hidden of the URL" in done.stderr
    _, target, headers, _ = pasted(request, URL="abc", AUTHORIZATION="secret", COOKIE="v")
    assert target == f"{PREFIX}/?api_key=abc&x=1"
    assert dict(headers)["Authorization"] == "Bearer secret"
    assert dict(headers)["Cookie"] == "a=v; b=v"


def test_a_body_that_was_not_kept_cannot_be_sent_again():
    request = Request("POST", PREFIX, (), Body(None, 5_000_000, "ab", "longer than 1048576 bytes"))
    with pytest.raises(VhlocalError, match="was not kept: longer than 1048576 bytes") as caught:
        curl(exchange(request), "http://127.0.0.1:1")
    assert caught.value.hint

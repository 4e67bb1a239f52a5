"""Requests of vhlocal's own against servers that answer early, late, short and not at all."""

from __future__ import annotations

import contextlib
import socket
import threading
import tracemalloc
from typing import TYPE_CHECKING

import pytest

from vhlocal.exchanges import Request, text_of, whole
from vhlocal.sending import BrokenOffError, Content, Sent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LARGE = 64 * 1024 * 1024
PART = b"x" * 65536


@contextlib.contextmanager
def serving(serve: Callable[[socket.socket], None]) -> Iterator[int]:
    """Let ``serve`` answer the one connection that comes; yield the port."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def run() -> None:
            connected, _ = listening.accept()
            with connected:
                serve(connected)

        thread = threading.Thread(target=run)
        thread.start()
        yield listening.getsockname()[1]
        thread.join()


def read_head(connected: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        data += connected.recv(1)
    return data


def test_what_is_written_is_one_request():
    heard = []

    def serve(connected: socket.socket) -> None:
        heard.append(read_head(connected) + connected.recv(5, socket.MSG_WAITALL))
        connected.sendall(b"HTTP/1.1 204 No Content\r\nX-A: 1\r\nX-A: 2\r\n\r\n")

    fields = (("X-E", "é"), ("X-Byte", text_of("caf\xe9")))
    request = Request("PUT", "/a//b?c=\xe9", fields, whole(b"12345"))
    with serving(serve) as port, Sent("127.0.0.1", port, request) as sent:
        head = sent.head()
        assert (head.status, head.reason, head.headers) == (204, "No Content", (("X-A", "1"), ("X-A", "2")))
        assert list(sent.parts()) == []
    host = f"Host: 127.0.0.1:{port}".encode()
    fields_ = ["X-E: é".encode(), b"X-Byte: caf\xe9", b"Content-Length: 5"]
    assert heard == [b"\r\n".join([b"PUT /a//b?c=\xe9 HTTP/1.1", host, *fields_, b"", b"12345"])]


def test_large_bodies_pass_both_ways_at_once_without_being_held():
    """An app that answers while it reads: who sends all first, and then reads, would wait for ever."""

    def serve(connected: socket.socket) -> None:
        read_head(connected)
        connected.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % LARGE)
        left = LARGE
        while left:
            part = connected.recv(min(left, 65536))
            left -= len(part)
            connected.sendall(part)

    content = Content((PART for _ in range(LARGE // len(PART))), LARGE)
    tracemalloc.start()
    with serving(serve) as port, Sent("127.0.0.1", port, Request("POST", "/"), content) as sent:
        sent.head()
        assert sum(map(len, sent.parts())) == LARGE
    held = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert held < 4 * 1024 * 1024


def test_a_body_of_unknown_length_goes_in_chunks():
    heard = []

    def serve(connected: socket.socket) -> None:
        head = read_head(connected)
        body = b""
        while not body.endswith(b"0\r\n\r\n"):
            body += connected.recv(65536)
        heard.extend([head, body])
        connected.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nuntil the end")

    content = Content(iter([b"one", b"", b"three"]), None)
    with serving(serve) as port, Sent("127.0.0.1", port, Request("POST", "/"), content) as sent:
        sent.head()
        assert b"".join(sent.parts()) == b"until the end"
    head, body = heard
    assert b"Transfer-Encoding: chunked" in head
    assert b"Content-Length" not in head
    assert body == b"3\r\none\r\n5\r\nthree\r\n0\r\n\r\n"


def test_an_answer_that_comes_before_all_was_read_is_the_answer():
    def serve(connected: socket.socket) -> None:
        read_head(connected)
        connected.sendall(b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nno!")
        connected.shutdown(socket.SHUT_WR)
        while connected.recv(65536):
            pass

    content = Content((PART for _ in range(LARGE // len(PART))), LARGE)
    with serving(serve) as port, Sent("127.0.0.1", port, Request("POST", "/"), content) as sent:
        assert sent.head().status == 413
        assert b"".join(sent.parts()) == b"no!"


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", "6 bytes are missing at its end"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhal", "it breaks off"),
    ],
)
def test_an_answer_that_breaks_off_is_told(answer, why):
    def serve(connected: socket.socket) -> None:
        read_head(connected)
        connected.sendall(answer)

    with serving(serve) as port, Sent("127.0.0.1", port, Request("GET", "/")) as sent:
        sent.head()
        with pytest.raises(BrokenOffError, match=why):
            list(sent.parts())


@pytest.mark.parametrize(
    ("parts", "why"),
    [([b"half"], "6 bytes are missing at the end of the request's body"), (map(int, ["x"]), "invalid literal")],
)
def test_what_keeps_the_body_from_being_sent_is_told_in_place_of_what_comes_of_it(parts, why):
    def serve(connected: socket.socket) -> None:
        while connected.recv(65536):
            pass

    request, told = Request("POST", "/"), pytest.raises((OSError, ValueError), match=why)
    with serving(serve) as port, Sent("127.0.0.1", port, request, Content(parts, 10)) as sent, told:
        sent.head()


def test_whoever_waits_can_be_told_from_elsewhere_that_nobody_does_any_more():
    begun = threading.Event()

    def serve(connected: socket.socket) -> None:
        read_head(connected)
        connected.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n")
        begun.wait()
        while connected.recv(65536):
            pass

    with serving(serve) as port, Sent("127.0.0.1", port, Request("GET", "/")) as sent:
        sent.head()
        begun.set()
        threading.Thread(target=sent.give_up).start()
        with pytest.raises(BrokenOffError):
            list(sent.parts())


@pytest.mark.parametrize(
    "request_",
    [
        Request("GET /", "/"),
        Request("GET", "/a b"),
        Request("GET", "/", (("X", "a\r\nY: b"),)),
        Request("", "/"),
        Request("GET", "/日"),
    ],
)
def test_what_is_no_request_is_not_sent(request_):
    with socket.create_server(("127.0.0.1", 0)) as listening, pytest.raises(ValueError):
        Sent("127.0.0.1", listening.getsockname()[1], request_)

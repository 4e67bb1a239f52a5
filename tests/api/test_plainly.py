"""What commands ask a run comes whole, or they hear why it did not."""

import socket
import threading
from contextlib import contextmanager

import pytest

from vhlocal.api.plainly import ask


@contextmanager
def answering(text):
    """Answer one request with ``text``, and yield the address, and what is filled with what was asked."""
    asked = []
    with socket.create_server(("127.0.0.1", 0)) as listens:

        def answer():
            connection, _ = listens.accept()
            with connection:
                while not b"".join(asked).partition(b"\r\n\r\n")[1]:
                    asked.append(connection.recv(65536))
                connection.sendall(text)

        thread = threading.Thread(target=answer)
        thread.start()
        yield listens.getsockname(), asked
        thread.join(30)


def read(text):
    with answering(text) as (address, _), ask(address, "GET", "/x", {"A": "b"}, None, 30) as answer:
        return answer.status, list(answer)


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\na\nbc beyond", [b"a\n", b"bc"]),
        (b"HTTP/1.1 200 OK\r\n\r\na\nbc", [b"a\n", b"bc"]),
        (b"HTTP/1.0 200\r\ncontent-length:0\r\n\r\n", []),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\na\nb\r\n9;x\r\nc\nd\r\n345\n\r\n0\r\n\r\n",
            [b"a\n", b"bc\n", b"d\r\n", b"345\n"],
        ),
    ],
    ids=["a length", "until the end", "nothing", "chunks"],
)
def test_an_answer_is_read_to_its_end(text, lines):
    assert read(text) == (200, lines)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nno size\r\n",
        b"SSH-2.0-OpenSSH\r\n",
        b"HTTP/1.1 200 OK\r\n" + 1000 * b"a: b\r\n",
    ],
    ids=[
        "nothing",
        "half a head",
        "half a body",
        "no last chunk",
        "half a chunk",
        "no chunk",
        "no HTTP",
        "an endless head",
    ],
)
def test_what_is_no_whole_answer_is_an_error(text):
    with pytest.raises(ConnectionError):
        read(text)


def test_a_request_tells_its_host_and_its_length():
    reply = b"HTTP/1.1 404 Not Found\r\n\r\n{}"
    with answering(reply) as (address, asked), ask(address, "POST", "/x?y=1", {"A": "b"}, b"body", 30) as answer:
        assert answer.is_error
        assert answer.json() == {}
    head = b"".join(asked).partition(b"\r\n\r\n")[0].decode().split("\r\n")
    assert head[:2] == ["POST /x?y=1 HTTP/1.1", f"Host: 127.0.0.1:{address[1]}"]
    assert head[2:] == ["Connection: close", "A: b", "Content-Length: 4"]

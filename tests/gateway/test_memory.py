"""How little the gateway keeps: its own process is looked at while gigabytes and bad requests by the thousand pass."""

import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from tests.gateway.alone import Alone
from tests.gateway.harness import CLOSE, OK, PATH, PREFIX, get
from tests.gateway.test_head import REFUSED
from tests.waiting import wait_for

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="a process' memory is told in /proc")

TWO_GIGABYTES = 2 * 2**30
BLOCK = bytes(2**20)
CHUNKED = b"%x\r\n%b\r\n" % (len(BLOCK), BLOCK)
END = b"0\r\n\r\n"
FRAMINGS = {
    "length": (b"Content-Length: %d" % TWO_GIGABYTES, BLOCK, b""),
    "chunked": (b"Transfer-Encoding: chunked", CHUNKED, END),
}


@contextmanager
def listening(serve: Callable[[socket.socket], None]) -> Iterator[int]:
    """A server with a thread for each connection; its port."""

    def run(connection: socket.socket) -> None:
        with connection:
            serve(connection)

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=run, args=(connection,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listener:
        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


def head_of(connection: socket.socket) -> bytes:
    """The next head, byte by byte, so that none of what follows is taken."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        byte = connection.recv(1)
        if not byte:
            return b""
        head += byte
    return head


def send_two_gigabytes(connection: socket.socket, framing: str) -> None:
    _, block, end = FRAMINGS[framing]
    for _ in range(TWO_GIGABYTES // len(BLOCK)):
        connection.sendall(block)
    connection.sendall(end)


def take_two_gigabytes(connection: socket.socket, framing: str) -> None:
    """Take a body, which in chunks has at most 1 % more bytes than it carries."""
    taken, place, last = 0, memoryview(bytearray(2**20)), b""
    while taken < TWO_GIGABYTES or (framing == "chunked" and not last.endswith(END)):
        size = connection.recv_into(place)
        assert size
        taken += size
        last = (last + bytes(place[max(0, size - 8) : size]))[-8:]
    assert taken <= TWO_GIGABYTES * 1.01


def test_two_gigabytes_pass_each_way_in_either_framing_and_leave_no_trace_in_memory():
    def serve(connection: socket.socket) -> None:
        while head := head_of(connection):
            framing = "chunked" if b"chunked" in head else "length"
            if b"POST" in head:
                take_two_gigabytes(connection, framing)
                connection.sendall(OK)
            elif b"/small" in head:
                connection.sendall(OK)
            else:
                framing = "chunked" if b"/chunked" in head else "length"
                connection.sendall(b"HTTP/1.1 200 OK\r\n" + FRAMINGS[framing][0] + b"\r\n\r\n")
                send_two_gigabytes(connection, framing)

    with listening(serve) as port, Alone() as gateway, socket.create_connection(("127.0.0.1", gateway.port)) as client:
        gateway.publish([(PREFIX, port)], buffered=False)
        for _ in range(100):
            client.sendall(get(PATH + b"/small"))
            assert head_of(client).startswith(b"HTTP/1.1 200 ")
            assert client.recv(2) == b"ok"
        before = gateway.memory()
        gateway.forget_peak()
        for framing in FRAMINGS:
            client.sendall(get(PATH, FRAMINGS[framing][0], method=b"POST"))
            send_two_gigabytes(client, framing)
            assert head_of(client).startswith(b"HTTP/1.1 200 ")
            assert client.recv(2) == b"ok"
            client.sendall(get(PATH + b"/" + framing.encode()))
            assert head_of(client).startswith(b"HTTP/1.1 200 ")
            take_two_gigabytes(client, framing)
        growth = gateway.peak() - before
        facts = gateway.facts()
        assert facts["bytes_in"] == 2 * TWO_GIGABYTES
        assert facts["bytes_out"] == 2 * TWO_GIGABYTES + 204
        assert growth < 32, f"grew by {growth:.1f} MB"


def distinct(number: int) -> list[bytes]:
    """Bad and good requests that no other number has: nothing of them is worth remembering."""
    mark = b"%d" % number
    padding = b"X-%b: %b" % (mark, mark * 100)
    return [
        *(raw.replace(b"\r\n", b"\r\nX-Mark: %b\r\n" % mark, 1) for _, raw in REFUSED.values()),
        get(b"/" + mark * 2000),
        get(PATH, padding * 60),
        get(b"/o/p/d/v/e" + mark, padding, CLOSE),
        get(PATH + b"/" + mark, b"X-%b: 1" % (mark * 1000), *[b"a%b:" % mark] * 150, CLOSE),
        *(get(b"/o/p/d/v/e", b"X-%b%b: 1" % (mark, letter * 30_000), CLOSE) for letter in (b"a", b"b", b"c")),
        get(PATH, padding, b"Transfer-Encoding: chunked", method=b"POST") + b"3\r\nabc\r\nzz\r\n",
        get(PATH, padding, b"Content-Length: 100", method=b"POST") + mark,
        b"GET /" + mark,
    ]


def test_bad_requests_by_the_thousand_leave_no_trace_in_memory():
    def serve(connection: socket.socket) -> None:
        if head_of(connection):
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")

    def misbehave(numbers: range) -> None:
        for number in numbers:
            for raw in distinct(number):
                with socket.create_connection(("127.0.0.1", gateway.port)) as client, suppress(ConnectionError):
                    client.sendall(raw)
                    client.shutdown(socket.SHUT_WR)
                    while client.recv(65536):
                        pass

    with listening(serve) as port, Alone() as gateway:
        gateway.publish([(PREFIX, port)])
        misbehave(range(20))
        before = gateway.memory()
        misbehave(range(20, 100))
        facts = wait_for(lambda: none_open(gateway), "all connections to be closed")
        assert sum(facts["statuses"].values()) > 4000
        assert not facts["complaints"]
        growth = gateway.memory() - before
        assert growth < 4, f"grew by {growth:.1f} MB"


def none_open(gateway: Alone) -> dict[str, Any] | None:
    facts = gateway.facts()
    return None if facts["connections"] or facts["upstream_connections"] else facts

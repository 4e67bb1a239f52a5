"""The generator against real servers: it asks when it is time to, whatever the server does."""

from __future__ import annotations

import errno
import os
import signal
import socket
import socketserver
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from vhlocal.errors import InputError
from vhlocal.exchanges import Request, whole
from vhlocal.load.figures import Step, figures
from vhlocal.load.generate import Generator, wire

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
GET = wire(Request("GET", "/o/p/d/v/e/"), "127.0.0.1", 1)


@contextmanager
def serving(answer: Callable[[socket.socket, bytes, int], bool]) -> Iterator[int]:
    """A server that calls ``answer`` with each request, on any connection, and closes where that returns False."""
    numbers = iter(range(10**9))

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            data = b""
            while part := self.request.recv(1 << 20):
                data += part
                while (end := data.find(b"\r\n\r\n")) >= 0:
                    length = data.partition(b"Content-Length: ")[2].partition(b"\r\n")[0]
                    end += 4 + int(length or 0)
                    if len(data) < end:
                        break
                    one, data = data[:end], data[end:]
                    if not answer(self.request, one, next(numbers)):
                        return

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads, allow_reuse_address, request_queue_size = True, True, 128

    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


def answering(connection: socket.socket, request: bytes, number: int) -> bool:
    connection.sendall(OK)
    return True


def test_each_request_is_asked_and_answered():
    with serving(answering) as port, Generator("127.0.0.1", port, GET) as generator:
        window = generator.run(Step(100, 0.5))
        again = generator.run(Step(50, 0.2))
    assert (window.asked, len(window.latencies), window.errors) == (50, 50, {})
    assert (again.asked, len(again.latencies)) == (10, 10)
    assert min(window.latencies) > 0
    assert min(window.lateness) >= 0
    assert len(window.ends) == 50
    assert all(end >= took for end, took in zip(window.ends, window.latencies, strict=True))


def test_what_is_sent_arrives_whole_and_however_large():
    heard = []

    def keeping(connection: socket.socket, request: bytes, number: int) -> bool:
        heard.append(request)
        return answering(connection, request, number)

    headers = (("X-A", "gr\xc3\xb6"), ("Content-Length", "1"), ("Connection", "close"), ("Host", "h"))
    data = wire(Request("POST", "/o/p?x=1", headers, whole(b"x" * 3_000_000)), "127.0.0.1", 1)
    with serving(keeping) as port, Generator("127.0.0.1", port, data) as generator:
        assert generator.run(Step(10, 0.3)).errors == {}
    assert (
        heard
        == [
            b"POST /o/p?x=1 HTTP/1.1\r\nX-A: gr\xc3\xb6\r\nHost: h\r\nContent-Length: 3000000\r\n\r\n"
            + b"x" * 3_000_000
        ]
        * 3
    )


@pytest.mark.parametrize(
    ("method", "says_length", "sent"),
    [("POST", None, True), ("GET", None, False), ("POST", False, False), ("DELETE", True, True)],
)
def test_the_length_of_an_empty_body_is_sent_as_it_was_recorded_or_as_clients_do(method, says_length, sent):
    data = wire(Request(method, "/", says_length=says_length), "127.0.0.1", 1)
    assert (b"\r\nContent-Length: 0\r\n" in data) == sent


def test_a_server_that_stalls_shows_in_the_latencies_of_all_that_were_due_meanwhile():
    """It is asked on, and each counts from when it was due: of one second's stall half have waited half a second."""
    stalls, until = threading.Lock(), []

    def stalling(connection: socket.socket, request: bytes, number: int) -> bool:
        with stalls:
            if not until:
                until.append(time.monotonic() + 1)
        time.sleep(max(0.0, until[0] - time.monotonic()))
        return answering(connection, request, number)

    with serving(stalling) as port, Generator("127.0.0.1", port, GET) as generator:
        window = generator.run(Step(50, 2))
    assert window.errors == {}
    assert sum(latency >= 0.5 for latency in window.latencies) >= 20
    assert figures(window).p99 >= 0.9


def test_ctrl_c_leaves_the_figures_until_then_with_what_was_on_its_way():
    def interrupting(connection: socket.socket, request: bytes, number: int) -> bool:
        if number < 5:
            return answering(connection, request, number)
        if number == 7:
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        return True  # no answer

    with serving(interrupting) as port, Generator("127.0.0.1", port, GET) as generator:
        window = generator.run(Step(50, 600))
        assert generator.interrupted
    assert 0 < window.step.seconds < 600
    assert window.asked - window.failed == 5
    assert window.failed >= 3
    assert set(window.errors) == {"not answered by Ctrl-C"}
    assert len(window.latencies) == len(window.ends) == window.asked


def test_errors_are_told_by_reason():
    def failing(connection: socket.socket, request: bytes, number: int) -> bool:
        if number % 4 == 0:
            connection.sendall(OK.replace(b"200 OK", b"503 Busy"))
        elif number % 4 == 1:
            connection.sendall(OK[:-1])
        elif number % 4 == 2:
            connection.sendall(b"SSH-2.0\r\n\r\n")
        return False

    with serving(failing) as port, Generator("127.0.0.1", port, GET) as generator:
        window = generator.run(Step(100, 0.4))
    assert window.latencies.tolist() == []
    assert window.failed == 40
    assert window.errors["status 503"] >= 10
    assert window.errors["the answer broke off"] >= 10
    assert window.errors["the answer is not HTTP"] >= 10


def test_a_connection_that_the_server_ended_is_replaced_and_the_request_sent_again():
    def once(connection: socket.socket, request: bytes, number: int) -> bool:
        connection.sendall(OK)  # and closes without a word
        return False

    with serving(once) as port, Generator("127.0.0.1", port, GET) as generator:
        window = generator.run(Step(100, 0.5))
    assert (len(window.latencies), window.errors) == (50, {})


def test_a_server_that_is_not_there_is_told():
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # and does not listen: nobody else can
        with Generator("127.0.0.1", held.getsockname()[1], GET) as generator:
            window = generator.run(Step(100, 0.1))
    assert window.errors == {os.strerror(errno.ECONNREFUSED).lower(): 10}


def test_what_never_comes_counts_as_long_as_it_was_waited_for():
    def silent(connection: socket.socket, request: bytes, number: int) -> bool:
        return True

    with serving(silent) as port, Generator("127.0.0.1", port, GET, patience=0.3) as generator:
        window = generator.run(Step(50, 0.1))
    assert window.errors == {"no answer within 0.3 s": 5}
    assert min(window.latencies) >= 0.3


def test_what_is_due_beyond_the_connections_waits_and_its_latency_counts_on():
    gate, came = threading.Semaphore(0), threading.Event()

    def gated(connection: socket.socket, request: bytes, number: int) -> bool:
        came.set()
        gate.acquire(timeout=60)
        return answering(connection, request, number)

    def opening() -> None:
        came.wait(60)
        time.sleep(0.5)
        gate.release(100)

    with serving(gated) as port, Generator("127.0.0.1", port, GET, connections=2) as generator:
        opener = threading.Thread(target=opening)
        opener.start()
        window = generator.run(Step(200, 0.1))
        opener.join()
    assert len(window.latencies) == 20
    assert min(window.latencies) >= 0.3


@pytest.mark.parametrize("host", ["192.168.1.1", "10.0.0.1", "8.8.8.8", "2001:db8::1"])
def test_another_machine_is_never_loaded(host):
    with pytest.raises(InputError, match="only sends to this machine"):
        Generator(host, 80, GET)

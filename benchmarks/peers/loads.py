"""What is asked of the peers: many small requests, one large body each way, clients that stay."""

from __future__ import annotations

import contextlib
import re
import shutil
import socket
import subprocess
import threading
import time
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.report import UnmeasuredError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_MICROSECONDS = {"us": 1.0, "ms": 1e3, "s": 1e6}
_BLOCK = 256 * 1024


class Small(NamedTuple):
    """Requests per second, the time that half of them stayed below, in microseconds, and how many there were."""

    per_second: float
    half_within: float
    total: int


def small(port: int, path: str, connections: int, seconds: int) -> Small:
    """Ask for one short answer after the other on each of some connections, by ``wrk``."""
    if shutil.which("wrk") is None:
        raise UnmeasuredError("wrk is not installed (Debian: wrk)")
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", f"http://127.0.0.1:{port}{path}"]
    said = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    wrong = re.search(r"Non-2xx|Socket errors: connect [1-9]", said)
    rate, half = re.search(r"Requests/sec:\s+([\d.]+)", said), re.search(r"50%\s+([\d.]+)(us|ms|s)", said)
    total = re.search(r"(\d+) requests in ", said)
    if wrong or rate is None or half is None or total is None:
        raise UnmeasuredError(f"wrk could not measure {command[-1]}:\n{said}")
    return Small(float(rate[1]), float(half[1]) * _MICROSECONDS[half[2]], int(total[1]))


def download(port: int, path: str, size: int) -> float:
    """Fetch a body of ``size`` bytes and return its MB (10^6 bytes) per second."""
    buffer = bytearray(_BLOCK)
    with _connected(port) as client:
        began = time.perf_counter()
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        left = size - len(_after_head(client))
        while left > 0:
            count = client.recv_into(buffer)
            if not count:
                raise UnmeasuredError(f"a download broke off {left} bytes before its end")
            left -= count
        return size / 1e6 / (time.perf_counter() - began)


def upload(port: int, path: str, file: Path) -> float:
    """Send a file, wait for the answer, and return the MB (10^6 bytes) per second."""
    size = file.stat().st_size
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {size}\r\n\r\n"
    with _connected(port) as client, file.open("rb") as body:
        began = time.perf_counter()
        client.sendall(head.encode())
        client.sendfile(body)
        answer = _line(client)
        seconds = time.perf_counter() - began
        if answer.strip() != str(size).encode():
            raise UnmeasuredError(f"an upload of {size} bytes was answered {answer!r}")
        return size / 1e6 / seconds


def chunked(port: int, path: str, size: int, times: int) -> float:
    """Send a body of ``size`` bytes in chunks, ``times`` times on one connection; the MB (10^6 bytes) per second."""
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    part = b"x" * min(size, _BLOCK)
    chunk, rest = b"%x\r\n%b\r\n" % (len(part), part), size % len(part)
    last = (b"%x\r\n%b\r\n" % (rest, part[:rest]) if rest else b"") + b"0\r\n\r\n"
    with _connected(port) as client:
        began = time.perf_counter()
        for _ in range(times):
            if size <= _BLOCK:
                client.sendall(head + chunk + last)
            else:
                client.sendall(head)
                for _ in range(size // len(part)):
                    client.sendall(chunk)
                client.sendall(last)
            answer = _line(client)
            if answer.strip() != str(size).encode():
                raise UnmeasuredError(f"a body of {size} bytes in chunks was answered {answer!r}")
        return size * times / 1e6 / (time.perf_counter() - began)


@contextlib.contextmanager
def dribbling(port: int, path: str) -> Iterator[None]:
    """Send a body that never ends, a byte every 20 ms."""
    done = threading.Event()

    def dribble() -> None:
        while not done.wait(0.02):
            client.sendall(b"x")

    with _connected(port) as client:
        client.sendall(f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n".encode())
        thread = threading.Thread(target=dribble)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()


@contextlib.contextmanager
def staying(port: int, path: str, count: int, headers: str = "") -> Iterator[None]:
    """Keep ``count`` clients connected, each after its first answer's head."""
    with contextlib.ExitStack() as stack:
        for _ in range(count):
            client = stack.enter_context(_connected(port))
            client.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n".encode())
            _after_head(client)
        yield


def _connected(port: int) -> socket.socket:
    client = socket.create_connection(("127.0.0.1", port), timeout=60)
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return client


def _line(client: socket.socket) -> bytes:
    """Read a good answer of one line."""
    got = _after_head(client)
    while not got.endswith(b"\n") and (data := client.recv(_BLOCK)):
        got += data
    return got


def _after_head(client: socket.socket) -> bytes:
    """Read the head of a good answer, and return what came with it of the body."""
    got = b""
    while b"\r\n\r\n" not in got:
        data = client.recv(_BLOCK)
        if not data:
            raise UnmeasuredError(f"a connection ended after {got[:200]!r}")
        got += data
    head, _, rest = got.partition(b"\r\n\r\n")
    if not head.startswith((b"HTTP/1.1 200 ", b"HTTP/1.0 200 ", b"HTTP/1.1 101 ")):
        raise UnmeasuredError(f"the answer was {head[:200]!r}")
    return rest

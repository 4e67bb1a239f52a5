"""Sends requests when they are due, whether or not earlier ones were answered: the only input and output of load.

A generator that waits for answers before it asks again asks less just when the server is slow, and hides that. Here a
latency counts from when its request was due. One thread, sockets that do not block; to wait for a fraction of a
millisecond, ``select`` watches the poll object, which itself counts in milliseconds.
"""

from __future__ import annotations

import errno
import ipaddress
import os
import select
import selectors
import socket
import time
from array import array
from collections import Counter, deque
from typing import TYPE_CHECKING

from vhlocal.errors import InputError
from vhlocal.load.answers import AnswerError, Reader
from vhlocal.load.figures import Step, Window
from vhlocal.sending import says_length

if TYPE_CHECKING:
    from types import TracebackType

    from vhlocal.exchanges import Request

#: Connections at most; what is due beyond them waits for one, and its latency counts on.
CONNECTIONS = 1000
#: Seconds that an answer is waited for, as production does (K9).
PATIENCE = 60.0

#: Bytes that are read at a time. From 128 KiB on, glibc maps each buffer anew and unmaps it: three system calls more,
#: and 35 µs for a request instead of 14.
_READ = 65536
#: Seconds at most that are waited at a time, and below which it is not worth a call to wait.
_LONGEST_WAIT, _SOON = 0.1, 0.00005
#: How often it is looked whether an answer comes too late, in seconds.
_LOOK_FOR_LATE = 0.01
_BY_THEN = "not answered by Ctrl-C"
_GONE = "the server closed the connection without an answer"


def wire(request: Request, host: str, port: int) -> bytes:
    """Return a request as bytes to send; its body has to be known whole."""
    names = {name.lower() for name, _ in request.headers}
    content = request.body.content or b""
    lines = [f"{request.method} {request.target} HTTP/1.1"]
    lines += [] if "host" in names else [f"Host: {host}:{port}"]
    lines += [f"{name}: {value}" for name, value in request.headers if name.lower() not in _OWN]
    if says_length(request, len(content)):
        lines.append(f"Content-Length: {len(content)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + content


_OWN = {"content-length", "connection", "transfer-encoding", "expect"}


class Generator:
    """Sends one request again and again to a server of this machine. A context manager: it keeps connections.

    Raises InputError for an address that is not of the loopback.
    """

    def __init__(
        self, host: str, port: int, data: bytes, *, patience: float = PATIENCE, connections: int = CONNECTIONS
    ) -> None:
        if host != "localhost" and not ipaddress.ip_address(host).is_loopback:
            raise InputError(
                f"`vhlocal load` only sends to this machine, and {host} is another one", hint="use 127.0.0.1"
            )
        self._address = (host, port)
        self._family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._data = data
        self._method = data.split(b" ", 1)[0].decode()
        self._patience = patience
        self._most = connections
        self._selector = selectors.DefaultSelector()
        self._idle: list[_Connection] = []
        self._open: set[_Connection] = set()
        self._waiting: deque[float] = deque()
        self.interrupted = False

    def __enter__(self) -> Generator:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for connection in self._open:
            connection.socket.close()
        self._selector.close()

    def run(self, step: Step) -> Window:
        """Send a step's requests, each when it is due, and wait until each is answered or given up.

        Ctrl-C ends the step: the window covers the seconds until then, and ``interrupted`` is True. Requests
        in flight by then count for as long as it waited for them.
        """
        self._latencies, self._ends, self._lateness = array("d"), array("d"), array("d")
        self._errors = Counter[str]()
        self._start = start = time.perf_counter()
        self._busy: dict[_Connection, None] = {}  # the longest on its way is the first
        try:
            self._send_all(step, start)
        except KeyboardInterrupt:
            self.interrupted = True
            now = time.perf_counter()
            step = Step(step.rate, now - start)
            for due in (*(one.due for one in self._open.difference(self._idle)), *self._waiting):
                self._took(now - due, now)
                self._errors[_BY_THEN] += 1
        return Window(step, self._latencies, self._ends, self._lateness, dict(self._errors))

    def _send_all(self, step: Step, start: float) -> None:
        count, sent = max(1, round(step.rate * step.seconds)), 0
        due = look_for_late = start
        while sent < count or self._busy or self._waiting:
            now = time.perf_counter()
            while sent < count and due <= now:
                self._lateness.append(now - due)
                sent += 1
                self._begin(due)
                due = start + sent / step.rate
            if now >= look_for_late:
                look_for_late = now + _LOOK_FOR_LATE
                self._give_up(now)
            self._look(due - time.perf_counter() if sent < count else _LONGEST_WAIT)

    def _begin(self, due: float) -> None:
        if self._idle:
            self._send(self._idle.pop(), due)
        elif len(self._open) < self._most:
            self._connect(due)
        else:
            self._waiting.append(due)

    def _connect(self, due: float) -> None:
        try:
            connection = _Connection(socket.socket(self._family, socket.SOCK_STREAM))
        except OSError as error:
            if not self._open:
                raise InputError(f"no connection can be opened: {error.strerror}") from error
            self._most = len(self._open)  # no more files may be open
            self._waiting.append(due)
            return
        connection.socket.setblocking(False)
        connection.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._open.add(connection)
        self._selector.register(connection.socket, selectors.EVENT_READ, connection)
        code = connection.socket.connect_ex(self._address)
        if code in (0, errno.EINPROGRESS):
            self._send(connection, due)
        else:
            self._close(connection)
            self._fail(os.strerror(code))

    def _send(self, connection: _Connection, due: float) -> None:
        connection.due = due
        connection.reader = Reader(self._method)
        self._busy[connection] = None
        self._write(connection, self._data)

    def _write(self, connection: _Connection, data: bytes | memoryview) -> None:
        sent = 0
        try:
            sent = connection.send(data)
        except BlockingIOError:
            pass
        except OSError as error:
            if error.errno != errno.ENOTCONN:  # which is what it is on some systems while it still connects
                self._broken(connection, error)
                return
        events = selectors.EVENT_READ
        if sent < len(data):
            connection.left = memoryview(data)[sent:]
            events |= selectors.EVENT_WRITE
        if events != connection.events:
            connection.events = events
            self._selector.modify(connection.socket, events, connection)

    def _look(self, seconds: float) -> None:
        if seconds > _SOON:
            select.select([self._selector], [], [], min(seconds, _LONGEST_WAIT))
        for key, events in self._selector.select(0):
            connection: _Connection = key.data
            if events & selectors.EVENT_WRITE and connection in self._busy:
                self._write(connection, connection.left)
            if events & selectors.EVENT_READ and connection in self._open:
                self._read(connection)

    def _read(self, connection: _Connection) -> None:
        try:
            data = connection.receive(_READ)
        except BlockingIOError:
            return
        except OSError as error:
            self._broken(connection, error)
            return
        reader = connection.reader
        if reader is None or connection not in self._busy:
            self._close(connection)  # an idle one that the server has ended
            return
        try:
            done = reader.feed(data) if data else reader.end()
        except AnswerError:
            self._broken(connection, None, "the answer is not HTTP")
            return
        if done:
            self._done(connection, reader)
        elif not data:
            self._broken(connection, None, _GONE if reader.status == 0 else "the answer broke off")

    def _done(self, connection: _Connection, reader: Reader) -> None:
        del self._busy[connection]
        connection.used = True
        if reader.status >= 400:
            self._errors[f"status {reader.status}"] += 1
        else:
            now = time.perf_counter()
            self._took(now - connection.due, now)
        if reader.closes:
            self._close(connection)
        else:
            self._idle.append(connection)
        self._next()

    def _next(self) -> None:
        if self._waiting:
            self._begin(self._waiting.popleft())

    def _broken(self, connection: _Connection, error: OSError | None, reason: str = "") -> None:
        busy = self._busy.pop(connection, self) is None
        self._close(connection)
        if not busy:
            return
        reader = connection.reader
        if connection.used and (error is not None or reason == _GONE) and (reader is None or reader.status == 0):
            self._begin(connection.due)  # a kept connection that the server ended just then, as clients do
            return
        self._fail(reason or (os.strerror(error.errno) if error and error.errno else str(error)))
        self._next()

    def _fail(self, reason: str) -> None:
        self._errors[reason.lower() if reason[:1].isupper() else reason] += 1

    def _give_up(self, now: float) -> None:
        while self._busy and (first := next(iter(self._busy))).due + self._patience < now:
            del self._busy[first]
            self._close(first)
            self._too_late(now - first.due, now)
        while self._waiting and self._waiting[0] + self._patience < now:
            self._too_late(now - self._waiting.popleft(), now)

    def _took(self, seconds: float, now: float) -> None:
        self._latencies.append(seconds)
        self._ends.append(now - self._start)

    def _too_late(self, waited: float, now: float) -> None:
        self._took(waited, now)
        self._errors[f"no answer within {self._patience:g} s"] += 1

    def _close(self, connection: _Connection) -> None:
        self._selector.unregister(connection.socket)
        connection.socket.close()
        self._open.discard(connection)
        if connection in self._idle:
            self._idle.remove(connection)


class _Connection:
    """A connection, and the request that is on its way on it: when it was due, what is left to send."""

    def __init__(self, connected: socket.socket) -> None:
        self.socket = connected
        self.send, self.receive = connected.send, connected.recv
        self.events = selectors.EVENT_READ
        self.due = 0.0
        self.reader: Reader | None = None
        self.left: bytes | memoryview = b""
        self.used = False

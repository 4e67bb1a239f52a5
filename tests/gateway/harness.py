"""A gateway on a real port between raw clients and servers that follow a script."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypedDict, cast

from tests.gateway.routes import route_to
from vhlocal.gateway.server import (
    Failure,
    Gateway,
    GatewayOptions,
    LimitPassed,
    Page,
    Route,
    RouteTable,
    Upstream,
)

if TYPE_CHECKING:
    from vhlocal.gateway.tap import Tap
    from vhlocal.model import RequestRecord

PREFIX = "/acme/digits/local/20261124.0/predict"
ALIAS = "/acme/digits/local/dev/predict"
PATH = PREFIX.encode()
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

Script = Callable[["Peer"], Awaitable[None]]


class Peer:
    """One raw connection, on either side of the gateway."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def head(self) -> bytes:
        return await self.reader.readuntil(b"\r\n\r\n")

    async def exactly(self, size: int) -> bytes:
        return await self.reader.readexactly(size)

    async def until(self, mark: bytes) -> bytes:
        return await self.reader.readuntil(mark)

    async def rest(self) -> bytes:
        """Everything until the other side closes."""
        return await self.reader.read()

    async def answer(self) -> tuple[int, dict[str, str], bytes]:
        """One whole answer of known length, or chunked: status, headers by lower-case name, body."""
        lines = (await self.head()).decode("latin-1").split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines[1:] if line)
        status = int(lines[0].split()[1])
        body = b""
        if headers.get("transfer-encoding") == "chunked":
            while size := int((await self.until(b"\r\n")).strip(), 16):
                body += await self.exactly(size)
                await self.exactly(2)
            await self.exactly(2)
        elif status >= 200:
            body = await self.exactly(int(headers.get("content-length", "0")))
        return status, headers, body

    def pause_reading(self) -> None:
        """Take nothing more of what the other side sends."""
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Take what the other side sends again."""
        self._transport.resume_reading()

    @property
    def _transport(self) -> asyncio.Transport:
        return cast("asyncio.Transport", self.writer.transport)  # a writer has one that reads too

    def reset(self) -> None:
        """Hang up so that the other side sees a reset."""
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.writer.transport.abort()

    async def close(self) -> None:
        self.writer.close()
        with contextlib.suppress(OSError):
            await self.writer.wait_closed()


@dataclass
class Stage:
    """A running gateway and everything that it has told."""

    gateway: Gateway
    table: RouteTable
    port: int
    upstream: Upstream
    records: list[RequestRecord] = field(default_factory=list)
    limits: list[LimitPassed] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    refused: list[Route] = field(default_factory=list)
    dropped: list[tuple[str, str]] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    @contextlib.asynccontextmanager
    async def client(self, receive_buffer: int | None = None) -> AsyncIterator[Peer]:
        """A raw connection to the gateway; ``receive_buffer`` bounds what the system takes for it, in bytes."""
        sock = socket.socket()
        if receive_buffer is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        sock.setblocking(False)
        try:
            await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", self.port))
            peer = Peer(*await asyncio.open_connection(sock=sock, limit=2**20))
        except BaseException:
            sock.close()
            raise
        try:
            yield peer
        except BaseException:
            # What is unsent has lost its meaning, and might never be taken.
            peer.writer.transport.abort()
            raise
        finally:
            await peer.close()

    async def ask(self, raw: bytes) -> bytes:
        """Send ``raw`` on a connection of its own; all that comes until the gateway closes it."""
        async with self.client() as client:
            await client.send(raw)
            return await client.rest()

    async def nothing_open(self) -> None:
        """Wait until nobody is connected, and nothing is on its way; what is given up is so for a round of the loop."""
        gateway = self.gateway
        while gateway.connections() or gateway.upstream_connections() or gateway.in_flight(self.upstream):
            await asyncio.sleep(0)

    async def wait_for_records(self, count: int) -> list[RequestRecord]:
        while len(self.records) < count:
            self.changed.clear()
            await self.changed.wait()
        return self.records


@contextlib.asynccontextmanager
async def server(script: Script) -> AsyncIterator[Upstream]:
    """A server that runs ``script`` for each connection."""
    running: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        running.add(task)
        peer = Peer(reader, writer)
        try:
            with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
                await script(peer)
        finally:
            running.discard(task)
            writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0, limit=2**20)
    try:
        yield Upstream(*listening.sockets[0].getsockname()[:2])
    finally:
        listening.close()
        for task in tuple(running):
            task.cancel()
        if running:
            await asyncio.wait(running)
        await asyncio.sleep(0)


@contextlib.contextmanager
def refusing() -> Iterator[Upstream]:
    """An address at which nothing listens, and nobody else can."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield Upstream(*bound.getsockname())


@contextlib.contextmanager
def deaf_server() -> Iterator[Upstream]:
    """A server that accepts no connection: it has a queue of them, which is full."""
    with contextlib.ExitStack() as stack:
        deaf = stack.enter_context(socket.socket())
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(deaf.getsockname())
        yield Upstream(*deaf.getsockname())


class Limits(TypedDict, total=False):
    """Those of a gateway's options that tests have tables of."""

    strict: bool
    head_seconds: float
    body_seconds: float
    body_bytes: int
    client_idle_seconds: float
    upstream_idle_seconds: float
    hold_seconds: float
    linger_seconds: float
    send_seconds: float
    spool_directory: str
    spool_disk_bytes: int
    spool_memory_bytes: int
    spool_memory_total_bytes: int


@contextlib.asynccontextmanager
async def stage(
    script: Script,
    control: Script | None = None,
    send_buffer: int | None = None,
    control_plane: Upstream | None = None,
    buffered: bool = True,
    tap: Tap | None = None,
    **options: Any,
) -> AsyncIterator[Stage]:
    """A gateway in front of one endpoint (by ``PREFIX`` and ``ALIAS``) and of a control plane.

    ``control_plane`` is one that is there already, in place of ``control``. ``send_buffer`` bounds what the system
    takes for each of its clients, in bytes.
    """
    async with server(script) as upstream, server(control or answering(b"control")) as plane:
        table = RouteTable()
        route = route_to(PREFIX, "predict", upstream, revision="r1", buffered=buffered)
        table.publish(dataclasses.replace(route, prefix=prefix) for prefix in (PREFIX, ALIAS))
        sock = socket.create_server(("127.0.0.1", 0))
        if send_buffer is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_buffer)
        port = sock.getsockname()[1]
        records: list[RequestRecord] = []
        limits: list[LimitPassed] = []
        failures: list[Failure] = []
        refused: list[Route] = []
        dropped: list[tuple[str, str]] = []
        changed = asyncio.Event()

        def pages(failure: Failure) -> Page:
            failures.append(failure)
            return Page(failure.reason.encode(), "text/plain", (("X-Page", failure.kind.value),))

        def on_dropped(name: str, route: Route) -> None:
            dropped.append((name, route.endpoint))

        def on_request(record: RequestRecord) -> None:
            records.append(record)
            changed.set()

        settings = GatewayOptions(control=control_plane or plane, **{"tick_seconds": 0.02, **options})
        gateway = Gateway(
            table, settings, pages, on_request, limits.append, lambda route, _: refused.append(route), on_dropped
        )
        gateway.tap = tap
        await gateway.start(sock)
        try:
            yield Stage(gateway, table, port, upstream, records, limits, failures, refused, dropped, changed)
        finally:
            await gateway.close(grace=0)


def silent(asked: asyncio.Event) -> Script:
    """Read a request's head, tell that by ``asked``, and never answer."""

    async def script(peer: Peer) -> None:
        await peer.head()
        asked.set()
        await peer.rest()

    return script


def answering(body: bytes) -> Script:
    """A server that answers every request without a body alike, on one connection."""

    async def script(peer: Peer) -> None:
        while True:
            await peer.head()
            await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))

    return script


async def echo_head(peer: Peer) -> None:
    """A server that answers every request with that request's head."""
    while True:
        head = await peer.head()
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(head), head))


def get(path: bytes, *headers: bytes, version: bytes = b"1.1", method: bytes = b"GET") -> bytes:
    lines = [b"%b %b HTTP/%b" % (method, path, version), b"Host: localhost", *headers, b"", b""]
    return b"\r\n".join(lines)


CLOSE = b"Connection: close"

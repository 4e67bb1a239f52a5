"""A runtime whose servers live in this process: they answer with the code that they have loaded, or not at all.

A server's code is what lies at ``CODE`` in it when it starts: ``good …`` answers with itself, ``hangs …`` listens and
never answers, anything else ends with exit code 1. The first of a container speaks as a runner does (``runner/``), so
that the next one can be forked.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tests.waiting import LONG
from vhlocal.errors import EngineError
from vhlocal.runtime.base import Address, Exit, Layout, Listener, PresentImage, Usage, hear_no_pause, spare_none
from vhlocal.runtime.process.ports import free_ports, give_back

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping, Sequence

    from vhlocal.events import Notice
    from vhlocal.model import Endpoint
    from vhlocal.runtime.base import Entry, Layer, OnExit, OnLine, OnPause, OnPull, PresentServer, ServerSpec, Spares

CODE = "/valohai/code/server.py"

_HOST = "127.0.0.1"
_KILLED, _ENDED = 137, 0


class Process:
    """One server: what it answers with, and where."""

    def __init__(self, port: int, code: str, on_end: Callable[[int], None]) -> None:
        self.port = port
        self.code = code
        self._on_end = on_end
        self._listener: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self.lives = True

    async def begin(self) -> None:
        """Load the code and listen, or end."""
        if not self.lives:
            return
        if not self.code.startswith(("good", "hangs")):
            self.end(1)
            return
        listener = await asyncio.start_server(self._serve, _HOST, self.port)
        if self.lives:
            self._listener = listener
        else:
            listener.close()

    @property
    def listens(self) -> bool:
        """Whether somebody can connect to it."""
        return self._listener is not None and self.lives

    def end(self, code: int) -> None:
        """End, and hang up on everybody."""
        if self.lives:
            self.lives = False
            if self._listener is not None:
                self._listener.close()
            for connection in self._connections:
                connection.cancel()
            self._on_end(code)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        with contextlib.suppress(OSError, asyncio.CancelledError, asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            if self.code.startswith("hangs"):
                await asyncio.Event().wait()
            body = self.code.encode()
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%b" % (len(body), body))
            await writer.drain()
        writer.close()
        self._connections.discard(task)


class Container:
    """A server's files, and the processes that were started or forked in it, by number."""

    def __init__(self, spec: ServerSpec) -> None:
        self.spec = spec
        self.files = {entry.path: _content(entry) for entry in spec.entries if entry.path == CODE}
        self.processes: dict[int, Process] = {}
        self.serving = 1
        self._control: asyncio.Server | None = None
        self._hosts: set[asyncio.StreamWriter] = set()
        self._on_exit: OnExit | None = None

    @property
    def living(self) -> list[Process]:
        """The processes that have not ended."""
        return [process for process in self.processes.values() if process.lives]

    async def start(self, on_exit: OnExit) -> None:
        """Begin the first server, and listen for orders where there are to be any."""
        self._on_exit, self.processes, self.serving = on_exit, {}, 1
        if self.spec.more_ports:
            self._control = await asyncio.start_server(self._heed, _HOST, self.spec.layout.control)
        await self._begin(self._new(1, self.spec.port), 1)

    def end(self, how: Exit) -> None:
        """End with all that is in it."""
        on_exit, self._on_exit = self._on_exit, None
        if on_exit is not None:
            if self._control is not None:
                self._control.close()
            for process in self.living:
                process.end(_KILLED)
            for host in self._hosts:
                host.close()
            on_exit(how)

    def _new(self, number: int, port: int) -> Process:
        process = self.processes[number] = Process(port, self.files[CODE], lambda code: self._ended(number, code))
        return process

    async def _begin(self, process: Process, number: int) -> None:
        self._tell(event="forked", number=number)
        await process.begin()
        if process.listens:
            self._tell(event="bound", number=number)
            self._tell(event="loaded", number=number)

    def _ended(self, number: int, code: int) -> None:
        if number == self.serving:
            self.end(Exit(code))
        self._tell(event="ended", number=number, code=code, out_of_memory=False)

    def _tell(self, **event: Any) -> None:
        for host in self._hosts:
            host.write(json.dumps(event).encode() + b"\n")

    async def _heed(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            await reader.readline()  # the token
            while line := await reader.readline():
                order = json.loads(line)
                if order["do"] == "attend":
                    self._hosts.add(writer)
                    answer: dict[str, Any] = {"mounted": True}
                else:
                    answer = getattr(self, f"_do_{order.pop('do')}")(**order)
                writer.write(json.dumps({**answer, "id": order["id"]}).encode() + b"\n")
        self._hosts.discard(writer)
        writer.close()

    def _do_write(self, written: list[dict[str, Any]], removed: list[str], **_: Any) -> dict[str, Any]:
        assert self.spec.staging is not None
        for entry in written:
            self.files[entry["path"]] = (self.spec.staging / entry["blob"]).read_text()
        return {}

    def _do_fork(self, number: int, port: int, **_: Any) -> dict[str, Any]:
        assert port not in {process.port for process in self.living}, f"port {port} is another server's"
        self._forking = asyncio.ensure_future(self._begin(self._new(number, port), number))
        return {}

    def _do_serve(self, number: int, **_: Any) -> dict[str, Any]:
        if number not in self.processes or not self.processes[number].lives:
            return {"refused": "ended"}
        self.serving = number
        return {"bound": self.processes[number].listens}

    def _do_hosts(self, number: int, **_: Any) -> dict[str, Any]:
        listens = number in self.processes and self.processes[number].listens
        return {"hosts": ["0.0.0.0"] if listens else []}

    def _do_birth(self, **_: Any) -> dict[str, Any]:
        return {"forked": 0.0, "bound": 0.0, "loaded": 0.0, "imports": [[], []]}

    def _do_stop(self, number: int, grace: float, **_: Any) -> dict[str, Any]:
        if number in self.processes and self.processes[number].lives:
            self.processes[number].end(_ENDED if grace else _KILLED)
        else:
            self._tell(event="ended", number=number, code=_KILLED, out_of_memory=False)
        return {}

    def _do_where(self, **_: Any) -> dict[str, Any]:
        return {"stacks": ""}

    def _do_holds(self, **_: Any) -> dict[str, Any]:
        return {"holds": False}

    def _do_lacks(self, **_: Any) -> dict[str, Any]:
        return {"lacks": []}

    def _do_killed(self, **_: Any) -> dict[str, Any]:
        return {"spared": True}


class FakeRuntime:
    """See the module. ``away`` is an engine that does not answer; its servers go on meanwhile."""

    name = "fake"
    noun = "server"
    remains = "server"
    stands_in = False

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._made = 0
        self.containers: dict[str, Container] = {}
        self.away = False
        self._ports: list[int] = []

    @property
    def living(self) -> list[Process]:
        """Every server that has not ended."""
        return [process for container in self.containers.values() for process in container.living]

    def base(self, image: str) -> str:
        return image

    def differences(self, endpoint: Endpoint) -> Sequence[Notice]:
        return ()

    def image(self, name: str) -> PresentImage | None:
        self._reach()
        return PresentImage(name)

    def pull(self, name: str, on_progress: OnPull) -> None:
        self._reach()

    def build(self, layer: Layer, on_line: Callable[[str], None]) -> None:
        self._reach()

    def layout(self, spec: ServerSpec) -> Layout:
        self._reach()
        port, control, *spares = ports = free_ports(6)
        self._ports += ports
        return replace(Layout(), port=port, control=control, spares=tuple(spares))

    def servers(self, directory: str) -> Sequence[PresentServer]:
        return ()

    def create(self, spec: ServerSpec) -> str:
        self._reach()
        self._made += 1
        self.containers[f"container-{self._made}"] = Container(spec)
        return f"container-{self._made}"

    def start(
        self,
        server: str,
        on_line: OnLine,
        on_exit: OnExit,
        spares: Spares = spare_none,
        on_pause: OnPause = hear_no_pause,
    ) -> Mapping[int, Address]:
        self._reach()
        container = self._container(server)
        self._do(container.start(on_exit))
        return {port: Address(_HOST, port) for port in (container.spec.port, *container.spec.more_ports)}

    def sync(self, server: str, entries: Sequence[Entry], removed: Sequence[str]) -> None:
        self._reach()
        for entry in entries:
            self._container(server).files[entry.path] = _content(entry)

    def listeners(self, server: str) -> Sequence[Listener]:
        self._reach()
        return ()

    def usage(self, server: str) -> Usage | None:
        return Usage(1, kept=True, cpu=0.0)

    def stop(self, server: str, grace: float) -> None:
        self._reach()
        if server in self.containers:
            self._do(_soon(lambda: self.containers[server].end(Exit(_ENDED if grace else _KILLED))))

    def close(self) -> None:
        give_back(self._ports)

    def remove(self, server: str) -> None:
        self._reach()
        container = self.containers.pop(server, None)
        if container is not None:
            self._do(_soon(lambda: container.end(Exit(_KILLED))))

    def _container(self, server: str) -> Container:
        if server not in self.containers:
            raise EngineError(f"there is no container {server}")
        return self.containers[server]

    def _reach(self) -> None:
        if self.away:
            raise EngineError("the engine does not answer")

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(LONG)


class SlowRunner(FakeRuntime):
    """On this machine's network, whose servers are led to the loopback; their runner begins late, and hangs up."""

    def layout(self, spec: ServerSpec) -> Layout:
        return replace(super().layout(spec), host=_HOST)

    def start(
        self,
        server: str,
        on_line: OnLine,
        on_exit: OnExit,
        spares: Spares = spare_none,
        on_pause: OnPause = hear_no_pause,
    ) -> Mapping[int, Address]:
        spec = self._container(server).spec
        return {port: Address(_HOST, port) for port in (spec.port, *spec.more_ports)}

    def listeners(self, server: str) -> Sequence[Listener]:
        return [Listener(_HOST, self._container(server).spec.port)]

    async def begin_runner(self, server: str) -> asyncio.Server:
        """Listen where the runner does, for nobody to be heard."""
        control = self._container(server).spec.layout.control
        return await asyncio.start_server(lambda _, writer: writer.close(), _HOST, control)


async def _soon(work: Callable[[], None]) -> None:
    work()


def _content(entry: Entry) -> str:
    if entry.source is not None:
        return entry.source.read_text()
    return (entry.content or b"").decode()

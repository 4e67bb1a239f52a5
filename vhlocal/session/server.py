"""One container of the run, from its making to its removal, with the servers in it."""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from vhlocal.errors import EngineError, ServerError
from vhlocal.reload.runner_client import RunnerGoneError
from vhlocal.reload.staging import SavedAgainError
from vhlocal.runtime.base import Exit, Layout, Listener
from vhlocal.session.desired import changed_entries
from vhlocal.session.exits import explain_listeners
from vhlocal.session.forks import Forks
from vhlocal.session.phases import Phases
from vhlocal.session.ready import Awaited, EndedError, SilentError, wait_until_ready
from vhlocal.session.start_up import CREATED, Birth, start_up
from vhlocal.session.tasks import in_thread
from vhlocal.session.tracebacks import where

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from vhlocal.model import Endpoint, StartUp
    from vhlocal.reload.staging import Staging
    from vhlocal.runtime.base import Address, Entry, OnLine, Runtime, ServerSpec
    from vhlocal.session.exits import Explanation
    from vhlocal.session.forks import Fork
    from vhlocal.session.probe import Answered, Probe
    from vhlocal.session.warmth import Runner

#: Seconds after which a server that neither answers nor ends is given up: Kubernetes' default for a rollout.
START_LIMIT = 600.0


@dataclass(frozen=True)
class Making:
    """What a container is made of and with. ``directory`` is the project's.

    ``staging`` holds the files that are brought into it later. ``on_line`` gets what it prints, from a thread of the
    runtime's. ``made`` is what was made for it before: name and seconds.
    """

    runtime: Runtime
    directory: Path
    endpoint: Endpoint
    spec: ServerSpec
    staging: Staging
    probe: Probe
    on_line: OnLine
    made: tuple[tuple[str, float], ...] = ()


class Server:
    """See the module."""

    def __init__(self, making: Making) -> None:
        self._runtime = making.runtime
        self._directory = making.directory
        self._endpoint = making.endpoint
        self._spec = making.spec
        self._layout = Layout(making.spec.port)
        self._staging = making.staging
        self._probe = making.probe
        self._tell = making.on_line
        self._prefix = making.spec.environment["SCRIPT_NAME"]
        self._present: tuple[Entry, ...] = making.spec.entries
        self._in_doubt: frozenset[str] = frozenset()
        self._by_archive = False
        self._made = making.made
        self._profiled = False
        #: What is known of a start that is under way.
        self._phases: Phases | None = None
        self._started = 0.0
        self._birth: Birth | None = None
        self.id = ""
        self.addresses: Mapping[int, Address] = {}
        self.ended: asyncio.Future[Exit] | None = None
        #: Where its server answers now.
        self.address: Address | None = None
        #: The servers in it, where its command can be forked.
        self.forks: Forks | None = None
        #: Where the time of its last start went.
        self.start_up: StartUp | None = None

    @property
    def running(self) -> bool:
        """Whether it has been started and has not ended."""
        return self.ended is not None and not self.ended.done()

    @property
    def can_fork(self) -> bool:
        """Whether the next server can be forked beside the one that serves."""
        return self.running and self.forks is not None and self.forks.reachable

    @property
    def has_fixed_port(self) -> bool:
        """Whether there cannot be two of it, since it has bound its endpoint's port on this machine itself."""
        declared = self.address is not None and self.address.port == self._endpoint.port
        return self._layout.shares_network and declared and not self.can_fork

    async def create(self, runner: Runner | None) -> None:
        """Make it, with its files in place, behind a runner where it has use for one."""
        self._phases = phases = Phases(time.monotonic())
        for name, seconds in self._made:
            phases.include(name, seconds)
        spec = replace(self._spec, staging=self._staging.directory)
        self._layout = layout = await in_thread(self._runtime.layout, spec)
        if runner is not None and (runner.forks or runner.profile or layout.shares_network):
            self._profiled = runner.profile
            spec = replace(
                spec,
                command=runner.command,
                entries=(*spec.entries, *runner.entries(layout)),
                more_ports=(layout.control, *layout.spares),
            )
        self.id = await in_thread(self._runtime.create, spec.located(layout))
        phases.mark(CREATED)

    async def start(self) -> None:
        """Start it, also again after its end."""
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[Exit] = loop.create_future()

        def on_exit(how: Exit) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(_settle, ended, how)

        def on_line(stream: str, text: str) -> None:
            self._tell(stream, self._layout.as_in_production(text))

        if self._phases is None or self.ended is not None:
            self._phases = Phases(time.monotonic())
        self.ended = ended
        self._leave_runner()
        self.addresses = await in_thread(self._runtime.start, self.id, on_line, on_exit)
        self._started = time.monotonic()
        self.address = self.addresses[self._layout.port]

    async def wait_until_ready(self, on_trouble: Callable[[Explanation], None]) -> Answered:
        """Return its first answer; EndedError when it ends first, ServerError when it cannot be reached (R3)."""
        assert self.address is not None and self.ended is not None
        awaited = self._awaited(
            self.address, self._layout.port, self.ended, START_LIMIT, hidden=(self._layout.control,)
        )
        try:
            answered = await wait_until_ready(awaited, on_trouble)
        except SilentError:
            raise ServerError(
                f"{self._endpoint.name}: the server has not answered in {START_LIMIT:.0f} s",
                place=self._endpoint.place(),
                hint="`vhlocal logs` shows what it printed",
            ) from None
        self.address = answered.address
        return answered

    async def find_runner(self, token: str, on_news: Callable[[dict[str, Any]], None]) -> None:
        """Find out whether the server that answers now has a runner that can fork the next one."""
        if self._layout.control not in self.addresses:
            return
        forks = Forks(self.addresses, self._layout, on_news)
        if not await forks.connect(token):
            return
        try:
            self._birth = await forks.birth(forks.serving, measured=self._profiled)
            bound = await forks.serve(forks.serving)
        except RunnerGoneError:
            bound = False
        if bound:
            self.forks = forks
        else:
            forks.close()

    def note_start(self, answered: Answered) -> None:
        """Tell from its first answer, and from what its runner saw, where the time of its start went."""
        assert self._phases is not None
        self.start_up = start_up(self._phases, self._started, self._birth, answered)
        self._phases, self._birth = None, None

    async def check_reach(self) -> None:
        """Make sure that production could reach what answers here: ServerError where it listens for itself alone (R3).

        In a network of its own such a server does not answer at all; on this machine's it does.
        """
        if not self._layout.shares_network or self.address is None:
            return
        if self.forks is not None and self.forks.serving.host is not None:
            self._check_host(self.forks.serving.host)
            return
        listeners = await in_thread(self._runtime.listeners, self.id)
        hosts = [listener.host for listener in listeners if listener.port == self.address.port]
        if hosts and all(Listener(host, 0).loopback for host in hosts):
            self._check_host(hosts[0])

    def _check_host(self, host: str | None) -> None:
        listener = Listener("127.0.0.1" if host == "localhost" else host or "", self._endpoint.port)
        if self._layout.shares_network and listener.loopback:
            found = explain_listeners(self._endpoint, [listener])
            assert found is not None
            raise ServerError(f"{self._endpoint.name}: {found.reason}", place=found.place, hint=found.hint)

    async def fork_until_ready(self, fork: Fork, limit: float, on_trouble: Callable[[Explanation], None]) -> Answered:
        """Return the first answer of a server beside the one that serves; errors as ``wait_until_ready``."""
        assert self.forks is not None
        others = [port for port in self.forks.other_ports if port != fork.port]
        awaited = self._awaited(fork.address, fork.port, fork.ended, limit, others)
        try:
            answered = await wait_until_ready(awaited, on_trouble)
        except EndedError as error:
            raise EndedError(error.ended, fork.evidence) from None
        except SilentError:
            place, inner = where(await self.forks.where(fork), self._directory)
            doing = f": it is still at {place}{f', in {inner}' if inner else ''}" if place else ""
            raise ServerError(
                f"{self._endpoint.name}: the new code has not answered in {limit:.0f} s{doing}",
                place=place or self._endpoint.place(),
                hint="what takes long there can be left to the first request, or be kept warm (`keep-warm`)",
            ) from None
        self._check_host(fork.host)
        return answered

    async def write(self, entries: tuple[Entry, ...]) -> None:
        """Bring its files to what ``entries`` are; SavedAgainError when one of them has changed in the meantime."""
        changed, removed = changed_entries(self._present, entries)
        in_doubt = self._in_doubt
        changed += [entry for entry in entries if entry.path in in_doubt and entry not in changed]
        removed += sorted(in_doubt - {entry.path for entry in entries} - set(removed))
        if not changed and not removed:
            return
        copies = await in_thread(lambda: [self._located(self._staged(entry)) for entry in changed])
        # Should it be broken off, nobody knows which of them are there.
        self._in_doubt = in_doubt | {entry.path for entry in changed} | set(removed)
        await self._bring(copies, [self._layout.located(path) for path in removed])
        self._present, self._in_doubt = entries, frozenset()

    async def write_back(self, entries: tuple[Entry, ...]) -> None:
        """Bring its files back to what they were, as far as there are copies of them: an old server reads its own."""
        with contextlib.suppress(SavedAgainError):
            await self.write(entries)

    async def usage(self) -> int | None:
        """Return the bytes of memory that it uses; None where nobody here has to mind its limit, or it has gone."""
        with contextlib.suppress(EngineError):
            return await in_thread(self._runtime.usage, self.id)
        return None

    async def end_for_memory(self) -> None:
        """End it as the kernel does where it can."""
        assert self.ended is not None
        _settle(self.ended, Exit(137, out_of_memory=True))
        await self.stop(0)

    async def stop(self, grace: float) -> None:
        """Ask it to end, and end it after ``grace`` seconds."""
        await in_thread(self._runtime.stop, self.id, grace)

    async def remove(self) -> None:
        """Take it away."""
        self._leave_runner()
        if self.id:
            await in_thread(self._runtime.remove, self.id)

    def _leave_runner(self) -> None:
        if self.forks is not None:
            self.forks.close()
            self.forks = None

    async def _bring(self, copies: Sequence[Entry], removed: Sequence[str]) -> None:
        """Let the runner take the copies from the staging directory; where it cannot, send them as an archive."""
        if not self._by_archive and self.forks is not None and self.can_fork and self.forks.mounted:
            self._by_archive = bool(await self.forks.write([_taken(copy) for copy in copies], removed))
            if not self._by_archive:
                return
        await in_thread(self._runtime.sync, self.id, copies, removed)

    def _staged(self, entry: Entry) -> Entry:
        """Return the entry with a copy of its file for its source: that stays what it is."""
        if entry.link is not None:
            return entry
        if entry.source is None:
            name = self._staging.keep_content(entry.content or b"")
        else:
            name = self._staging.keep(entry.digest, entry.source)
        return replace(entry, content=None, source=self._staging.directory / name, digest=name)

    def _located(self, entry: Entry) -> Entry:
        return replace(entry, path=self._layout.located(entry.path))

    def _awaited(
        self,
        address: Address,
        port: int,
        ended: asyncio.Future[Exit],
        limit: float,
        hidden: Sequence[int],
    ) -> Awaited:
        async def listeners() -> Sequence[Listener]:
            return await in_thread(self._runtime.listeners, self.id)

        return Awaited(
            self._endpoint,
            self._prefix,
            address,
            port,
            ended,
            listeners,
            limit,
            self._probe,
            frozenset(hidden),
            self._layout.shares_network,
        )


def _taken(copy: Entry) -> dict[str, Any]:
    """Return an entry in the runner's words."""
    return {"path": copy.path, "mode": copy.mode, "link": copy.link, "blob": copy.digest}


def _settle(future: asyncio.Future[Exit], how: Exit) -> None:
    if not future.done():
        future.set_result(how)

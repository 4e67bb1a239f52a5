"""One container of the run, from its making to its removal, with the servers in it."""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from vhlocal.errors import ServerError, VhlocalError
from vhlocal.loops import LoopEndedError, call_soon, result_of
from vhlocal.reload.staging import SavedAgainError
from vhlocal.runtime.base import Exit, Layout, Listener
from vhlocal.session.diagnosis.exits import as_error, explained
from vhlocal.session.endpoint.alone import check_alone
from vhlocal.session.endpoint.ready import Awaited, EndedError, wait_until_ready
from vhlocal.session.phases import Phases
from vhlocal.session.record import new_token
from vhlocal.session.tasks import begin, begin_after, beside, in_thread, settle, to_its_end
from vhlocal.session.wanted.desired import changed_entries, moved_files
from vhlocal.session.warm.forks import Forks, NotThereError, no_memory
from vhlocal.session.warm.held import clear_away, read_held
from vhlocal.session.warm.runner_client import RunnerGoneError
from vhlocal.session.warm.start_up import CREATED, Birth, start_up

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence

    from vhlocal.events import Notice
    from vhlocal.model import StartUp
    from vhlocal.runtime.base import Address, Entry, ServerSpec, Usage
    from vhlocal.session.endpoint.making import Making
    from vhlocal.session.probe import Answered
    from vhlocal.session.warm.forks import Fork
    from vhlocal.session.warm.held import Held
    from vhlocal.session.warm.warmth import Runner

T = TypeVar("T")

#: Seconds within which it is known who was killed for the memory limit.
_SPARING = 5.0

#: Seconds after which a start takes its time.
_SLOW_START = 2.0

#: Seconds between two tries to reach the runner of a server that starts beside another.
_BETWEEN_TRIES = 0.05

#: Most files remembered as made by a server, whoever reports them.
_REMEMBERED = 100


class Server:
    """See the module."""

    def __init__(self, making: Making) -> None:
        self._runtime = making.runtime
        self._endpoint = making.endpoint
        self._spec = making.spec
        self._layout = Layout(making.spec.port)
        self._staging = making.staging
        self._probe = making.probe
        self._diagnosis = making.diagnosis
        self._patience = making.patience
        #: What its runner knows vhlocal by: its own code can read it, and is to command no other.
        self._token = new_token()
        self._tell = making.on_line
        #: Whether somebody outside has paused it: requests to it wait.
        self.paused = False
        self._on_pause = making.on_pause
        self._on_news = making.on_news
        self._asks = making.asks
        self._prefix = making.spec.environment["VH_DEFAULT_PREFIX"].rstrip("/")
        self._present: tuple[Entry, ...] = making.spec.entries
        self._in_doubt: frozenset[str] = frozenset()
        self._by_archive = False
        self._made = making.made
        #: Files that it has made and nobody else has any use for, by name.
        self._made_files: dict[str, dict[str, Any]] = {}
        self._after = making.after
        #: Whether another server of the endpoint serves as it starts.
        self._beside = False
        self._profiled = False
        #: Whether its runner leads what the code binds to its port; None until the runner has reported that.
        self._led: bool | None = False
        #: What is known of a start that is under way.
        self._phases: Phases | None = None
        self._started = 0.0
        self._birth: Birth | None = None
        #: What it has that only one can have, so that no other can be forked beside it.
        self.exclusive: Held | None = None
        self.id = ""
        # What its runtime was asked for last.
        self._doing: asyncio.Task[Any] | None = None
        self.addresses: Mapping[int, Address] = {}
        self.ended: asyncio.Future[Exit] | None = None
        #: Whether it has been asked to end since it was started.
        self.stopping = False
        #: Where its server answers now.
        self.address: Address | None = None
        #: The servers in it, where its command can be forked.
        self.forks: Forks | None = None
        #: Where the time of its last start went.
        self.start_up: StartUp | None = None
        self.reached: Forks | None = None  # its runner, whether or not its command can be forked
        self._reaching: asyncio.Task[None] | None = None

    @property
    def running(self) -> bool:
        """Whether it has been started and has not ended."""
        return self.ended is not None and not self.ended.done()

    @property
    def loaded(self) -> bool | None:
        """Whether the code of its first server has been loaded; None where no runner reports it."""
        return None if self.reached is None else self.reached.serving.loaded is not None

    @property
    def can_fork(self) -> bool:
        """Whether the next server can be forked beside the one that serves."""
        return self.running and self.forks is not None and self.forks.reachable and self.exclusive is None

    @property
    def is_alone(self) -> bool:
        """Whether there cannot be two of it: it has bound its endpoint's port, or has what only one can have.

        In a container of its own, a second one has all ports for itself.
        """
        declared = self.address is not None and self.address.port == self._endpoint.port
        fixed = self._layout.shares_network and declared and not self.can_fork
        return fixed or (self.exclusive is not None and not self.exclusive.own)

    async def keep(self) -> None:
        """Have it made of its files as they were, whatever the project's will be by then.

        SavedAgainError where there is no copy of one that has changed.
        """
        entries = self._spec.entries
        self._spec = replace(self._spec, entries=await in_thread(lambda: tuple(map(self._staged, entries))))

    async def create(self, runner: Runner | None) -> None:
        """Make it, with its files in place, behind a runner where it has use for one."""
        self._phases = phases = Phases(time.monotonic())
        for name, seconds in self._made:
            phases.include(name, seconds)
        spec = replace(self._spec, staging=self._staging.directory, after=self._after)
        await self._in_turn(self._create(spec, runner))
        phases.mark(CREATED)

    async def _create(self, spec: ServerSpec, runner: Runner | None) -> None:
        self._layout = layout = await in_thread(self._runtime.layout, spec)
        self._token = layout.token or self._token
        shares = layout.shares_network or bool(spec.mounts.shared)  # what there can be one of may be there
        if runner is not None and (runner.forks or runner.profile or shares):
            self._profiled, self._led, self._beside = runner.profile, None, runner.beside
            spec = replace(
                spec,
                command=runner.command,
                entries=(*spec.entries, *runner.entries(layout, self._token)),
                more_ports=(layout.control, *layout.spares),
            )
        self.id = await in_thread(self._runtime.create, spec.located(layout))

    async def start(self) -> None:
        """Start it."""
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[Exit] = loop.create_future()

        def on_exit(how: Exit) -> None:
            call_soon(loop, settle, ended, how)

        def spares() -> bool:
            # Asked in a thread of the runtime's.
            with contextlib.suppress(LoopEndedError, TimeoutError, asyncio.TimeoutError):
                return result_of(loop, self._spares(), _SPARING)
            return False

        def on_line(stream: str, text: str) -> None:
            self._tell(stream, self._layout.as_in_production(text))

        def on_pause(paused: bool) -> None:
            self.paused = paused
            call_soon(loop, self._on_pause)

        self.ended = ended
        start = partial(self._runtime.start, self.id, on_line, on_exit, spares, on_pause)
        try:
            self.addresses = await self._in_turn(in_thread(start))
        except VhlocalError:
            self.ended = None  # what did not start reports no end
            raise
        self._started = time.monotonic()
        self.address = self.addresses[self._layout.port]

    async def wait_until_ready(self, on_trouble: Callable[[Notice], None]) -> Answered:
        """Return its first answer; EndedError when it ends first, ServerError when it cannot be reached (R3)."""
        assert self.address is not None and self.ended is not None

        async def stacks() -> str:
            forks = await self.reach_runner()
            return "" if forks is None else await forks.where(forks.serving)

        awaited = self._awaited(
            self.address, self._layout.port, self.ended, stacks, self._patience, hidden=(self._layout.control,)
        )
        answered: Answered | None = None
        try:
            async with beside(self._meet_runner()):
                answered = await wait_until_ready(awaited, on_trouble)
        except BaseException:
            if answered is not None:
                answered.hang_up()
            raise
        self.address = answered.address
        return answered

    async def find_runner(self) -> None:
        """Find out whether the server that answers now has a runner that can fork the next one."""
        # Whoever asked for it before may have come too early: a refusal now, after an answer, says that there is none.
        forks = await self.reach_runner() or await self.reach_runner()
        if forks is None:
            return
        try:
            self._birth = await forks.birth(forks.serving, measured=self._profiled)
            bound = await forks.serve(forks.serving)
            self._led = bound
        except (RunnerGoneError, NotThereError):
            bound = False
        if bound:
            self.forks = forks
        else:
            self._leave_runner()

    async def find_exclusive(self, known: Held) -> None:
        """Find out whether it has what an earlier server of its endpoint had, and no other could beside that."""
        with contextlib.suppress(RunnerGoneError):
            if self.forks is None:
                holds = known.kind == "tcp" and self._layout.shares_network and known.port in await self.ports()
            else:
                holds = await self.forks.holds(known.kind, self._layout.located(known.name))
            if holds:
                self.exclusive = known

    def read_held(self, event: Mapping[str, Any]) -> Held:
        """Read its runner's report of what only one can have."""
        return read_held(event, self._layout, self._spec.mounts, self._diagnosis().directory)

    @property
    def shares_network(self) -> bool:
        """Whether it has its ports beside all others of this machine."""
        return self._layout.shares_network

    async def ports(self) -> set[int]:
        """Return the ports that it listens at, as the system reports them."""
        return {listener.port for listener in await in_thread(self._runtime.listeners, self.id)}

    def note_start(self, answered: Answered) -> None:
        """Work out from its first answer, and from what its runner saw, where the time of its start went."""
        assert self._phases is not None
        self.start_up = start_up(self._phases, self._started, self._birth, answered)
        self._phases, self._birth = None, None

    async def check_reach(self) -> None:
        """Make sure that production could reach what answers here: ServerError where it listens for itself alone (R3).

        In a network of its own such a server does not answer at all; on this machine's it does.
        """
        if not self._layout.shares_network or self.address is None:
            return
        if self.forks is not None:
            with contextlib.suppress(RunnerGoneError):  # it has ended since, and that is reported
                self._check_hosts(await self.forks.hosts(self.forks.serving))
            return
        if self._led is None:
            return  # it may listen for itself alone because its runner has it do so
        listeners = await in_thread(self._runtime.listeners, self.id)
        self._check_hosts([listener.host for listener in listeners if listener.port == self.address.port])

    def _check_hosts(self, hosts: Iterable[str]) -> None:
        """Make sure that one of the addresses that a server listens at can be reached; "" is every address."""
        listeners = [Listener("127.0.0.1" if host == "localhost" else host, self._endpoint.port) for host in hosts]
        if listeners and all(listener.loopback for listener in listeners):
            found = self._diagnosis().unreachable(self._endpoint, listeners[:1])
            if found is not None:
                raise as_error(explained(found), self._endpoint.name)

    async def fork_until_ready(self, fork: Fork, limit: float, on_trouble: Callable[[Notice], None]) -> Answered:
        """Return the first answer of a server beside the one that serves.

        Errors as ``wait_until_ready``; NoRoomError where it was the memory of two that did not suffice, AloneError
        where it was refused what the one that serves has.
        """
        forks = self.forks
        assert forks is not None
        others = [port for port in forks.other_ports if port != fork.port]
        where = partial(forks.where, fork)
        awaited = self._awaited(fork.address, fork.port, fork.ended, where, limit, others, new=True)
        awaited = replace(awaited, bound=lambda: fork.bound)
        try:
            answered = await wait_until_ready(awaited, on_trouble)
        except EndedError as error:
            if error.ended.out_of_memory:
                raise no_memory() from None
            await check_alone(self, self, fork)
            raise EndedError(error.ended, fork.evidence, loaded=fork.loaded is not None, once=error.once) from None
        except ServerError:
            await check_alone(self, self, fork)
            raise
        try:
            if self._layout.shares_network:
                self._check_hosts(await forks.hosts(fork))
            await check_alone(self, self, fork)
        except BaseException:
            answered.hang_up()
            raise
        return answered

    async def live_for(self, fork: Fork) -> bool:
        """Have the container live for a server in it; False where what has answered is no process that stays."""
        assert self.forks is not None
        with contextlib.suppress(NotThereError):
            await self.forks.serve(fork)
            return True
        return False

    async def write(self, entries: tuple[Entry, ...]) -> None:
        """Bring its files to what ``entries`` are; SavedAgainError when one of them has changed in the meantime."""
        changed, removed = changed_entries(self._present, entries)
        in_doubt = self._in_doubt
        changed += [entry for entry in entries if entry.path in in_doubt and entry not in changed]
        removed += sorted(in_doubt - {entry.path for entry in entries} - set(removed))
        if not changed and not removed:
            return
        copies = await in_thread(lambda: [self._located(self._staged(entry)) for entry in changed])
        sure = [entry for entry in self._present if entry.path not in in_doubt]
        moved = moved_files(sure, changed, removed)
        # Should it be broken off, nobody knows which of them are there.
        self._in_doubt = in_doubt | {entry.path for entry in changed} | set(removed)
        located = self._layout.located
        were = {located(path): located(old) for path, old in moved.items()}
        await self._bring(copies, [located(path) for path in removed], were)
        self._present, self._in_doubt = entries, frozenset()

    async def write_back(self, entries: tuple[Entry, ...]) -> None:
        """Bring its files back to what they were, as far as there are copies of them: an old server reads its own."""
        with contextlib.suppress(SavedAgainError):
            await self.write(entries)

    async def usage(self) -> Usage | None:
        """Return what it uses, as far as its runtime can measure it; EngineError where that cannot be asked."""
        return await in_thread(self._runtime.usage, self.id)

    async def _spares(self) -> bool:
        """Tell whether who was killed for the memory limit was no process of the server that serves."""
        with contextlib.suppress(RunnerGoneError):
            return self.forks is not None and await self.forks.spares()
        return False

    async def end_for_memory(self) -> None:
        """End it as the kernel does where it can."""
        assert self.ended is not None
        settle(self.ended, Exit(137, out_of_memory=True))
        await self.stop(0)

    async def stop(self, grace: float) -> None:
        """Ask it to end, and end it after ``grace`` seconds, also while a start goes on that was given up."""
        self.stopping = True
        # Its turn is nobody's to wait for: to remove it ends the grace.
        await asyncio.shield(begin_after(self._doing, in_thread(self._runtime.stop, self.id, grace)))
        await self.clear_away()

    async def remove(self) -> None:
        """Take it away, also when its making or its start was given up and is still under way: see ``to_its_end``."""
        self._leave_runner()
        self._doing = begin_after(self._doing, self._remove())
        await to_its_end(self._doing)

    async def clear_away(self) -> None:
        """Take away what is left of it, once it has ended, outside of its own directory: see ``held.clear_away``."""
        if self._layout.shares_network and self._made_files:
            await in_thread(clear_away, tuple(self._made_files.values()))

    async def emptied(self, limit: float) -> None:
        """Return once no older server answers requests in it beside the one that serves, after ``limit`` seconds."""
        if self.forks is not None:
            await self.forks.others_ended(limit)

    async def _remove(self) -> None:
        if self.id:
            await in_thread(self._runtime.remove, self.id)
        await self.clear_away()

    async def _in_turn(self, work: Coroutine[Any, Any, T]) -> T:
        """Do ``work`` after what was begun before, and before what is begun from now on."""
        self._doing = doing = begin_after(self._doing, work)
        return await asyncio.shield(doing)

    def _leave_runner(self) -> None:
        if self._reaching is not None:
            self._reaching.cancel()
        if self.reached is not None:
            self.reached.close()
        self.reached = self._reaching = self.forks = None

    async def _meet_runner(self) -> None:
        """Hear what the runner of a start that takes its time has to report; a quick one is left alone.

        Beside another server it begins at once: a server that ends over a refusal reports that only while it is there.
        A refused connection is not final: on a machine that is short of time the runner itself begins late.
        """
        pause = _BETWEEN_TRIES if self._beside else _SLOW_START
        while self._layout.control in self.addresses:
            await asyncio.sleep(pause)
            if await self.reach_runner() is not None:
                return

    async def reach_runner(self) -> Forks | None:
        """Return what speaks with its runner, whether or not that can fork; None where there is none.

        Several may want to know at once, and each may give up: the runner reports events to one connection only.
        """
        if self.reached is None and self._layout.control in self.addresses:
            if self._reaching is None or self._reaching.done():
                self._reaching = begin(self._connect())
            await asyncio.shield(self._reaching)
        return self.reached

    async def _connect(self) -> None:
        forks = Forks(self.addresses, self._layout, self._hear)
        self._led = None
        with contextlib.suppress(RunnerGoneError):  # it is there, but does not answer
            if await forks.connect(self._token):
                self.reached = forks
            else:
                self._led = False

    def _hear(self, news: dict[str, Any]) -> None:
        if news["event"] != "made":
            self._on_news(news)
        elif len(self._made_files) < _REMEMBERED:
            self._made_files[str(news["name"])] = news

    async def _bring(self, copies: Sequence[Entry], removed: Sequence[str], were: Mapping[str, str]) -> None:
        """Let the runner take the copies from the staging directory; where it cannot, send them as an archive.

        ``were`` has by a copy's path where the same file is so far, among the ``removed``.
        """
        if not self._by_archive and self.forks is not None and self.can_fork and self.forks.mounted:
            self._by_archive = bool(await self.forks.write(copies, removed, were))
            if not self._by_archive:
                return
        # One that was given up goes on in its thread: its older files are not to come after these.
        await self._in_turn(in_thread(self._runtime.sync, self.id, copies, removed))

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
        stacks: Callable[[], Awaitable[str]],
        limit: float,
        hidden: Sequence[int],
        *,
        new: bool = False,
    ) -> Awaited:
        return Awaited(
            self._endpoint,
            self._prefix,
            address,
            port,
            ended,
            partial(in_thread, self._runtime.listeners, self.id),
            stacks,
            self._diagnosis,
            limit,
            self._probe,
            new,
            frozenset(hidden),
            self._layout.shares_network,
            asks=self._asks,
        )

"""One endpoint's place in the run: the server that is up, its route, and what is published of both."""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from vhlocal.checks.server.evidence import AFTER_ONE
from vhlocal.contract import limits
from vhlocal.errors import EngineError, VhlocalError
from vhlocal.events import Notice, Problem, Reloaded, StatusChanged
from vhlocal.model import MemoryUse, State, Status, Strategy
from vhlocal.reload.decide import Abilities, standing
from vhlocal.reload.staging import SavedAgainError
from vhlocal.session.diagnosis.exits import Explanation, as_error, explained_error
from vhlocal.session.diagnosis.last_words import Served
from vhlocal.session.endpoint.alone import refused
from vhlocal.session.endpoint.heard import Heard
from vhlocal.session.endpoint.making import Making
from vhlocal.session.endpoint.memory import MemoryLimit, MemoryWatch
from vhlocal.session.endpoint.ready import EndedError
from vhlocal.session.endpoint.server import Server
from vhlocal.session.endpoint.use import Use, use_of
from vhlocal.session.limits import RELOAD_FACTOR
from vhlocal.session.scaler import Spent
from vhlocal.session.warm.forks import AloneError
from vhlocal.session.warm.runner_client import RunnerGoneError
from vhlocal.session.warm.warmth import Runner

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from vhlocal.findings import Finding
    from vhlocal.model import ServedAt
    from vhlocal.runtime.base import Address
    from vhlocal.session.endpoint.surroundings import Surroundings
    from vhlocal.session.endpoint.together import Together
    from vhlocal.session.phases import Phases
    from vhlocal.session.probe import Answered
    from vhlocal.session.wanted.desired import Desired
    from vhlocal.session.warm.forks import Fork
    from vhlocal.session.warm.held import Held

#: Stands for the revision of an edit that has none of its own: it could not be read as a project, or not installed.
UNREAD = "edit"

#: By which factor a peak of memory has to exceed the last one published, to be published too.
_HIGHER = 1.05

#: Seconds until an engine is asked once more to remove a server: the first time, and at most.
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 30.0

#: The exit code of a server that was killed, and the seconds to wait for a report that its whole container has ended.
_KILLED = 137
_ITS_CONTAINER = 1.0

#: What a server was doing that has ended, by whether its code had been loaded, as far as that is known.
_UNTIL_THEN = {
    None: "before its first answer",
    True: "after its code was loaded, before its first answer",
    False: "while its code was loaded",
}


async def _until_gone(server: Server) -> None:
    """Take a server away. Where the engine does not answer, it is asked again: later it does, or the run ends."""
    pause = _FIRST_PAUSE
    while True:
        try:
            await server.remove()
            return
        except EngineError:
            await asyncio.sleep(pause)
            pause = min(_LONGEST_PAUSE, 2 * pause)


class Post:
    """What a keeper decides about, and what ``strategies`` work on. ``restart`` asks it for a server anew."""

    def __init__(self, surroundings: Surroundings, wanted: Desired, at: ServedAt, restart: Callable[[], None]) -> None:
        self._surroundings = surroundings
        self._restart = restart
        self.at = at
        #: The other replicas that bring in the same edit, where there are any.
        self.together: Together | None = None
        #: What the server was made from, or is to be at first.
        self.wanted = wanted
        #: What was asked for last.
        self.asked = wanted
        self.server: Server | None = None
        #: When a server began to take the requests, in monotonic seconds; None as long as none has.
        self.taken: float | None = None
        # When that server was asked what it answered first, in epoch seconds.
        self._asked_first = 0.0
        #: Whether the server is merely watched over, and nothing is being brought in.
        self.at_rest = False
        # Whether the endpoint is no longer in the project: its paths and its state may be another's from then on.
        self._leaves = False
        #: How often there was no server.
        self.crashes = 0
        #: A newer revision that does not start, and why.
        self.broken: tuple[str, Explanation] | None = None
        #: Why the last edit could not be read.
        self.unread: Explanation | None = None
        #: What watches the memory of the server that was started last.
        self.memory: MemoryWatch | None = None
        self._limit: MemoryLimit | None = None
        #: What a server could not have beside the one that served, the last time that this was so.
        self.clashed: Held | None = None
        #: For how many reasons servers live side by side at this moment.
        self.beside = 0
        self._slowest = 0.0
        self._leaving: set[asyncio.Task[None]] = set()
        self._heard = Heard(surroundings, lambda: self.at, lambda: self.wanted if self.at_rest else None)

    @property
    def name(self) -> str:
        """The name that people see."""
        return self.at.name

    @property
    def running(self) -> bool:
        """Whether there is a server that has been ready and has not ended."""
        return self.server is not None and self.server.running

    @property
    def abilities(self) -> Abilities:
        """What the server allows."""
        server = self.server
        return Abilities(
            running=server is not None and server.running,
            forks=server is not None and server.can_fork,
            alone=self.wanted.spec.limits.gpus > 0 or (server is not None and server.is_alone),
        )

    @property
    def standing(self) -> Strategy:
        """How the next edit of code is brought in."""
        return standing(self.abilities, self.wanted.bringing.strategy)

    # What strategies ask for.

    @property
    def limit(self) -> float:
        """Seconds that new code gets to answer."""
        return max(self._surroundings.reload_seconds, RELOAD_FACTOR * self._slowest)

    def make(self, wanted: Desired, after: Server | None = None) -> Server:
        """Return a container for ``wanted``, not created yet: another one of the pod that ``after`` is of, if any."""
        return Server(
            Making(
                runtime=self._surroundings.runtime,
                endpoint=wanted.endpoint,
                spec=wanted.spec,
                staging=self._surroundings.staging,
                probe=wanted.bringing.probe,
                diagnosis=lambda: self._surroundings.diagnosis,
                patience=self._surroundings.patience,
                on_line=self._heard.lines(wanted.spec.environment),
                on_pause=lambda: self.tell(State.READY) if self.running else None,
                on_news=lambda news: self._heard.learn(self.wanted.spec.image, news),
                asks=partial(self._surroundings.chatter.expect, self.at),
                made=self._surroundings.made.pop(wanted.at, ()),
                after="" if after is None else after.id,
            )
        )

    async def bring_up(self, server: Server, wanted: Desired) -> Answered:
        """Create a container, start it, and return its first answer."""
        again = self.taken is not None and wanted is self.wanted
        await self._surroundings.environments.make(wanted)
        if again:
            await server.keep()
        await server.create(self._runner(wanted))
        return await self._start_up(server)

    async def _start_up(self, server: Server) -> Answered:
        began = time.monotonic()
        self._heard.begin()
        await server.start()
        self.memory = self._watch_memory(server)
        self._surroundings.tasks.start(self.memory.follow(server), f"memory of {self.name}")
        try:
            answered = await server.wait_until_ready(self.trouble)
        except EndedError as error:
            lines = "\n".join(line.text for line in await self._heard.last_lines())
            raise EndedError(error.ended, lines, loaded=server.loaded, once=error.once) from None
        took = time.monotonic() - began
        self._slowest = max(self._slowest, took)
        if took >= limits.SLOW_START:
            self.find(self._surroundings.diagnosis.started(self.asked.endpoint, took), self.asked.revision, told=False)
        try:
            await server.find_runner()
            if self.clashed is not None:
                await server.find_exclusive(self.clashed)
            server.note_start(answered)
            await server.check_reach()
        except BaseException:
            await answered.finish()
            raise
        return answered

    def hold(self) -> None:
        """Let the endpoint's requests wait."""
        if not self._leaves:
            self._surroundings.routes.hold(self.at)
        self.tell(State.RELOADING)

    def leave(self) -> Server | None:
        """From now on lead no request and publish no state, whatever still comes in; return the server that is left."""
        self._leaves = True
        return self.server

    async def drained(self, address: Address) -> None:
        """Return once nothing is in flight any more at a server that no request is led to."""
        await self._surroundings.drain(address, self._leaves)

    async def agreed(self) -> None:
        """Return once the servers of all replicas have given a first answer; NotTogetherError where one does not."""
        if self.together is not None:
            await self.together.answered(self.at)

    def take_over(self, server: Server, wanted: Desired, answered: Answered) -> None:
        """Lead requests to ``server`` from now on, which has given its first answer as ``wanted``."""
        if wanted is not self.wanted:
            self.broken = None
        self.server, self.wanted = server, wanted
        self.taken = time.monotonic()
        self._asked_first = time.time() - (self.taken - answered.asked)
        self.lead()
        self._surroundings.tasks.start(answered.finish(), f"first answer of {self.name}")

    def retire(self, address: Address, end: Callable[[], Awaitable[None]]) -> None:
        """Do ``end``, which ends the server at ``address``, once no request is on its way to that any more."""

        async def drain_and_end() -> None:
            try:
                if self.at.replica == 1 and self.server is not None and self.server.address is not None:
                    await self._surroundings.compare(self.at, address, self.server.address)
                await self.drained(address)
                await end()
            finally:
                self.beside -= 1

        self.beside += 1
        self._surroundings.tasks.start(drain_and_end(), f"end an old server of {self.name}")

    @contextlib.asynccontextmanager
    async def made_up_for(
        self, new: Server, old: Server, fork: Fork | None = None, older: Fork | None = None
    ) -> AsyncIterator[None]:
        """End an old server in the block; what the new one was refused until then since that had it, a next one gets.

        It may ask for that only once it serves, as late as with its first requests.
        """
        held = None
        with contextlib.suppress(VhlocalError, RunnerGoneError):
            held = await refused(new, old, fork, older)
        yield
        serves = self.server is new and new.running and (new.forks is None or fork in {None, new.forks.serving})
        if held is not None and serves and self.broken is None:
            if held != self.clashed:
                self.tell_alone(AloneError(held), "replacement" if held.own else "restart")
            self.clashed = held
            self._restart()

    async def find_exclusive(self) -> None:
        """Find out whether the server has by now what an earlier one had, so that there cannot be two."""
        if self.clashed is not None and self.server is not None and self.running and self.server.exclusive is None:
            with contextlib.suppress(VhlocalError):
                await self.server.find_exclusive(self.clashed)

    def tell_alone(self, error: AloneError, way: str) -> None:
        """Publish that there cannot be two servers, and by which ``way`` edits are brought in for that."""
        text = f"{error}, so two servers cannot run side by side: a save reloads by {way}"
        hint = "without it, a save reloads by fork, in a tenth of the time"
        self._surroundings.bus.publish(Notice(text, error.held.place or self.wanted.endpoint.place(), hint, self.name))

    def discard(self, server: Server) -> asyncio.Task[None]:
        """Take a server away; return what ends once it is gone: it is asked for until the engine answers."""
        leaving = self._surroundings.tasks.start(_until_gone(server), f"remove a server of {self.name}")
        self._leaving.add(leaving)
        leaving.add_done_callback(self._leaving.discard)
        return leaving

    def trouble(self, notice: Notice) -> None:
        """Publish why a server has not answered yet, as far as is known by now."""
        self._surroundings.bus.publish(notice)

    # What a keeper asks for.

    async def all_gone(self, limit: float) -> None:
        """Return once all servers that were discarded are gone, or after ``limit`` seconds."""
        if self._leaving:
            await asyncio.wait(self._leaving, timeout=limit)

    def begin_listening(self) -> None:
        """Count what servers print from here on: new code is brought in."""
        self._heard.begin()

    def lead(self) -> None:
        """Lead requests to the server, and publish its state."""
        assert self.server is not None and self.server.address is not None
        if not self._leaves:
            stale = self._stale_for is not None
            self._surroundings.routes.lead(self.at, self.server.address, self.wanted.revision, stale=stale)
        self.tell(State.READY)

    async def use(self) -> Use:
        """Return what its server uses at this moment, as far as it is known."""
        return await use_of(self.at, self.server, self.wanted.spec.limits)

    async def look_at_memory(self) -> None:
        """Look once more how much memory the server uses, and report at once if it is near its limit."""
        server = self.server
        if self._limit is not None and server is not None and server.running:
            with contextlib.suppress(EngineError):
                await self._limit.look()

    async def spent(self) -> Spent | None:
        """Return how much CPU the server has used; None where none takes requests."""
        server = self.server
        if server is None or not server.running:
            return None
        with contextlib.suppress(EngineError):
            used = await server.usage()
            return None if used is None else Spent(server.id, used.cpu)
        return Spent(server.id, None)

    def cannot_read(self, error: VhlocalError) -> None:
        """Mark that the last edit could not be read, so that older code answers."""
        self.unread = explained_error(error, self.name)
        if self.running and self._surroundings.routes.target(self.at).address is not None:
            self.lead()

    def keep_old(self, newer: Desired, why: Explanation) -> None:
        """Mark that ``newer`` does not start; the server that is there goes on."""
        self.find(why.finding, newer.revision)
        # Its code may be served already, in the environment that there was before.
        self.broken = (UNREAD if newer.revision == self.wanted.revision else newer.revision, why)
        if self.running:
            self.lead()

    def close(self, revision: str, explanation: Explanation) -> None:
        """Close the route and publish why there is no server; ``revision`` is the code that failed."""
        if not self._leaves:
            self._surroundings.routes.close(self.at)
        self.find(explanation.finding, revision)
        self.tell(State.CRASHED, explanation, revision)

    def tell_reloaded(self, strategy: Strategy, phases: Phases) -> None:
        """Publish that new code answers, once for all replicas."""
        if strategy is Strategy.FORK and self.memory is not None:
            self.memory.peak = None  # what the old code needed says nothing of the new
        together = self.together
        if together is not None and not together.took_over(self.at):
            return
        replicas = 1 if together is None else together.replicas
        at = self.at if together is None else self.wanted.at
        self._surroundings.bus.publish(
            Reloaded(at, self.wanted.revision, strategy, phases.seconds, phases.ended, replicas)
        )
        self._surroundings.brought()

    def tell_problem(self, explanation: Explanation, then: str) -> None:
        """Publish what went wrong, and what happens now."""
        self._surroundings.bus.publish(Problem(as_error(explanation, self.name), self.name, then))

    def find(self, finding: Finding | None, revision: str, *, told: bool = True) -> None:
        """Publish a finding, where there is one; ``told`` where an error reports it too."""
        if finding is not None:
            self._surroundings.found(finding, revision, told)

    def tell(self, state: State, explanation: Explanation | None = None, revision: str = "") -> None:
        """Publish the endpoint's state; ``revision`` in place of that of what the server was made from."""
        if self._leaves:
            return
        why = explanation or (self._stale_for if state is State.READY else None) or Explanation("", "", None)
        self._surroundings.bus.publish(
            StatusChanged(
                Status(
                    at=self.at,
                    state=state,
                    reason=why.reason,
                    hint=why.hint,
                    place=why.place,
                    detail=why.detail,
                    finding=why.finding,
                    urls=self._surroundings.urls(self.at),
                    revision=revision or self.wanted.revision,
                    broken=UNREAD if self.unread else self.broken[0] if self.broken else "",
                    strategy=self.standing if self._surroundings.reloads else None,
                    image=self.wanted.environment.base,
                    container=self.server.id[:12] if self.server else "",
                    restarts=self.crashes,
                    memory=self._memory_use(),
                    since=time.time(),
                    start_up=self.server.start_up if self.server else None,
                    caveat=self._paused() if state is State.READY else "",
                    description=self.wanted.endpoint.description,
                )
            )
        )

    def _paused(self) -> str:
        # It keeps its turn: to Kubernetes, a pod that hangs is ready as long as nothing probes it.
        server = self.server
        return "" if server is None or not server.paused else f"but paused: docker unpause {server.id[:12]}"

    async def explain(self, error: Exception, wanted: Desired) -> Explanation:
        """Say why ``wanted`` did not come up."""
        if isinstance(error, EndedError):
            return await self.explain_end(error, wanted, AFTER_ONE if error.once else _UNTIL_THEN[error.loaded])
        if isinstance(error, VhlocalError):
            return explained_error(error, self.name)
        if isinstance(error, SavedAgainError):
            return Explanation(f"{error} was saved again while a server was starting from it", "", None)
        return Explanation(f"unexpected: {error!r}", "", None)

    async def explain_end(self, error: EndedError, wanted: Desired, when: str = "") -> Explanation:
        """Say why a server ended; ``when`` is what it was doing, if it was not serving."""
        diagnosis, server = self._surroundings.diagnosis, Served(self.at, wanted.endpoint, wanted.revision)
        lines = error.evidence.splitlines()
        if not lines:
            first = 0.0 if when else self._asked_first
            lines = diagnosis.last_words(server, await self._heard.last_lines(), first)
        peak = self.memory.peak if self.memory else None
        return await diagnosis.of_end(server, error.ended, lines, when, peak)

    async def with_its_container(self, error: EndedError) -> EndedError:
        """Return the end of the whole container, where the new server went with that for want of memory."""
        server = self.server
        ended = None if server is None else server.ended
        if ended is not None and error.ended.code == _KILLED:
            await asyncio.wait({ended}, timeout=_ITS_CONTAINER)
            if ended.done() and ended.result().out_of_memory:
                return EndedError(ended.result(), error.evidence, loaded=error.loaded, once=error.once)
        return error

    @property
    def _stale_for(self) -> Explanation | None:
        return self.unread or (self.broken[1] if self.broken else None)

    def _runner(self, wanted: Desired) -> Runner | None:
        bringing = wanted.bringing
        if bringing.command is None:
            return None
        return Runner(
            command=bringing.command,
            declared=wanted.endpoint.port,
            keep=() if self._surroundings.profile else bringing.keep_warm,
            known=self._surroundings.warmth.load(wanted.spec.image),
            forks=self._surroundings.reloads and bringing.strategy in {None, Strategy.FORK},
            profile=self._surroundings.profile,
            beside=self.running,
        )

    def _watch_memory(self, server: Server) -> MemoryWatch:
        most = self.asked.spec.limits.memory

        def peak() -> int | None:
            return watch.peak

        limit = None if most is None else MemoryLimit(self._surroundings, server, most, lambda: self.asked, peak)

        async def on_peak(used: int, kept: bool) -> None:
            if limit is not None:
                await limit.hear(used, kept=kept)
            status = self._surroundings.board.status(self.at)
            if server.running and status is not None and (status.memory is None or used > status.memory.peak * _HIGHER):
                self._surroundings.bus.publish(StatusChanged(replace(status, memory=self._memory_use())))

        self._limit = limit
        watch = MemoryWatch(most is not None, lambda: self.beside == 0, on_peak)
        return watch

    def _memory_use(self) -> MemoryUse | None:
        if self.memory is None or self.memory.peak is None:
            return None
        return MemoryUse(self.memory.peak, self.wanted.spec.limits.memory)

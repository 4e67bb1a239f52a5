"""Keeps one endpoint's server as it is wanted: up, in front of the gateway, and with the newest code."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from vhlocal.errors import VhlocalError
from vhlocal.events import Bus, Notice, Problem, Reloaded, StatusChanged
from vhlocal.model import MemoryUse, State, Status, Strategy
from vhlocal.reload.decide import Means, decide, standing
from vhlocal.reload.runner_client import RunnerGoneError
from vhlocal.session.desired import Desired, difference
from vhlocal.session.exits import Explanation, as_error, backoff, explained_error
from vhlocal.session.forks import NoRoomError
from vhlocal.session.heard import Heard
from vhlocal.session.limits import GRACE, RELOAD_FACTOR, RELOAD_LIMIT
from vhlocal.session.memory import MemoryWatch
from vhlocal.session.ready import EndedError
from vhlocal.session.server import Making, Server
from vhlocal.session.strategies import STRATEGIES
from vhlocal.session.warmth import Runner

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from vhlocal.findings import Finding
    from vhlocal.reload.staging import Staging
    from vhlocal.runtime.base import Address, Runtime
    from vhlocal.session.board import Board
    from vhlocal.session.diagnosis import Diagnosis
    from vhlocal.session.phases import Phases
    from vhlocal.session.probe import Answered
    from vhlocal.session.routes import Routes
    from vhlocal.session.tasks import Tasks
    from vhlocal.session.warmth import Warmth

#: A server that stayed up for this many seconds starts a new count of crashes.
_HEALTHY = 60.0

#: By which factor a peak of memory has to be higher than the one that was told, to be told too.
_HIGHER = 1.05


@dataclass(frozen=True)
class Surroundings:
    """What a keeper works with.

    ``urls`` gives an endpoint's URLs, ``drain`` waits until an address has no request in flight, for some seconds at
    most. ``token`` is what runners know vhlocal by; ``reloads`` is False where no new code is ever brought in.
    ``strict`` ends a server that production would end, ``patience`` is in seconds. ``profile`` has imports measured.
    ``made`` has, by endpoint, what was made since its last server was: name and seconds. ``found`` tells a finding, the
    revision that it is about, and whether an error tells it too.
    """

    runtime: Runtime
    bus: Bus
    board: Board
    routes: Routes
    tasks: Tasks
    staging: Staging
    warmth: Warmth
    token: str
    reloads: bool
    strict: bool
    profile: bool
    made: dict[str, tuple[tuple[str, float], ...]]
    patience: float
    diagnosis: Diagnosis
    found: Callable[[Finding, str, bool], None]
    urls: Callable[[str], tuple[str, ...]]
    drain: Callable[[Address, float], Awaitable[bool]]


class Keeper:
    """One endpoint of the run. Its methods are not to be called side by side; ``strategies`` work on it."""

    def __init__(self, surroundings: Surroundings, wanted: Desired) -> None:
        self._is = surroundings
        #: What the server that runs was made from, and what was asked for last.
        self.wanted = wanted
        self.asked = wanted
        self.server: Server | None = None
        self._broken: tuple[str, Explanation] | None = None
        self._guard: asyncio.Task[None] | None = None
        self._crashes = 0
        self._slowest = 0.0
        self._memory: MemoryWatch | None = None
        self._heard = Heard(surroundings, wanted.endpoint.name, lambda: self.wanted if self._guard else None)
        # How much is under way for which servers live side by side.
        self._beside = 0

    # What the session asks for.

    async def start(self) -> None:
        """Start the first server and return once it answers; ServerError, and nothing left, when it does not."""
        self.tell(State.STARTING)
        server = self.make(self.wanted)
        try:
            self.take_over(server, self.wanted, await self.bring_up(server, self.wanted))
        except EndedError as error:
            explanation = await self._explain(error, self.wanted)
            self._fail(explanation)
            await server.remove()
            raise as_error(explanation, self.wanted.endpoint.name) from None
        except BaseException as error:
            if isinstance(error, VhlocalError):
                self._find(error.finding, self.wanted.revision)
            await server.remove()
            raise
        self._begin_guard()

    async def bring(self, wanted: Desired, phases: Phases) -> None:
        """Bring in a newer version of what is wanted; a failure is told, not raised: the old server goes on."""
        self.asked = wanted
        strategy = decide(difference(self.wanted, wanted), self._means(), wanted.bringing.strategy)
        if strategy is None:
            await self._return_to(wanted, phases)
            return
        self._end_guard()
        self._heard.begin()
        self._beside += 1
        try:
            strategy = await self._bring_by(strategy, wanted, phases)
        except (VhlocalError, EndedError, RunnerGoneError) as error:
            await self._survive(wanted, error)
        except BaseException:
            self._resume()
            raise
        else:
            self._begin_guard()
            self._reloaded(strategy, phases)
        finally:
            self._beside -= 1

    async def stop(self, grace: float = GRACE) -> None:
        """End the server and remove it."""
        self._end_guard()
        server, self.server = self.server, None
        if server is not None:
            await server.stop(grace)
            await server.remove()
        self.tell(State.STOPPED)

    def tell(self, state: State, explanation: Explanation | None = None) -> None:
        """Publish the endpoint's state."""
        if state is State.READY and self._broken is not None:
            explanation = self._broken[1]
        told = explanation or Explanation("", "", None)
        self._is.bus.publish(
            StatusChanged(
                Status(
                    endpoint=self.wanted.endpoint.name,
                    state=state,
                    reason=told.reason,
                    hint=told.hint,
                    place=told.place,
                    detail=told.detail,
                    finding=told.finding,
                    urls=self._is.urls(self.wanted.endpoint.name),
                    revision=self.wanted.revision,
                    broken=self._broken[0] if self._broken else "",
                    strategy=standing(self._means(), self.wanted.bringing.strategy) if self._is.reloads else None,
                    image=self.wanted.environment.base,
                    container=self.server.id[:12] if self.server else "",
                    restarts=self._crashes,
                    memory=self._memory_use(),
                    since=time.time(),
                    start_up=self.server.start_up if self.server else None,
                )
            )
        )

    # What strategies ask for: see strategies/site.py.

    @property
    def limit(self) -> float:
        """See ``Site``."""
        return max(RELOAD_LIMIT, RELOAD_FACTOR * self._slowest)

    def make(self, wanted: Desired) -> Server:
        """See ``Site``."""
        return Server(
            Making(
                runtime=self._is.runtime,
                endpoint=wanted.endpoint,
                spec=wanted.spec,
                staging=self._is.staging,
                probe=wanted.bringing.probe,
                diagnosis=self._is.diagnosis,
                patience=self._is.patience,
                token=self._is.token,
                on_line=self._heard.lines(),
                on_news=lambda news: self._heard.learn(self.wanted.spec.image, news),
                made=self._is.made.pop(wanted.endpoint.name, ()),
            )
        )

    async def bring_up(self, server: Server, wanted: Desired) -> Answered:
        """See ``Site``."""
        await server.create(self._runner(wanted))
        return await self.start_up(server)

    async def start_up(self, server: Server) -> Answered:
        """See ``Site``."""
        began = time.monotonic()
        self._heard.begin()
        await server.start()
        self._memory = self._watch_memory(server)
        self._is.tasks.start(self._memory.follow(server), f"memory of {self.wanted.endpoint.name}")
        try:
            answered = await server.wait_until_ready(self.trouble)
        except EndedError as error:
            raise EndedError(error.ended, await self._heard.last_lines(), loaded=server.loaded) from None
        took = time.monotonic() - began
        self._slowest = max(self._slowest, took)
        self._find(self._is.diagnosis.started(self.asked.endpoint, took), self.asked.revision, told=False)
        try:
            await server.find_runner()
            server.note_start(answered)
            await server.check_reach()
        except BaseException:
            await answered.finish()
            raise
        return answered

    def hold(self) -> None:
        """See ``Site``."""
        self._is.routes.hold(self.wanted.endpoint.name)
        self.tell(State.RELOADING)

    async def drained(self, address: Address) -> None:
        """See ``Site``."""
        await self._is.drain(address, GRACE)

    def take_over(self, server: Server, wanted: Desired, answered: Answered) -> None:
        """See ``Site``."""
        assert server.address is not None
        self.server, self.wanted = server, wanted
        self._broken = None
        self._is.routes.lead(wanted.endpoint.name, server.address, wanted.revision)
        self.tell(State.READY)
        self._is.tasks.start(answered.finish(), f"first answer of {wanted.endpoint.name}")

    def retire(self, address: Address, end: Callable[[], Awaitable[None]]) -> None:
        """See ``Site``."""

        async def drain_and_end() -> None:
            try:
                await self._is.drain(address, GRACE)
                await end()
            finally:
                self._beside -= 1

        self._beside += 1
        self._is.tasks.start(drain_and_end(), f"end an old server of {self.wanted.endpoint.name}")

    def trouble(self, notice: Notice) -> None:
        """See ``Site``."""
        self._is.bus.publish(notice)

    # How it goes.

    def _runner(self, wanted: Desired) -> Runner | None:
        bringing = wanted.bringing
        if bringing.command is None:
            return None
        return Runner(
            command=bringing.command,
            declared=wanted.endpoint.port,
            token=self._is.token,
            keep=() if self._is.profile else bringing.keep_warm,
            known=self._is.warmth.load(wanted.spec.image),
            forks=self._is.reloads and bringing.strategy in {None, Strategy.FORK},
            profile=self._is.profile,
        )

    def _means(self) -> Means:
        server = self.server
        return Means(
            running=server is not None and server.running,
            forks=server is not None and server.can_fork,
            alone=self.wanted.spec.limits.gpus > 0 or (server is not None and server.has_fixed_port),
        )

    async def _bring_by(self, strategy: Strategy, wanted: Desired, phases: Phases) -> Strategy:
        """Return the strategy that did it: where there is no room for a fork, or its runner has gone, a replacement."""
        if strategy is Strategy.FORK:
            try:
                await STRATEGIES[strategy](self, wanted, phases)
                return strategy
            except NoRoomError as error:
                self._is.bus.publish(
                    Notice(
                        f"{error}: edits are brought in by replacement",
                        wanted.endpoint.place("resources.memory"),
                        "a larger resources.memory.max makes reloads quick",
                        wanted.endpoint.name,
                    )
                )
            except RunnerGoneError:
                pass
            strategy = Strategy.REPLACE
        await STRATEGIES[strategy](self, wanted, phases)
        return strategy

    async def _return_to(self, wanted: Desired, phases: Phases) -> None:
        """What is wanted runs already; the user may have come back to it from code that was broken."""
        self.wanted = wanted
        if self._broken is None or self.server is None or not self.server.running:
            return
        await self.server.write(wanted.spec.entries)
        assert self.server.address is not None
        self._broken = None
        self._is.routes.lead(wanted.endpoint.name, self.server.address, wanted.revision)
        self.tell(State.READY)
        phases.mark("sync")
        self._reloaded(standing(self._means(), wanted.bringing.strategy), phases)

    def _reloaded(self, strategy: Strategy, phases: Phases) -> None:
        name, revision = self.wanted.endpoint.name, self.wanted.revision
        if strategy is Strategy.FORK and self._memory is not None:
            self._memory.peak = None  # what the old code needed says nothing of the new
        self._is.bus.publish(Reloaded(name, revision, strategy, phases.seconds, phases.ended))

    async def _survive(self, wanted: Desired, error: VhlocalError | EndedError | RunnerGoneError) -> None:
        """Tell why new code did not come up; the old server goes on, where it still runs."""
        if isinstance(error, EndedError):
            explanation = await self._explain(error, wanted)
        elif isinstance(error, VhlocalError):
            explanation = explained_error(error, wanted.endpoint.name)
        else:
            explanation = Explanation("its runner has ended", "", None)
        kept = self.server is not None and self.server.running
        goes_on = f"revision {self.wanted.revision} goes on; the next save is the next try" if kept else ""
        self._is.bus.publish(Problem(as_error(explanation, wanted.endpoint.name, goes_on), wanted.endpoint.name))
        if kept:
            self._find(explanation.finding, wanted.revision)
            self._broken = (wanted.revision, explanation)
            self._resume()
        else:
            self.wanted = wanted
            self._fail(explanation)

    def _resume(self) -> None:
        """Let the server that was there go on."""
        server = self.server
        if server is not None and server.running and server.address is not None:
            name = self.wanted.endpoint.name
            self._is.routes.lead(name, server.address, self.wanted.revision, stale=self._broken is not None)
            self.tell(State.READY)
            self._begin_guard()

    def _fail(self, explanation: Explanation) -> None:
        self._is.routes.close(self.wanted.endpoint.name)
        self._find(explanation.finding, self.wanted.revision)
        self.tell(State.CRASHED, explanation)

    def _find(self, finding: Finding | None, revision: str, *, told: bool = True) -> None:
        if finding is not None:
            self._is.found(finding, revision, told)

    # When it ends by itself.

    async def _watch_over(self, server: Server) -> None:
        """Start the server again whenever it ends by itself, waiting longer each time (K2)."""
        began = time.monotonic()
        while True:
            assert server.ended is not None
            ended = await asyncio.shield(server.ended)
            if time.monotonic() - began > _HEALTHY:
                self._crashes = 0
            server = await self._start_again(server, await self._explain(EndedError(ended), self.wanted, serving=True))
            began = time.monotonic()

    async def _start_again(self, server: Server, explanation: Explanation) -> Server:
        """Return the server once it answers again, or a new one where it cannot be started any more."""
        anew = False
        while True:
            self._crashes += 1
            wait = backoff(self._crashes)
            self._fail(explanation)
            then = f"it is started again in {wait:.0f} s, or at the next save"
            problem = as_error(explanation, self.wanted.endpoint.name, then)
            self._is.bus.publish(Problem(problem, self.wanted.endpoint.name))
            await asyncio.sleep(wait)
            try:
                if anew:
                    await server.remove()
                    self.server = server = self.make(self.wanted)
                    answered = await self.bring_up(server, self.wanted)
                else:
                    answered = await self.start_up(server)
            except EndedError as error:
                explanation, anew = await self._explain(error, self.wanted), False
            except VhlocalError as error:
                # Its container has been taken away, or the engine is gone for a while.
                explanation, anew = explained_error(error, self.wanted.endpoint.name), True
            else:
                self.take_over(server, self.wanted, answered)
                return server

    def _watch_memory(self, server: Server) -> MemoryWatch:
        """Return what watches a server that has just been started: who comes near its limit is told, once (K2)."""
        limit = self.asked.spec.limits.memory
        told: set[tuple[str, str]] = set()

        async def on_peak(used: int, kept: bool) -> None:
            wanted = self.asked
            if limit is not None:
                if self._is.strict and used > limit and not kept:
                    await server.end_for_memory()
                    return
                found = self._is.diagnosis.measured(wanted.endpoint, used, limit, kept=kept)
                if found is not None and (key := (found.definition.code, wanted.revision)) not in told:
                    told.add(key)
                    self._find(found, wanted.revision, told=False)
            status = self._is.board.status(wanted.endpoint.name)
            if status is not None and (status.memory is None or used > status.memory.peak * _HIGHER):
                self._is.bus.publish(StatusChanged(replace(status, memory=self._memory_use())))

        return MemoryWatch(limit is not None, lambda: self._beside == 0, on_peak)

    def _memory_use(self) -> MemoryUse | None:
        if self._memory is None or self._memory.peak is None:
            return None
        return MemoryUse(self._memory.peak, self.wanted.spec.limits.memory)

    def _begin_guard(self) -> None:
        if self.server is not None and self._guard is None:
            self._guard = self._is.tasks.start(self._watch_over(self.server), f"guard {self.wanted.endpoint.name}")

    def _end_guard(self) -> None:
        if self._guard is not None:
            self._guard.cancel()
            self._guard = None

    # What is told.

    async def _explain(self, error: EndedError, wanted: Desired, *, serving: bool = False) -> Explanation:
        lines = (error.evidence or await self._heard.last_lines()).splitlines()
        when = "" if serving else "before its first answer"
        if error.loaded is not None:
            when = "after its code was loaded, before its first answer" if error.loaded else "while its code was loaded"
        peak = self._memory.peak if self._memory else None
        return await self._is.diagnosis.of_end(wanted.endpoint, error.ended, lines, when, peak)

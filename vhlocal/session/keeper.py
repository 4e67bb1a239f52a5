"""Keeps one endpoint's server as it is wanted: up, in front of the gateway, and with the newest code."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vhlocal.contract.limits import MEGABYTE
from vhlocal.errors import ServerError, VhlocalError
from vhlocal.events import Bus, LogLine, Notice, Problem, Reloaded, StatusChanged
from vhlocal.model import State, Status, Strategy
from vhlocal.reload.decide import Means, decide, standing
from vhlocal.reload.runner_client import RunnerGoneError
from vhlocal.session import port
from vhlocal.session.desired import Desired, difference
from vhlocal.session.exits import Explanation, backoff, explain_exit, is_clash, with_traceback
from vhlocal.session.forks import NoRoomError
from vhlocal.session.limits import GRACE, RELOAD_FACTOR, RELOAD_LIMIT
from vhlocal.session.ready import EndedError
from vhlocal.session.server import Making, Server
from vhlocal.session.strategies import STRATEGIES
from vhlocal.session.tracebacks import read_traceback
from vhlocal.session.warmth import Runner

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from vhlocal.findings import Finding
    from vhlocal.reload.staging import Staging
    from vhlocal.runtime.base import Address, Runtime
    from vhlocal.session.board import Board
    from vhlocal.session.phases import Phases
    from vhlocal.session.probe import Answered
    from vhlocal.session.routes import Routes
    from vhlocal.session.tasks import Tasks
    from vhlocal.session.warmth import Warmth

#: A server that stayed up for this many seconds starts a new count of crashes.
_HEALTHY = 60.0

_TAIL = 60

#: Seconds between two looks at a server's memory.
_BETWEEN_LOOKS = 1.0

#: Seconds that the last lines of a server that has ended get to arrive.
_LAST_LINES = 0.2


@dataclass(frozen=True)
class Surroundings:
    """What a keeper works with.

    ``urls`` gives an endpoint's URLs, ``requirements`` the file installed (B2), ``drain`` waits until an address has
    no request in flight, for some seconds at most. ``token`` is what runners know vhlocal by; ``reloads`` is False
    where no new code is ever brought in. ``strict`` ends a server that production would end. ``profile`` has imports
    measured. ``made`` has, by endpoint, what was made since its last server was: name and seconds. ``found`` tells a
    finding, and the revision that it is about.
    """

    runtime: Runtime
    directory: Path
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
    found: Callable[[Finding, str], None]
    urls: Callable[[str], tuple[str, ...]]
    requirements: Callable[[], str | None]
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
        self._lines = 0

    # What the session asks for.

    async def start(self) -> None:
        """Start the first server and return once it answers; ServerError, and nothing left, when it does not."""
        self.tell(State.STARTING)
        server = self.make(self.wanted)
        try:
            self.take_over(server, self.wanted, await self.bring_up(server, self.wanted))
        except EndedError as error:
            explanation = await self._explain(error)
            self._fail(explanation)
            await server.remove()
            raise self._error(explanation) from None
        except BaseException:
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
        self._begin_lines()
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
                    urls=self._is.urls(self.wanted.endpoint.name),
                    revision=self.wanted.revision,
                    broken=self._broken[0] if self._broken else "",
                    strategy=standing(self._means(), self.wanted.bringing.strategy) if self._is.reloads else None,
                    image=self.wanted.environment.base,
                    container=self.server.id[:12] if self.server else "",
                    restarts=self._crashes,
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
        name = wanted.endpoint.name

        def on_line(stream: str, text: str) -> None:
            self._lines += 1
            self._is.bus.publish(LogLine(name, stream, text, time.time()))

        return Server(
            Making(
                runtime=self._is.runtime,
                directory=self._is.directory,
                endpoint=wanted.endpoint,
                spec=wanted.spec,
                staging=self._is.staging,
                probe=wanted.bringing.probe,
                on_line=on_line,
                made=self._is.made.pop(name, ()),
            )
        )

    async def bring_up(self, server: Server, wanted: Desired) -> Answered:
        """See ``Site``."""
        await server.create(self._runner(wanted))
        return await self.start_up(server)

    async def start_up(self, server: Server) -> Answered:
        """See ``Site``."""
        began = time.monotonic()
        self._begin_lines()
        await server.start()
        self._is.tasks.start(self._watch_memory(server), f"memory of {self.wanted.endpoint.name}")
        try:
            answered = await server.wait_until_ready(self.trouble)
        except EndedError as error:
            raise EndedError(error.ended, await self._last_lines()) from None
        self._slowest = max(self._slowest, time.monotonic() - began)
        try:
            await server.find_runner(self._is.token, self._learn)
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
            await self._is.drain(address, GRACE)
            await end()

        self._is.tasks.start(drain_and_end(), f"end an old server of {self.wanted.endpoint.name}")

    def trouble(self, explanation: Explanation) -> None:
        """See ``Site``."""
        self._is.bus.publish(Notice(explanation.reason, explanation.place, explanation.hint, self.wanted.endpoint.name))

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
        self._is.bus.publish(Reloaded(name, revision, strategy, phases.seconds, phases.ended))

    async def _survive(self, wanted: Desired, error: VhlocalError | EndedError | RunnerGoneError) -> None:
        """Tell why new code did not come up; the old server goes on, where it still runs."""
        if isinstance(error, EndedError):
            explanation = await self._explain(error)
        elif isinstance(error, VhlocalError):
            explanation = _explained(error, wanted.endpoint.name)
        else:
            explanation = Explanation("its runner has ended", "", None)
        kept = self.server is not None and self.server.running
        goes_on = f"revision {self.wanted.revision} goes on; the next save is the next try" if kept else ""
        self._is.bus.publish(Problem(self._error(explanation, goes_on), wanted.endpoint.name))
        if kept:
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
        self.tell(State.CRASHED, explanation)

    # When it ends by itself.

    async def _watch_over(self, server: Server) -> None:
        """Start the server again whenever it ends by itself, waiting longer each time (K2)."""
        began = time.monotonic()
        while True:
            assert server.ended is not None
            ended = await asyncio.shield(server.ended)
            if time.monotonic() - began > _HEALTHY:
                self._crashes = 0
            server = await self._start_again(server, await self._explain(EndedError(ended)))
            began = time.monotonic()

    async def _start_again(self, server: Server, explanation: Explanation) -> Server:
        """Return the server once it answers again, or a new one where it cannot be started any more."""
        anew = False
        while True:
            self._crashes += 1
            wait = backoff(self._crashes)
            self._fail(explanation)
            problem = self._error(explanation, f"it is started again in {wait:.0f} s, or at the next save")
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
                explanation, anew = await self._explain(error), False
            except VhlocalError as error:
                # Its container has been taken away, or the engine is gone for a while.
                explanation, anew = _explained(error, self.wanted.endpoint.name), True
            else:
                self.take_over(server, self.wanted, answered)
                return server

    async def _watch_memory(self, server: Server) -> None:
        """Tell, once, that a server has passed its memory limit, where the kernel does not end it for that (K2)."""
        limit, endpoint = self.wanted.spec.limits.memory, self.wanted.endpoint
        while limit is not None and server.running:
            await asyncio.sleep(_BETWEEN_LOOKS)
            used = await server.usage()
            if used is None:
                return
            if used > limit:
                break
        else:
            return
        if self._is.strict:
            await server.end_for_memory()
            return
        uses, allowed = (f"{size / MEGABYTE:.0f} MB" for size in (used, limit))
        self._is.bus.publish(
            Notice(
                f"production would end it (OOMKilled): it uses {uses}, its limit is {allowed}",
                endpoint.place("resources.memory"),
                "raise resources.memory.max, or make the server need less; `--strict` ends it here too",
                endpoint.name,
            )
        )

    def _begin_guard(self) -> None:
        if self.server is not None and self._guard is None:
            self._guard = self._is.tasks.start(self._watch_over(self.server), f"guard {self.wanted.endpoint.name}")

    def _end_guard(self) -> None:
        if self._guard is not None:
            self._guard.cancel()
            self._guard = None

    # What is told.

    def _begin_lines(self) -> None:
        self._lines = 0

    async def _explain(self, error: EndedError) -> Explanation:
        lines = (error.evidence or await self._last_lines()).splitlines()
        endpoint = self.wanted.endpoint
        holder = port.holder(endpoint.port) if is_clash(lines) else ""
        explanation = explain_exit(endpoint, error.ended, lines, self._is.requirements(), holder)
        found = None if error.ended.out_of_memory else read_traceback(lines)
        if found is None:
            return explanation
        return with_traceback(explanation, found, self._is.directory)

    async def _last_lines(self) -> str:
        """Return the end of what was printed since the last start."""
        await asyncio.sleep(_LAST_LINES)
        count = min(_TAIL, self._lines or _TAIL)
        return "\n".join(line.text for line in self._is.board.tail(self.wanted.endpoint.name, count))

    def _error(self, explanation: Explanation, then: str = "") -> ServerError:
        hint = "; ".join(part for part in (explanation.hint, then) if part)
        return ServerError(
            f"{self.wanted.endpoint.name}: {explanation.reason}",
            place=explanation.place,
            hint=hint or None,
            detail=explanation.detail or None,
        )

    def _learn(self, news: dict[str, Any]) -> None:
        """Hear what the runner has found out: what it imports beforehand, and what it cannot."""
        name = self.wanted.endpoint.name
        if news["event"] == "warm":
            self._is.warmth.save(self.wanted.spec.image, news["modules"], news["denied"])
            for module, why in news["denied"].items():
                text = f"{module} {why}: it is imported anew at each reload"
                self._is.bus.publish(Notice(text, endpoint=name))
        elif news["event"] == "unkept":
            hint = "`keep-warm` is for what lives in the main memory of one thread; it is loaded at each reload instead"
            self._is.bus.publish(Notice(f"nothing is kept warm: {news['why']}", None, hint, name))


def _explained(error: VhlocalError, endpoint: str) -> Explanation:
    reason = error.message.removeprefix(f"{endpoint}: ")
    return Explanation(reason, error.hint or "", error.place, error.detail or "")

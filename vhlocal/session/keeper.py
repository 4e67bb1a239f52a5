"""Keeps one endpoint's server as it is wanted: up, in front of the gateway, and with the newest code."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vhlocal.errors import ServerError, VhlocalError
from vhlocal.events import Bus, LogLine, Notice, Problem, Reloaded, StatusChanged
from vhlocal.model import State, Status
from vhlocal.reload.decide import Action, decide
from vhlocal.session.desired import Desired, changed_entries, difference
from vhlocal.session.exits import Explanation, backoff, explain_exit
from vhlocal.session.server import EndedError, Server

if TYPE_CHECKING:
    from collections.abc import Callable

    from vhlocal.runtime.base import Exit, Runtime
    from vhlocal.session.board import Board
    from vhlocal.session.routes import Routes
    from vhlocal.session.tasks import Tasks

#: Seconds that a server gets to end by itself: Kubernetes' default.
GRACE = 30.0

#: A server that stayed up for this many seconds starts a new count of crashes.
_HEALTHY = 60.0

_TAIL = 40


@dataclass(frozen=True)
class Surroundings:
    """What a keeper works with; ``urls`` gives an endpoint's URLs, ``requirements`` the file installed (B2)."""

    runtime: Runtime
    bus: Bus
    board: Board
    routes: Routes
    tasks: Tasks
    urls: Callable[[str], tuple[str, ...]]
    requirements: Callable[[], str | None]


class Keeper:
    """One endpoint of the run. Its methods are not to be called side by side."""

    def __init__(self, surroundings: Surroundings, wanted: Desired) -> None:
        self._is = surroundings
        self.wanted = wanted
        self._server: Server | None = None
        self._guard: asyncio.Task[None] | None = None
        self._crashes = 0

    async def start(self) -> None:
        """Start the first server and return once it answers; ServerError, and nothing left, when it does not."""
        self.tell(State.STARTING)
        server = self._make(self.wanted)
        try:
            await server.create()
            await server.start()
            await server.wait_until_ready(self._trouble)
        except EndedError as error:
            explanation = self._explain(error.ended)
            self._fail(explanation)
            await server.remove()
            raise self._error(explanation) from None
        except BaseException:
            await server.remove()
            raise
        self._adopt(server)

    async def bring(self, wanted: Desired, since: float) -> None:
        """Bring in a newer version of what is wanted; ``since`` is when the change was noticed (monotonic seconds).

        A failure is told, not raised: the old server goes on where it still runs.
        """
        action = decide(difference(self.wanted, wanted))
        crashed = self._server is None or not self._server.running
        if action is Action.NOTHING:
            self.wanted = wanted
            return
        self._unguard()
        try:
            if action is Action.RESTART and not crashed:
                await self._restart(wanted)
            else:
                await self._replace(wanted)
        except (VhlocalError, EndedError) as error:
            self._survive(wanted, error, kept=action is Action.REPLACE and not crashed)
            return
        self._is.bus.publish(Reloaded(wanted.endpoint.name, wanted.revision, action.value, time.monotonic() - since))

    def tell(self, state: State, explanation: Explanation | None = None) -> None:
        """Publish the endpoint's state."""
        self._is.bus.publish(
            StatusChanged(
                Status(
                    endpoint=self.wanted.endpoint.name,
                    state=state,
                    reason=explanation.reason if explanation else "",
                    hint=explanation.hint if explanation else "",
                    place=explanation.place if explanation else None,
                    urls=self._is.urls(self.wanted.endpoint.name),
                    revision=self.wanted.revision,
                    image=self.wanted.environment.base,
                    container=self._server.id[:12] if self._server else "",
                    restarts=self._crashes,
                    since=time.time(),
                )
            )
        )

    async def stop(self, grace: float = GRACE) -> None:
        """End the server and remove it."""
        self._unguard()
        server, self._server = self._server, None
        if server is not None:
            await server.stop(grace)
            await server.remove()
        self.tell(State.STOPPED)

    def _make(self, wanted: Desired) -> Server:
        name = wanted.endpoint.name

        def on_line(stream: str, text: str) -> None:
            self._is.bus.publish(LogLine(name, stream, text, time.time()))

        return Server(self._is.runtime, wanted.endpoint, wanted.spec, on_line)

    def _adopt(self, server: Server) -> None:
        assert server.address is not None
        self._server = server
        self._is.routes.lead(self.wanted.endpoint.name, server.address, self.wanted.revision)
        self.tell(State.READY)
        self._guard = self._is.tasks.start(self._watch_over(server), f"guard {self.wanted.endpoint.name}")

    async def _restart(self, wanted: Desired) -> None:
        """Write the changed files into the running container and start its server again, requests waiting."""
        server = self._server
        assert server is not None
        entries, removed = changed_entries(self.wanted, wanted)
        self.wanted = wanted
        self._is.routes.hold(wanted.endpoint.name)
        self.tell(State.RELOADING)
        await server.sync(entries, removed)
        await server.stop(GRACE)
        await server.start()
        await server.wait_until_ready(self._trouble)
        self._adopt(server)

    async def _replace(self, wanted: Desired) -> None:
        """Make a new container ready beside the old one, then let it take over."""
        old = self._server
        if old is not None and not old.running:
            self._is.routes.hold(wanted.endpoint.name)
        new = self._make(wanted)
        self.tell(State.RELOADING)
        try:
            await new.create()
            await new.start()
            await new.wait_until_ready(self._trouble)
        except BaseException:
            await new.remove()
            raise
        self.wanted = wanted
        self._adopt(new)
        if old is not None:
            await old.stop(GRACE)
            await old.remove()

    def _survive(self, wanted: Desired, error: VhlocalError | EndedError, *, kept: bool) -> None:
        """Tell why new code did not come up; ``kept`` says that the old server goes on."""
        explanation = self._explain(error.ended) if isinstance(error, EndedError) else _explained(error)
        problem = self._error(explanation) if isinstance(error, EndedError) else error
        self._is.bus.publish(Problem(problem, wanted.endpoint.name))
        server = self._server
        if kept and server is not None and server.running:
            # The old server goes on with what it has, so that is still what runs: the next save is compared with it.
            self._adopt(server)
        else:
            self.wanted = wanted
            self._fail(explanation)

    def _fail(self, explanation: Explanation) -> None:
        self._is.routes.close(self.wanted.endpoint.name)
        self.tell(State.CRASHED, explanation)

    async def _watch_over(self, server: Server) -> None:
        """Start the server again whenever it ends by itself, waiting longer each time (K2)."""
        began = time.monotonic()
        while True:
            assert server.ended is not None
            ended = await asyncio.shield(server.ended)
            if time.monotonic() - began > _HEALTHY:
                self._crashes = 0
            server = await self._start_again(server, self._explain(ended))
            began = time.monotonic()
            assert server.address is not None
            self._is.routes.lead(self.wanted.endpoint.name, server.address, self.wanted.revision)
            self.tell(State.READY)

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
                    server = self._make(self.wanted)
                    await server.create()
                    self._server = server
                await server.start()
                await server.wait_until_ready(self._trouble)
            except EndedError as error:
                explanation, anew = self._explain(error.ended), False
            except VhlocalError as error:
                # Its container has been taken away, or the engine is gone for a while.
                explanation, anew = _explained(error), True
            else:
                return server

    def _unguard(self) -> None:
        if self._guard is not None:
            self._guard.cancel()
            self._guard = None

    def _trouble(self, explanation: Explanation) -> None:
        self._is.bus.publish(Notice(explanation.reason, explanation.place, explanation.hint, self.wanted.endpoint.name))

    def _explain(self, ended: Exit) -> Explanation:
        tail = [line.text for line in self._is.board.tail(self.wanted.endpoint.name, _TAIL)]
        return explain_exit(self.wanted.endpoint, ended, tail, self._is.requirements())

    def _error(self, explanation: Explanation, then: str = "") -> ServerError:
        hint = "; ".join(part for part in (explanation.hint, then) if part)
        return ServerError(
            f"{self.wanted.endpoint.name}: {explanation.reason}", place=explanation.place, hint=hint or None
        )


def _explained(error: VhlocalError) -> Explanation:
    return Explanation(error.message, error.hint or "", error.place)

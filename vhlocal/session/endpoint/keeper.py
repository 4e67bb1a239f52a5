"""Keeps one endpoint's server as it is wanted: up, in front of the gateway, and with the newest code."""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from vhlocal.errors import EngineError, ServerError, VhlocalError
from vhlocal.events import Notice
from vhlocal.model import State, Strategy
from vhlocal.reload.decide import anew, decide
from vhlocal.reload.staging import SavedAgainError
from vhlocal.session.diagnosis.exits import as_error, backoff, explained_error, least_pause
from vhlocal.session.endpoint.by_strategy import by_strategy
from vhlocal.session.endpoint.post import Post
from vhlocal.session.endpoint.ready import EndedError
from vhlocal.session.endpoint.together import NotTogetherError
from vhlocal.session.limits import GRACE, RETIREMENT
from vhlocal.session.tasks import beside, settle
from vhlocal.session.wanted.desired import difference
from vhlocal.session.wanted.wish import afresh, in_environment_of
from vhlocal.session.warm.runner_client import RunnerGoneError

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator

    from vhlocal.model import ServedAt
    from vhlocal.runtime.base import Entry, Exit
    from vhlocal.session.diagnosis.exits import Explanation
    from vhlocal.session.endpoint.server import Server
    from vhlocal.session.endpoint.surroundings import Surroundings
    from vhlocal.session.endpoint.together import Together
    from vhlocal.session.phases import Phases
    from vhlocal.session.scaler import Spent
    from vhlocal.session.wanted.desired import Desired
    from vhlocal.session.wanted.wish import Wish

#: A server that stayed up for this many seconds starts a new count of crashes.
_HEALTHY = 60.0

#: What goes wrong with bringing code in, and leaves the keeper at work.
_FAILURES = (VhlocalError, EndedError, RunnerGoneError)


class Keeper:
    """One endpoint of the run.

    It lives in one task that does one thing at a time: it watches over the server that is up, starts one where there is
    none, or brings in what was asked for last. A wish gives up what is under way for an older one, and never waits for
    another endpoint. Whatever happens in between, an endpoint without a server is tried again until it runs or the run
    ends. ``vital`` ends the run where it does not come up at first.
    """

    def __init__(self, surroundings: Surroundings, wanted: Desired, at: ServedAt, *, vital: bool) -> None:
        self._surroundings = surroundings
        self._vital = vital
        self._post = Post(surroundings, wanted, at, self.restart)
        self.use, self.look_at_memory = self._post.use, self._post.look_at_memory
        self._wish: Wish | None = None
        self._together: Together | None = None
        self._forgotten = False
        # What is to be started where there is no server, and when, in monotonic seconds, if not at once.
        self._target = wanted
        self._retry_at: float | None = None
        self._news = asyncio.Event()
        # Whether what is under way is past the point where it could be given up, apart from a server's taking over.
        self._committed = False
        self._living: asyncio.Task[None] | None = None
        #: Done when the first server answers, or the reason why not is published; its exception is to end the run.
        self.started: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    # What the session asks for.

    @property
    def at(self) -> ServedAt:
        """Which replica it is."""
        return self._post.at

    def rename(self, at: ServedAt) -> None:
        """Publish it under another name from now on: others have come to its side, or gone."""
        if self._post.name != at.name:
            self._post.at = at
            if self._post.running:
                self._post.tell(State.READY)

    def begin(self, without: VhlocalError | None = None) -> None:
        """Start the server, and keep it from then on; ``without`` is why it has no environment, already reported."""
        if without is not None:
            self._lack(without, self._target)
        self._living = self._surroundings.tasks.start(self._live(), f"keep {self._post.name}")

    def entries(self) -> Iterator[Entry]:
        """Yield what the server is made of, what was asked for last, and what would be started now."""
        for item in (self._post.wanted, self._post.asked, self._target):
            yield from item.spec.entries

    def tell(self, state: State) -> None:
        """Publish the endpoint's state."""
        self._post.tell(state)

    def add(self, wish: Wish) -> None:
        """Start the server that a save has added, once its environment is there."""
        self._take_on(wish)
        self.begin()

    def want(self, wish: Wish, together: Together | None = None) -> None:
        """Bring in a newer version of what is wanted; a failure is reported, not raised: the old server goes on.

        ``together`` is shared by the replicas that it is asked of, where there are several.
        """
        unread, self._post.unread = self._post.unread, None
        pending = self._wish
        if not self._forgotten and not difference(self._post.asked, wish.desired):
            if pending is not None and not pending.made.done():
                self._take_on(replace(pending, made=wish.made))
            elif pending is None and unread is not None and self._post.running:
                self._post.together = together
                self._in_order_again(wish.phases)
            if together is not None:
                together.leave(self.at)
            return
        self._vital, self._forgotten = False, False
        asked, self._post.asked = self._post.asked, wish.desired
        self._together = together
        # Code that was about to come in does not wait for requirements that were saved a moment later either.
        early = pending is not None or asked.environment == wish.desired.environment
        self._take_on(replace(wish, early=early and together is None))

    def restart(self) -> None:
        """Start a server anew, at once, of what was asked for last; the one that is there goes once that answers."""
        self._vital, self._together = False, None
        self._take_on(afresh(self._post.asked, self._wish))

    @property
    def server(self) -> str | None:
        """The id of the server that runs, None while there is none."""
        server = self._post.server
        return server.id if server is not None and server.running else None

    def cannot_read(self, error: VhlocalError) -> None:
        """Mark that the last edit could not be read, so that older code answers."""
        self._post.cannot_read(error)

    async def spent(self) -> Spent | None:
        """Return how much CPU its server has used; None where none takes requests."""
        return await self._post.spent()

    async def stop(self, grace: float = GRACE) -> None:
        """End the server and remove it."""
        server = await self._rest()
        if server is not None:
            await server.stop(grace)
            await server.remove()
        await self._post.all_gone(grace)
        self.tell(State.STOPPED)

    async def retire(self) -> None:
        """End the server once no request is on its way to it: the endpoint is no longer in the project."""
        server = self._post.leave()
        if self._post.running and server is not None and server.address is not None:
            await self._post.drained(server.address)
            await server.emptied(RETIREMENT)  # of older servers in it
        server = await self._rest()
        if server is not None:
            with contextlib.suppress(EngineError):  # it is removed once the engine is back
                await server.stop(GRACE)
            await self._post.discard(server)
        await self._post.all_gone(GRACE)

    async def _rest(self) -> Server | None:
        """Leave off whatever is under way, and return the server that is left."""
        settle(self.started, None)
        if self._living is not None:
            self._living.cancel()
            await asyncio.wait({self._living})
        if self._together is not None:
            self._together.leave(self.at)
        server, self._post.server = self._post.server, None
        return server

    # What it does, one thing after the other.

    async def _live(self) -> None:
        faults = 0
        while True:
            self._news.clear()
            self._committed = False
            wish = self._wish
            try:
                await self._until_news(self._next())
                faults = 0
            except Exception as error:  # noqa: BLE001 - whatever it was, the endpoint is not left alone
                if self._vital:
                    known = error if isinstance(error, VhlocalError) else VhlocalError(f"unexpected: {error!r}")
                    self.started.set_exception(known)
                    return
                self._be_done_with(wish)
                await self._survive(self._post.asked, error)
                faults += 1
                with contextlib.suppress(asyncio.TimeoutError):  # what is no server's fault may fail again at once
                    await asyncio.wait_for(self._news.wait(), backoff(faults))

    async def _until_news(self, step: Coroutine[Any, Any, None]) -> None:
        """Do one thing; give it up when something newer is asked for, unless that comes too late."""
        taken = self._post.taken
        async with beside(step) as (doing,), beside(self._news.wait()) as (hearing,):
            await asyncio.wait({doing, hearing}, return_when=asyncio.FIRST_COMPLETED)
            if doing.done() or self._committed or self._post.taken != taken:
                await doing

    def _next(self) -> Coroutine[Any, Any, None]:
        wish, post = self._wish, self._post
        if wish is not None and wish.made.done():
            return self._bring(wish)
        if wish is not None and wish.early and post.running:
            return self._bring_meanwhile(wish)
        if post.running:
            return self._watch_over()
        if wish is not None and post.taken is None:
            return self._wait_until_made(wish)
        return self._start()

    async def _watch_over(self) -> None:
        """Wait until the server ends by itself, and say why it did."""
        post = self._post
        assert post.server is not None and post.server.ended is not None and post.taken is not None
        post.at_rest = True
        try:
            ended = await asyncio.shield(post.server.ended)
        finally:
            post.at_rest = False
        self._committed = True
        if time.monotonic() - post.taken > _HEALTHY:
            post.crashes = 0
        self._is_down(await post.explain_end(EndedError(ended), post.wanted))

    async def _wait_until_made(self, wish: Wish) -> None:
        self.tell(State.BUILDING)
        await asyncio.wait({wish.made})

    async def _start(self) -> None:
        """Start a server where there is none; where it ended by itself, once a pause that grows has passed (K2)."""
        if self._retry_at is not None:
            await asyncio.sleep(self._retry_at - time.monotonic())
        elif self._post.taken is not None:
            self._post.hold()
        else:
            self.tell(State.STARTING)
        target = self._target
        try:
            await self._begin(target)
        except (VhlocalError, EndedError) as error:
            self._committed = True
            explanation = await self._post.explain(error, target)
            if self._vital:
                self._post.close(target.revision, explanation)
                known = error if isinstance(error, VhlocalError) else as_error(explanation, self._post.name)
                raise known from None
            self._target = self._after(target, error, explanation)
            self._is_down(explanation, target.revision, least_pause(error))

    async def _begin(self, target: Desired) -> None:
        """Start ``target``, with a file system of its own, as in production: nothing of an earlier one is in its way.

        The same code once more is another container of the same pod.
        """
        post = self._post
        await post.all_gone(GRACE)
        if post.server is not None:
            await post.server.clear_away()
        server = post.make(target, post.server if target is post.wanted else None)
        try:
            answered = await post.bring_up(server, target)
        except BaseException:
            post.discard(server)
            raise
        finally:
            self._clear()
        post.take_over(server, target, answered)
        self._is_up()

    def _clear(self) -> None:
        server, self._post.server = self._post.server, None
        if server is not None:
            self._post.discard(server)

    async def _bring(self, wish: Wish) -> None:
        """Bring in what was asked for, and report how that went."""
        wanted, post = wish.desired, self._post
        post.together = together = self._together
        error = wish.made.exception()
        if isinstance(error, VhlocalError):
            self._be_done_with(wish, forgotten=True)
            if post.taken is None:
                self._target = wanted
                self._lack(error, wanted)
            else:
                post.keep_old(wanted, explained_error(error, post.name))
            return
        try:
            strategy = await self._bring_by(wanted, wish.phases, again=wish.afresh)
        except SavedAgainError as error:
            self._be_done_with(wish, forgotten=True)
            self._resume()
            if together is not None:
                together.fail(self.at, await post.explain(error, wanted), again=True)
            self._surroundings.read_again()
        except NotTogetherError as error:
            self._be_done_with(wish, forgotten=error.again)
            if error.again or not post.running:
                self._resume()
            else:
                post.keep_old(wanted, error.why)
        except _FAILURES as failure:
            self._committed = True
            self._be_done_with(wish)
            await self._survive(wanted, failure)
        else:
            self._be_done_with(wish)
            if strategy is not None:
                post.tell_reloaded(strategy, wish.phases)

    async def _bring_meanwhile(self, wish: Wish) -> None:
        """Bring in the code alone, while its environment is still being made; where that fails, it may be for this."""
        wish.early = False
        wanted, phases = in_environment_of(self._post.wanted, wish.desired), wish.phases.copy()
        if wanted is None:
            return
        try:
            strategy = await self._bring_by(wanted, phases)
        except SavedAgainError:
            self._resume()
        except _FAILURES as error:
            self._committed = True
            why = await self._post.explain(error, wanted)
            text = f"revision {wanted.revision} does not start yet: {why.reason}"
            hint = "it is retried once its requirements are installed"
            self._surroundings.bus.publish(Notice(text, why.place, hint, self._post.name))
            self._post.keep_old(wanted, why)
        else:
            if strategy is not None:
                self._post.tell_reloaded(strategy, phases)

    async def _bring_by(self, wanted: Desired, phases: Phases, *, again: bool = False) -> Strategy | None:
        """Bring it in and return how; None, publishing nothing, where it was there already and not wanted ``again``."""
        post = self._post
        if not post.running:
            together, post.together = post.together, None
            if together is not None:
                together.leave(self.at)
            return await self._start_newer(wanted, phases)
        await post.find_exclusive()
        differs = difference(post.wanted, wanted)
        strategy = anew(post.abilities) if again else decide(differs, post.abilities, wanted.bringing.strategy)
        if strategy is None:
            if post.together is not None:
                post.together.leave(self.at)
            return await self._return_to(wanted, phases)
        assert post.server is not None
        memory, life = post.memory, post.server.ended
        post.begin_listening()
        post.beside += 1
        try:
            strategy = await by_strategy(self._surroundings, post, strategy, wanted, phases)
        except BaseException as error:
            post.memory = memory
            if not isinstance(error, Exception):
                self._leave_half_done(life)
            raise
        finally:
            post.beside -= 1
        self._is_up()
        return strategy

    async def _start_newer(self, wanted: Desired, phases: Phases) -> Strategy | None:
        """Start what was asked for where no server is up: at once, whatever pause its last end has asked for."""
        first = self._post.taken is None
        if first:
            self.tell(State.STARTING)
        else:
            self._post.hold()
        self._target = wanted
        await self._begin(wanted)
        phases.mark("ready")
        return None if first else Strategy.REPLACE

    async def _return_to(self, wanted: Desired, phases: Phases) -> Strategy | None:
        """What is wanted runs already; the user may have come back to it from code that was broken or given up."""
        post = self._post
        assert post.server is not None
        await post.server.write(wanted.spec.entries)
        post.wanted = self._target = wanted
        was_broken, post.broken = post.broken is not None, None
        post.lead()
        if not was_broken:
            return None
        phases.mark("sync")
        return post.standing

    # How it goes.

    def _take_on(self, wish: Wish) -> None:
        """Take on a wish; what is under way makes room for it, now and once its environment is there."""
        self._wish = wish
        self._news.set()
        if not wish.made.done():
            wish.made.add_done_callback(lambda _: self._on_made(wish))

    def _be_done_with(self, wish: Wish | None, *, forgotten: bool = False) -> None:
        """Drop a wish, but not a newer one that has come as the last step for this one was done.

        ``forgotten`` has it asked for anew where nothing else is asked for.
        """
        if self._wish is wish:
            self._wish, self._forgotten = None, forgotten

    def _on_made(self, wish: Wish) -> None:
        if self._wish is wish:
            self._news.set()

    def _in_order_again(self, phases: Phases) -> None:
        """The project can be read again, and asks for what was tried last."""
        self._post.lead()
        if self._post.broken is None:
            phases.mark("look")
            self._post.tell_reloaded(self._post.standing, phases)

    async def _survive(self, wanted: Desired, error: Exception) -> None:
        """Report why new code did not come up; the old server goes on, or is started again where it has gone too."""
        post = self._post
        if isinstance(error, EndedError):
            error = await post.with_its_container(error)
        explanation = await post.explain(error, wanted)
        first = post.together is None or post.together.fail(self.at, explanation)
        if post.running:
            goes_on = f"revision {post.wanted.revision} keeps serving; save a fix to try again"
            if first:
                post.tell_problem(explanation, goes_on)
            post.keep_old(wanted, explanation)
            return
        self._target = self._after(wanted, error, explanation)
        if self._target is wanted:
            self._is_down(explanation, wanted.revision, least_pause(error))
            return
        post.tell_problem(explanation, f"starting revision {self._target.revision} again")
        post.close(wanted.revision, explanation)

    def _after(self, failed: Desired, error: Exception, explanation: Explanation) -> Desired:
        """Return what is to be started next: the last code that ran, where it was the code that failed."""
        post = self._post
        of_the_code = isinstance(error, (EndedError, ServerError))
        if failed is post.wanted or post.taken is None or not of_the_code:
            return failed
        post.broken = (failed.revision, explanation)
        return post.wanted

    def _resume(self) -> None:
        """Let the server that was there go on."""
        if self._post.running:
            self._post.lead()

    def _leave_half_done(self, life: asyncio.Future[Exit] | None) -> None:
        """Let the server that was there go on, as long as it still leads that ``life``.

        One that was just being ended, or begun again with other files, is neither the old server nor the new one.
        """
        server = self._post.server
        if server is not None and server.running and (server.stopping or server.ended is not life):
            self._clear()
        self._resume()

    def _is_up(self) -> None:
        self._target, self._retry_at = self._post.wanted, None
        self._vital = False
        settle(self.started, None)

    def _lack(self, error: VhlocalError, wanted: Desired) -> None:
        """Mark that the environment could not be made, which has been reported: the next save is the next try."""
        self._forgotten = True
        self._wait_after(explained_error(error, self._post.name), wanted.revision, least_pause(error))
        settle(self.started, None)

    def _is_down(self, explanation: Explanation, revision: str = "", least: float = 0.0) -> None:
        """Publish why there is no server and when the next is started: later each time, and after ``least`` seconds."""
        wait = self._wait_after(explanation, revision or self._target.revision, least)
        at_save = ", or when you save" if self._surroundings.reloads else ""
        self._post.tell_problem(explanation, f"trying again in {wait:.0f} s{at_save}")
        settle(self.started, None)

    def _wait_after(self, explanation: Explanation, revision: str, least: float) -> float:
        """Mark why there is no server, and return the seconds until the next is started."""
        self._post.crashes += 1
        wait = max(least, backoff(self._post.crashes))
        self._retry_at = time.monotonic() + wait
        self._post.close(revision, explanation)
        return wait

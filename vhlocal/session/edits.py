"""From the user's saves to the fleet: what was touched is read again, and what differs is brought in."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vhlocal.errors import VhlocalError
from vhlocal.events import Notice, Problem
from vhlocal.reload.batch import Batch
from vhlocal.reload.staging import SavedAgainError
from vhlocal.reload.watch import Watch
from vhlocal.session.desired import Desired, Inputs, difference
from vhlocal.session.phases import Phases
from vhlocal.session.tasks import beside, in_thread

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from pathlib import Path

    from vhlocal.events import Bus
    from vhlocal.reload.source import Polling
    from vhlocal.session.load import Loaded
    from vhlocal.session.tasks import Tasks

    Load = Callable[[Inputs, frozenset[Path] | None], Loaded]
    Desire = Callable[[Inputs], tuple[Desired, ...]]
    Prepare = Callable[[tuple[Desired, ...]], Awaitable[None]]
    Bring = Callable[[Sequence[Desired], Phases], Awaitable[None]]

#: Seconds from a reload to a look at the whole project: the newest revision and the running one are compared.
_SOON = 0.5

#: Seconds between two such looks while nothing happens, or so many times what one costs, if that is more: 0.5 % of a
#: core at most.
_SELDOM = 10.0
_TIMES_ITS_COST = 200.0


@dataclass(frozen=True)
class Means:
    """How edits are read and brought in.

    ``load`` reads the project, ``desire`` tells what is wanted, ``prepare`` makes the environments for it, ``bring``
    brings it in.
    """

    load: Load
    desire: Desire
    prepare: Prepare
    bring: Bring


class Edits:
    """Follows the project in ``directory``; see ``Means``."""

    def __init__(self, directory: Path, means: Means, bus: Bus, tasks: Tasks) -> None:
        self._directory = directory
        self._load = means.load
        self._desire = means.desire
        self._prepare = means.prepare
        self._bring = means.bring
        self._bus = bus
        self._tasks = tasks
        self._loop = asyncio.get_running_loop()
        self._batch = Batch(time.monotonic)
        self._dirty = asyncio.Event()
        self._cost = 0.0
        self._told = ""

    async def follow(self, inputs: Inputs, wanted: tuple[Desired, ...]) -> None:
        """Bring in every edit, beginning with those since ``inputs`` were read; never returns."""
        self.inputs = inputs
        self._known = True
        self._tried = wanted
        self._prepared = [item.environment for item in wanted]
        self._tasks.start(self._look_now_and_then(), "look at the whole project now and then")
        while True:
            files = self._files()
            watch = Watch(self._directory, files, self._on_event, self._tell_polling)
            try:
                polling = await in_thread(watch.start)
                if polling is not None:
                    self._tell_polling(polling)
                # An edit made before this moment, such as while images were built, has caused no event.
                self._noticed(None)
                while self._files() == files:
                    await self._follow_one()
            finally:
                await in_thread(watch.stop)

    def _files(self) -> frozenset[Path]:
        """Return the files that are watched besides the project: what else was read, such as models."""
        return frozenset(self.inputs.sources)

    def _tell_polling(self, polling: Polling) -> None:
        self._bus.publish(Notice(polling.text, hint=polling.hint))

    async def _follow_one(self) -> None:
        touched, phases = await self._next()
        wanted = await self._look(touched, phases)
        while wanted is not None:
            wanted, phases = await self._bring_or_newer(wanted, phases)

    async def _bring_or_newer(
        self, wanted: tuple[Desired, ...], phases: Phases
    ) -> tuple[tuple[Desired, ...] | None, Phases]:
        """Bring it in; where something newer is wanted before it answers, give up and return that."""
        async with beside(self._bring_and_tell(wanted, phases)) as (bringing,):
            while not bringing.done():
                async with beside(self._next()) as (saved,):
                    await asyncio.wait({bringing, saved}, return_when=asyncio.FIRST_COMPLETED)
                    if not saved.done():
                        break
                    touched, phases = saved.result()
                newer = await self._look(touched, phases)
                if newer is not None:
                    return newer, phases
            bringing.result()
        return None, phases

    async def _bring_and_tell(self, wanted: tuple[Desired, ...], phases: Phases) -> None:
        try:
            await self._bring(wanted, phases)
        except SavedAgainError:
            # What was read is not what is there any more: its event is on the way, or was lost.
            self._tried = ()
            self._noticed(None)
            return
        self._loop.call_later(_SOON, self._noticed, None)

    async def _next(self) -> tuple[frozenset[Path] | None, Phases]:
        """Wait for events until they pause; return what they touched. Nothing is lost where this is cancelled."""
        while True:
            await self._dirty.wait()
            while (wait := self._batch.remaining()) is not None and wait > 0:
                await asyncio.sleep(wait)
            self._dirty.clear()
            began = self._batch.began
            if began is not None:
                touched = self._batch.take()
                phases = Phases(began)
                phases.mark("event")
                return touched, phases

    async def _look(self, touched: frozenset[Path] | None, phases: Phases) -> tuple[Desired, ...] | None:
        """Read what was touched; return what is wanted now, with its environments made, or None where that is known."""
        began = time.process_time()
        # What a look that failed has seen is not known: the next one sees everything.
        known, self._known = self._known, False
        try:
            inputs, notices = await in_thread(self._load, self.inputs, touched if known else None)
            wanted = self._desire(inputs)
            if not self._differs(wanted):
                self.inputs, self._known, self._told = inputs, True, ""
                return None
            self._tried = wanted
            for notice in notices:
                self._bus.publish(notice)
            # An engine is not asked for images that it has just been asked for.
            if any(item.environment not in self._prepared for item in wanted):
                await self._prepare(wanted)
                self._prepared = [item.environment for item in wanted]
        except VhlocalError as error:
            self._tell(error, again=touched is not None)
            return None
        finally:
            if touched is None:
                self._cost = time.process_time() - began
        self.inputs, self._known, self._told = inputs, True, ""
        phases.mark("look")
        return wanted

    def _differs(self, wanted: tuple[Desired, ...]) -> bool:
        known = {item.endpoint.name: item for item in self._tried}
        return known.keys() != {item.endpoint.name for item in wanted} or any(
            difference(known[item.endpoint.name], item) for item in wanted
        )

    def _tell(self, error: VhlocalError, *, again: bool) -> None:
        """Tell what is wrong with the project; a look that nobody caused does not repeat it."""
        text = f"{error.message}\n{error.place}"
        if again or text != self._told:
            self._told = text
            self._bus.publish(Problem(error))

    async def _look_now_and_then(self) -> None:
        while True:
            await asyncio.sleep(max(_SELDOM, self._cost * _TIMES_ITS_COST))
            self._noticed(None)

    def _on_event(self, path: Path | None) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._noticed, path)

    def _noticed(self, path: Path | None) -> None:
        self._batch.add(path)
        self._dirty.set()

"""From the user's saves to the fleet: what was touched is read again, and what differs is brought in."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from vhlocal.errors import VhlocalError
from vhlocal.events import Edited, Notice, Problem
from vhlocal.loops import call_soon
from vhlocal.reload.batch import Batch
from vhlocal.reload.watch import Watch
from vhlocal.session.phases import Phases
from vhlocal.session.tasks import in_thread
from vhlocal.session.wanted.desired import Desired, Inputs, difference
from vhlocal.session.wanted.environments import tell_problems
from vhlocal.session.wanted.wish import Wish
from vhlocal.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
    from pathlib import Path

    from vhlocal.events import Bus
    from vhlocal.model import ServedAt
    from vhlocal.reload.source import Polling
    from vhlocal.session.tasks import Tasks
    from vhlocal.session.wanted.execute import IsNeeded
    from vhlocal.session.wanted.load import Loaded
    from vhlocal.session.wanted.plan import Environment

    Load = Callable[[Inputs, frozenset[Path] | None], Loaded]
    Desire = Callable[[Inputs], tuple[Desired, ...]]
    Prepare = Callable[[tuple[Desired, ...], IsNeeded], Awaitable[Mapping[ServedAt, VhlocalError]]]

#: Seconds from a reload to a look at the whole project: the newest revision and the running one are compared.
_SOON = 0.5

#: Seconds between two such looks while nothing happens, or so many times what one costs, if that is more: 0.5 % of a
#: core at most.
_SELDOM = 10.0
_TIMES_ITS_COST = 200.0


@dataclass(frozen=True)
class EditNeeds:
    """How edits are read and brought in.

    ``load`` reads the project, ``desire`` returns what is wanted, ``prepare`` makes the environments for it, publishing
    only of images on which something still stands, and returns why those of some endpoints are not there, ``want`` asks
    every endpoint for it, and ``cannot_read`` marks all of them as older than what was saved.
    """

    load: Load
    desire: Desire
    prepare: Prepare
    want: Callable[[Sequence[Wish]], None]
    cannot_read: Callable[[VhlocalError], None]


class Edits:
    """Follows the project; see ``EditNeeds``.

    What is wanted is asked for and not waited for: the next save is read while endpoints still bring in the one before,
    start, or have their environments made.
    """

    def __init__(self, inputs: Inputs, needs: EditNeeds, bus: Bus, tasks: Tasks) -> None:
        #: The project as it was read last.
        self.inputs = inputs
        self._needs = needs
        self._bus = bus
        self._tasks = tasks
        self._loop = asyncio.get_running_loop()
        self._batch = Batch(time.monotonic)
        self._dirty = asyncio.Event()
        self._cost = 0.0
        self._reported = ""
        # Whether the last edit could not be read, and whether an environment of the last could not be made.
        self._unread = self._failed = False
        self._there: asyncio.Future[None] = self._loop.create_future()
        self._there.set_result(None)
        #: What makes environments at this moment, and the images that each may be making.
        self._making: dict[asyncio.Task[None], frozenset[str]] = {}
        #: The images on which what was asked for last stands.
        self._images: frozenset[str] = frozenset()

    async def follow(self, wanted: tuple[Desired, ...], without: Collection[ServedAt] = ()) -> None:
        """Bring in every edit, beginning with those since the project was read; never returns.

        ``wanted`` is asked for already. ``without`` are the endpoints whose environments could not be made: the next
        save is the next try.
        """
        self._known = True
        self._tried = wanted
        self._prepared = [item.environment for item in wanted if item.at not in without]
        self._failed = bool(without)
        self._tasks.start(self._look_now_and_then(), "look at the whole project now and then")
        while True:
            files = self._files()
            watch = Watch(self.inputs.package.directory, files, self._on_event, self._tell_polling)
            try:
                polling = await in_thread(watch.start)
                if polling is not None:
                    self._tell_polling(polling)
                # An edit made before this moment, such as while images were built, has caused no event.
                self._noticed(None)
                while self._files() == files:
                    touched, phases = await self._next()
                    await self._look(touched, phases)
            finally:
                await in_thread(watch.stop)

    def look_soon(self) -> None:
        """Look at the whole project in a moment: an edit was brought in, which may have been followed by another."""
        self._loop.call_later(_SOON, self._noticed, None)

    def read_again(self) -> None:
        """Read the project again: what was read is not what is there any more; its event is on the way, or was lost."""
        self._tried = ()
        self._noticed(None)

    def _files(self) -> frozenset[Path]:
        """Return the files that are watched besides the project: what else was read, such as models."""
        return frozenset(self.inputs.sources)

    def _tell_polling(self, polling: Polling) -> None:
        self._bus.publish(Notice(polling.text, hint=polling.hint))

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

    async def _look(self, touched: frozenset[Path] | None, phases: Phases) -> None:
        """Read what was touched, and ask for what is wanted now, where that is not known yet."""
        began = time.process_time()
        # What a look that failed has seen is not known: the next one sees everything.
        known, self._known = self._known, False
        try:
            inputs, notices = await in_thread(self._needs.load, self.inputs, touched if known else None)
            wanted = self._needs.desire(inputs)
        except VhlocalError as error:
            if not self._unread or touched is not None:
                self._bus.publish(Edited("", self._paths(touched or ()), error))
            self._unread = True
            self._tell(error, again=touched is not None)
            self._needs.cannot_read(error)
            return
        finally:
            if touched is None:
                self._cost = time.process_time() - began
        before = self.inputs
        self.inputs, self._known, self._reported = inputs, True, ""
        phases.mark("look")
        if self._differs(wanted):
            self._bus.publish(Edited(inputs.package.revision, self._changed(before, touched)))
            for notice in notices:
                self._bus.publish(notice)
        elif not self._unread and (touched is None or not self._failed):
            return
        self._tried, self._unread, self._failed = wanted, False, False
        self._ask(wanted, phases)

    def _changed(self, before: Inputs, touched: frozenset[Path] | None) -> tuple[str, ...]:
        """Return the paths of what differs from the inputs before: files of the package, and others that were read."""
        old, new = before.package.files, self.inputs.package.files
        differs = {path for path in old.keys() | new.keys() if old.get(path) != new.get(path)}
        return tuple(sorted({*differs, *self._paths((touched or frozenset()) & self.inputs.sources)}))

    def _paths(self, files: Iterable[Path]) -> tuple[str, ...]:
        directory = self.inputs.package.directory
        return tuple(
            sorted(str(file.relative_to(directory) if file.is_relative_to(directory) else file) for file in files)
        )

    def _ask(self, wanted: tuple[Desired, ...], phases: Phases) -> None:
        self._images = _images(item.environment for item in wanted)
        # An engine is not asked for images that it has just been asked for.
        missing = [item for item in wanted if item.environment not in self._prepared]
        made = self._make(wanted) if missing else {}
        self._needs.want(
            [Wish(item, phases.copy(), made[item.at] if item in missing else self._there) for item in wanted]
        )

    def _make(self, wanted: tuple[Desired, ...]) -> dict[ServedAt, asyncio.Future[None]]:
        """Have environments made, after those that make a part of them; each endpoint's is done when its own is there.

        An installation that nobody needs any more may take minutes: another one does not wait for it.
        """
        made: dict[ServedAt, asyncio.Future[None]] = {item.at: self._loop.create_future() for item in wanted}
        before = {making for making, images in self._making.items() if images & self._images}
        making = self._tasks.start(self._prepare(wanted, made, before), "make environments")
        self._making[making] = self._images - _images(self._prepared)
        making.add_done_callback(self._making.pop)
        return made

    async def _prepare(
        self,
        wanted: tuple[Desired, ...],
        made: dict[ServedAt, asyncio.Future[None]],
        before: Collection[asyncio.Task[None]],
    ) -> None:
        if before:
            await asyncio.wait(before)
        if wanted is not self._tried:
            return  # something newer is asked for by now, and nobody waits for this
        try:
            failed = await self._needs.prepare(wanted, lambda image: image in self._images)
        except Exception as error:  # noqa: BLE001 - whatever it was, endpoints are not left to wait for it
            known = error if isinstance(error, VhlocalError) else VhlocalError(f"unexpected: {error!r}")
            failed = dict.fromkeys(made, known)
        if wanted is self._tried:  # what a newer save has no need of is nobody's trouble
            self._failed = bool(failed)
            tell_problems(self._bus, failed)
        kept = self._prepared if failed or wanted is not self._tried else []
        self._prepared = [*kept, *(item.environment for item in wanted if item.at not in failed)]
        for at, future in made.items():
            if at in failed:
                future.set_exception(failed[at])
                future.exception()  # an endpoint that has gone meanwhile does not ask for it
            else:
                future.set_result(None)

    def _differs(self, wanted: tuple[Desired, ...]) -> bool:
        known = {item.at: item for item in self._tried}
        return known.keys() != {item.at for item in wanted} or any(difference(known[item.at], item) for item in wanted)

    def _tell(self, error: VhlocalError, *, again: bool) -> None:
        """Report what is wrong with the project; a look that nobody caused does not repeat it."""
        text = f"{error.message}\n{error.place}"
        if again or text != self._reported:
            self._reported = text
            self._bus.publish(Problem(error))

    async def _look_now_and_then(self) -> None:
        while True:
            await asyncio.sleep(max(_SELDOM, self._cost * _TIMES_ITS_COST))
            self._noticed(None)

    def _on_event(self, path: Path | None) -> None:
        call_soon(self._loop, self._noticed, path)

    def _noticed(self, path: Path | None) -> None:
        self._batch.add(path)
        self._dirty.set()


def _images(environments: Iterable[Environment]) -> frozenset[str]:
    """Return the images that environments stand on, and they themselves."""
    return frozenset(name for each in environments for name in (each.base, *(layer.tag for layer in each.layers)))

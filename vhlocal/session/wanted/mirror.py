"""Keeps copies of what servers are made of, so that what they were can be had again, and of nothing else."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from vhlocal.errors import VhlocalError
from vhlocal.events import Event, Problem, Reloaded
from vhlocal.loops import call_soon
from vhlocal.reload.staging import SavedAgainError, Staging, content_name
from vhlocal.session.tasks import in_thread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from vhlocal.events import Bus
    from vhlocal.model import Package
    from vhlocal.runtime.base import Entry
    from vhlocal.session.tasks import Tasks


class Mirror:
    """A mirror of the project in ``staging``.

    ``package`` gives the project as it was read last; ``entries`` what servers are made of, are to be made of, and may
    have to go back to.
    """

    def __init__(
        self,
        staging: Staging,
        tasks: Tasks,
        package: Callable[[], Package],
        entries: Callable[[], Iterable[Entry]],
    ) -> None:
        self._staging = staging
        self._tasks = tasks
        self._package = package
        self._entries = entries
        self._loop = asyncio.get_running_loop()
        self._copied: set[str] = set()
        self._due = False
        self._working: asyncio.Task[None] | None = None

    @contextlib.contextmanager
    def follow(self, bus: Bus) -> Iterator[None]:
        """Copy what has come, and forget what nobody can go back to, now and whenever an edit was brought in, or not.

        Beside everything else, for as long as the block lasts.
        """

        def on_event(event: Event) -> None:
            if isinstance(event, (Reloaded, Problem)):
                call_soon(self._loop, self._begin)

        unsubscribe = bus.subscribe(on_event)
        self._begin()
        try:
            yield
        finally:
            unsubscribe()

    async def keep(self, bus: Bus, up: asyncio.Event) -> None:
        """Follow once the run is ``up``: a start goes first. Never returns."""
        await up.wait()
        with self.follow(bus):
            await asyncio.get_running_loop().create_future()

    def _begin(self) -> None:
        self._due = True
        if self._working is None or self._working.done():
            self._working = self._tasks.start(self._renew(), "mirror the project")

    async def _renew(self) -> None:
        while self._due:
            self._due = False
            self._staging.mark()
            await in_thread(self._copy_and_forget, self._package(), tuple(self._entries()))

    def _copy_and_forget(self, package: Package, entries: tuple[Entry, ...]) -> None:
        needed = {file.digest for file in package.files.values()}
        needed |= {entry.digest or content_name(entry.content or b"") for entry in entries}
        self._copied &= needed
        for file in package.files.values():
            if file.link is None and file.digest not in self._copied:
                # What has changed since is read again, and then copied.
                with contextlib.suppress(SavedAgainError, VhlocalError):
                    self._copied.add(self._staging.keep(file.digest, file.source))
        with contextlib.suppress(OSError):
            self._staging.forget_others(needed)

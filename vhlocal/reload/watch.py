"""Edits of the user's directory, noticed. Nothing is decided here: a path only says where it is time to look."""

from __future__ import annotations

import contextlib
import secrets
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from vhlocal.project.unpackaged import Unpackaged
from vhlocal.reload.mounts import mount_table, shared_kind
from vhlocal.reload.poller import Poller
from vhlocal.reload.source import NoEvents, Polling, Subject

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from vhlocal.reload.mounts import Mount
    from vhlocal.reload.source import Source

__all__ = ["PROBE", "Polling", "Watch"]

#: What the name of the file begins with whose making tests that events arrive; dotted, hence never packaged.
PROBE = ".vhlocal-probe-"

#: Seconds within which its event has to arrive. Where any do arrive, it takes milliseconds.
_PROBE_SECONDS = 2.0

_events: Callable[[Subject], Source]
if sys.platform == "linux":
    from vhlocal.reload.inotify_watch import InotifyEvents as _events
else:
    from vhlocal.reload.watchdog_watch import WatchdogEvents as _events


class Watch:
    """Calls ``on_event`` from a thread of its own with each absolute path that may have changed.

    With None when anything may have: events were lost, the directory was made anew, or polling found a difference.
    ``files`` are single files, such as models, that count wherever they are; below ``directory``, directories that
    cannot contribute to the package do not count. ``on_polling`` is called, from a thread as well, when events stop
    being available later on.

    The rest is for tests: ``events`` makes the source of events, ``mounts`` gives the mount table, ``unpackaged`` makes
    the function that finds directories that do not matter, ``probe_seconds`` is how long the probe may take.
    """

    def __init__(  # noqa: PLR0913 - four of them are seams
        self,
        directory: Path,
        files: Iterable[Path],
        on_event: Callable[[Path | None], None],
        on_polling: Callable[[Polling], None] = lambda _: None,
        *,
        events: Callable[[Subject], Source] = _events,
        mounts: Callable[[], Iterable[Mount]] = mount_table,
        unpackaged: Callable[[Path], Callable[[str], bool]] = lambda directory: Unpackaged(directory).has,
        probe_seconds: float = _PROBE_SECONDS,
    ) -> None:
        self._directory = directory
        self._files = tuple(files)
        self._on_event = on_event
        self._on_polling = on_polling
        self._events = events
        self._mounts = mounts
        self._unpackaged = unpackaged
        self._probe_seconds = probe_seconds
        self._probe_start = str(directory / PROBE)
        self._probed = threading.Event()
        self._sources: list[Source] = []
        self._lock = threading.Lock()
        self._stopped = False

    def start(self) -> Polling | None:
        """Begin to watch; return why that is by polling, which the user should know, or None when it is by events.

        Blocks while directories are listed and until the probe's event arrives, some two seconds when it does not.
        What changes after the return is noticed; what changed before may not be.
        """
        table = tuple(self._mounts())
        kind = shared_kind(self._directory, table)
        if kind is not None:
            polling: Polling | None = Polling(f"{self._directory} is on a shared file system ({kind})")
        else:
            polling = self._wait_for_events(tuple(file for file in self._files if not shared_kind(file, table)))
        if polling is not None:
            self._add(Poller(self._subject(self._files)))
        elif shared := tuple(file for file in self._files if shared_kind(file, table)):
            # Looking at a few single files costs next to nothing: nobody has to know.
            self._add(Poller(self._subject(shared), directory=False))
        return polling

    def stop(self) -> None:
        """Stop watching: ``on_event`` is not called any more after the return."""
        with self._lock:
            self._stopped = True
            sources, self._sources = self._sources, []
        for source in sources:
            source.stop()

    def _subject(self, files: tuple[Path, ...]) -> Subject:
        return Subject(
            directory=self._directory,
            files=files,
            unpackaged=lambda: self._unpackaged(self._directory),
            report=self._report,
            fail=self._go_over_to_polling,
        )

    def _wait_for_events(self, files: tuple[Path, ...]) -> Polling | None:
        """Wait for events from now on; return why they cannot be had, if so."""
        source = self._events(self._subject(files))
        try:
            source.start()
        except NoEvents as error:
            return error.polling
        if not self._probe_arrives():
            source.stop()
            return Polling(f"no file events arrive from {self._directory}")
        self._keep(source)
        return None

    def _probe_arrives(self) -> bool:
        """Tell whether an event comes of a file that is made and removed; true where none can be made."""
        probe = Path(self._probe_start + secrets.token_hex(8))
        try:
            probe.touch(exist_ok=False)
        except OSError:
            return True
        try:
            return self._probed.wait(self._probe_seconds)
        finally:
            with contextlib.suppress(OSError):
                probe.unlink()

    def _add(self, source: Source) -> None:
        source.start()
        self._keep(source)

    def _keep(self, source: Source) -> None:
        with self._lock:
            if not self._stopped:
                self._sources.append(source)
                return
        source.stop()

    def _go_over_to_polling(self, polling: Polling) -> None:
        """Take over from a source that has ended by itself."""
        self._add(Poller(self._subject(self._files)))
        self._on_polling(polling)
        self._on_event(None)

    def _report(self, path: str | None) -> None:
        if path is None:
            self._on_event(None)
        elif path.startswith(self._probe_start):
            self._probed.set()
        else:
            self._on_event(Path(path))

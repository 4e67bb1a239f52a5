"""File events where the system itself watches whole trees (macOS, Windows), by watchdog."""

from __future__ import annotations

import os
import threading
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer

from vhlocal.reload.source import (
    ASK_AGAIN,
    ASKING_SHARE,
    DECIDING,
    LOOK_AGAIN,
    LOOK_FOR_ABSENT,
    NoEvents,
    Polling,
    identity,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from watchdog.observers.api import BaseObserver

    from vhlocal.reload.source import Subject

_CHANGES = frozenset({"attrib", "closed", "created", "deleted", "modified", "moved"})


class WatchdogEvents:
    """A ``Source`` by watchdog. What does not matter is watched as well, and its events are dropped."""

    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        self._root = str(subject.directory)
        self._unpackaged: Callable[[str], bool] = lambda _: False
        self._observer: BaseObserver | None = None
        self._places: dict[str, tuple[int, int] | None] = {}
        self._lost = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._look_after, name="file events", daemon=True)
        self._ask_at = float("inf")
        #: Directories whose events were dropped since they were new, though nobody was asked whether they matter.
        self._doubtful: set[str] = set()

    def start(self) -> None:
        """Begin to watch; NoEvents when the system grants no watches."""
        try:
            self._observe()
        except OSError as error:
            raise NoEvents(Polling(f"the system provides no file events: {error.strerror or error}")) from error
        self._thread.start()

    def stop(self) -> None:
        """End, and wait for it."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()
        self._end()

    def _observe(self) -> None:
        self._end()
        chosen = self._subject.names_by_parent()
        self._places = {place: identity(place) for place in (self._root, *chosen)}
        self._ask()
        observer = Observer()
        try:
            observer.schedule(_Handler(self._take), self._root, recursive=True)
            for parent, names in chosen.items():
                if parent != self._root and self._places[parent] is not None:
                    observer.schedule(_Handler(partial(self._take_chosen, parent, names)), parent, recursive=False)
            observer.start()
        except OSError:
            observer.stop()
            raise
        self._observer = observer

    def _end(self) -> None:
        if self._observer is not None:
            self._observer.stop()
            self._observer.join()
            self._observer = None

    def _take(self, path: str, event: FileSystemEvent) -> None:
        if path == self._root:
            self._lost.set()
            return
        within = path[len(self._root) + 1 :].replace(os.sep, "/")
        above, _, name = within.rpartition("/")
        if self._unpackaged(above):
            return
        if event.is_directory:
            self._due()
            if self._unpackaged(within):
                self._doubtful.add(within)
                if within != ".git":
                    return
        elif name in DECIDING:
            self._due()
        self._subject.report(path)

    def _take_chosen(self, parent: str, names: dict[str, str], path: str, _: FileSystemEvent) -> None:
        name = Path(path).name
        if path == parent:
            self._lost.set()
        elif name in names:
            self._subject.report(names[name])

    def _due(self) -> None:
        self._ask_at = min(self._ask_at, time.monotonic() + ASK_AGAIN)

    def _ask(self) -> None:
        self._ask_at = float("inf")
        self._unpackaged = self._subject.unpackaged()
        doubtful, self._doubtful = self._doubtful, set()
        if not all(map(self._unpackaged, doubtful)):
            self._subject.report(None)

    def _look_after(self) -> None:
        """See whether the directories are still the same, and ask which of them matter when that is due."""
        pause = LOOK_AGAIN
        while not self._stopping.wait(pause):
            since = time.monotonic()
            if self._lost.is_set() or any(identity(place) != was for place, was in self._places.items()):
                self._begin_anew()
            elif since >= self._ask_at:
                self._ask()
            absent = self._lost.is_set() or None in self._places.values()
            pause = LOOK_FOR_ABSENT if absent else max(LOOK_AGAIN, ASKING_SHARE * (time.monotonic() - since))

    def _begin_anew(self) -> None:
        self._lost.clear()
        try:
            self._observe()
        except OSError:
            self._lost.set()  # the directory is not there yet
        else:
            self._subject.report(None)


class _Handler(FileSystemEventHandler):
    def __init__(self, take: Callable[[str, FileSystemEvent], None]) -> None:
        self._take = take

    def on_any_event(self, event: FileSystemEvent) -> None:
        """Hand on each path of what may be a change: no reads, and not that something in a directory changed."""
        if event.event_type in _CHANGES and not (event.is_directory and event.event_type in {"attrib", "modified"}):
            for path in (event.src_path, event.dest_path):
                if path:
                    self._take(os.fsdecode(path), event)

"""Events of a tree of directories on Linux, one inotify watch for each directory that matters.

Not by watchdog: it watches all below a directory or needs threads for each part, and before its version 7 an inotify
instance too; it reports neither an exhausted limit nor lost events, keeps a move that it cannot pair for half a
second, and its thread dies of directories that are made, or moved into one another, in quick succession (7.1).
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from vhlocal.reload.inotify import (
    ATTRIB,
    CREATE,
    DELETE_SELF,
    IGNORED,
    IS_DIRECTORY,
    MODIFY,
    MOVE_SELF,
    MOVED_FROM,
    MOVED_TO,
    OVERFLOW,
    Inotify,
)
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

    from vhlocal.reload.inotify import Event
    from vhlocal.reload.source import Subject


#: Seconds that a file which is being written gets to be closed. A writer that empties a file may need a while to fill
#: it; one that keeps it open, such as a log's, never says when it is done.
_TO_CLOSE = 0.5


class InotifyEvents:
    """A ``Source`` by inotify.

    Links to directories are not followed: what is behind them is not packaged. A file that is being written is reported
    once it was closed.
    """

    def __init__(self, subject: Subject, *, to_close: float = _TO_CLOSE) -> None:
        self._subject = subject
        self._to_close = to_close
        self._root = str(subject.directory)
        self._within = len(self._root) + 1
        self._unpackaged: Callable[[str], bool] = lambda _: False
        self._inotify: Inotify | None = None
        self._closing = threading.Lock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="file events", daemon=True)
        # The watched directories of the tree, both ways, and the chosen files by the watches of theirs.
        self._watches: dict[str, int] = {}
        self._paths: dict[int, str] = {}
        self._chosen: dict[int, dict[str, str]] = {}
        self._places: dict[str, tuple[int, int] | None] = {}
        #: Files that are being written, by the time at which they are reported all the same.
        self._open: dict[str, float] = {}
        self._lost = False
        self._look_at = 0.0
        self._ask_at = float("inf")
        self._ask_not_before = 0.0

    def start(self) -> None:
        """Begin to watch; NoEvents when the system grants no watches, or not as many as are needed."""
        try:
            self._inotify = Inotify()
            self._watch_all()
        except OSError as error:
            self._close()
            raise NoEvents(_refusal(error)) from error
        self._thread.start()

    def stop(self) -> None:
        """End, and wait for it."""
        self._stopping.set()
        with self._closing:
            if self._inotify is not None:
                self._inotify.wake()
        if self._thread.is_alive():
            self._thread.join()

    @property
    def _granted(self) -> Inotify:
        assert self._inotify is not None
        return self._inotify

    def _close(self) -> None:
        with self._closing:
            if self._inotify is not None:
                self._inotify.close()
            self._inotify = None

    def _run(self) -> None:
        failure = None
        try:
            while not self._stopping.is_set():
                due = min(self._look_at, self._ask_at, *self._open.values())
                for event in self._granted.read(due - time.monotonic()):
                    self._take(event)
                self._look_after()
        except OSError as error:
            failure = _refusal(error)
        except Exception as error:  # noqa: BLE001 - whatever it is, edits have to be noticed still
            failure = Polling(f"waiting for file events failed: {error!r}")
        self._close()
        if failure is not None:
            self._subject.fail(failure)

    def _take(self, event: Event) -> None:
        if event.flags & OVERFLOW:
            self._lost = True
        elif event.flags & (IGNORED | DELETE_SELF | MOVE_SELF):
            self._take_of_itself(event)
        elif not event.name:
            return  # a directory's own look: the one above reports it
        elif event.watch in self._chosen:
            if event.name in self._chosen[event.watch]:
                self._take_file(self._chosen[event.watch][event.name], event.flags)
                self._ask()  # it may be a link, and lead elsewhere now
        elif event.watch in self._paths:
            path = f"{self._paths[event.watch]}{os.sep}{event.name}"
            if event.flags & IS_DIRECTORY:
                self._take_directory(path, event.flags)
            else:
                if event.name in DECIDING:
                    self._ask()
                self._take_file(path, event.flags)

    def _take_file(self, path: str, flags: int) -> None:
        if flags & MODIFY or (flags & CREATE and _is_fresh(path)):
            self._open.setdefault(path, time.monotonic() + self._to_close)
        elif flags & ATTRIB and path in self._open:
            return  # as `touch` does, or an editor before it writes
        else:
            self._open.pop(path, None)
            self._subject.report(path)

    def _take_of_itself(self, event: Event) -> None:
        """Take the end of a watch, or of a directory's being where it was, which the one above reports as well."""
        path = self._paths.get(event.watch)
        self._lost |= path == self._root or event.watch in self._chosen
        if event.flags & IGNORED:
            self._chosen.pop(event.watch, None)
            if path is not None:
                del self._paths[event.watch], self._watches[path]

    def _take_directory(self, path: str, flags: int) -> None:
        if flags & MOVED_FROM:
            self._forget(path)
        if flags & (CREATE | MOVED_TO):
            self._ask()
        if self._unpackaged(path[self._within :]):
            # Nothing in there matters, but that there is a repository does.
            if path == f"{self._root}{os.sep}.git" and flags & ~(ATTRIB | IS_DIRECTORY):
                self._ask()
                self._subject.report(path)
            return
        if flags & (CREATE | MOVED_TO | ATTRIB):
            self._watch_tree(path)  # by its new look, it may be one that we may read
        self._subject.report(path)

    def _ask(self) -> None:
        """Note that it has to be asked anew which directories matter."""
        self._ask_at = min(self._ask_at, max(time.monotonic() + ASK_AGAIN, self._ask_not_before))

    def _look_after(self) -> None:
        """Do what is due besides the events."""
        now = time.monotonic()
        for path in [path for path, until in self._open.items() if now >= until]:
            del self._open[path]
            self._subject.report(path)
        if self._lost or (now >= self._look_at and self._places != self._identities()):
            self._watch_all()
            self._subject.report(None)
        elif now >= self._ask_at:
            for path in self._watch_all():
                self._subject.report(path)
        elif now >= self._look_at:
            self._look_at = now + self._pause()

    def _pause(self) -> float:
        return LOOK_FOR_ABSENT if None in self._places.values() else LOOK_AGAIN

    def _identities(self) -> dict[str, tuple[int, int] | None]:
        return {place: identity(place) for place in self._places}

    def _watch_all(self) -> list[str]:
        """Watch all that matters and nothing else; return the directories of the tree that were not watched before."""
        since = time.monotonic()
        self._lost, self._ask_at = False, float("inf")
        self._unpackaged = self._subject.unpackaged()
        chosen = self._subject.names_by_parent()
        self._places = dict.fromkeys((self._root, *chosen))
        # Looked at before they are watched: what takes their place from here on looks otherwise.
        self._places = self._identities()
        before = dict(self._watches)
        found = self._watch_tree(self._root)
        for path in before.keys() - found:
            self._drop(path)
        self._watch_chosen(chosen)
        now = time.monotonic()
        self._ask_not_before = now + ASKING_SHARE * (now - since)
        self._look_at = now + self._pause()
        return [path for path in found if before.get(path) != self._watches.get(path)]

    def _watch_tree(self, top: str) -> set[str]:
        """Watch a directory and all below that may matter; return them."""
        found, waiting = set(), [top]
        while waiting:
            path = waiting.pop()
            watch = self._granted.add(path, follow=path == self._root)
            if watch is not None:
                # Watched before it is listed: what appears in between is listed, or its event comes, or both.
                self._enter(path, watch)
                found.add(path)
                waiting += self._listed(path)
        return found

    def _listed(self, path: str) -> list[str]:
        try:
            with os.scandir(path) as entries:
                inner = [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]
        except OSError:
            return []
        return [path for path in inner if not self._unpackaged(path[self._within :])]

    def _watch_chosen(self, chosen: dict[str, dict[str, str]]) -> None:
        before, self._chosen = self._chosen, {}
        for parent, names in chosen.items():
            watch = None if parent in self._watches else self._granted.add(parent, follow=True)
            if watch is not None and watch not in self._paths:
                self._chosen.setdefault(watch, {}).update(names)
        for watch in before.keys() - self._chosen.keys() - self._paths.keys():
            self._granted.remove(watch)

    def _enter(self, path: str, watch: int) -> None:
        """Remember a watch. Its directory may be known by the name it had, and the name by what had it."""
        if self._watches.get(path) == watch:
            return
        self._drop(path)
        self._chosen.pop(watch, None)
        if watch in self._paths:
            del self._watches[self._paths[watch]]
        self._watches[path], self._paths[watch] = watch, path

    def _drop(self, path: str) -> None:
        watch = self._watches.pop(path, None)
        if watch is not None:
            del self._paths[watch]
            self._granted.remove(watch)

    def _forget(self, top: str) -> None:
        below = top + os.sep
        for path in [path for path in self._watches if path == top or path.startswith(below)]:
            self._drop(path)


def _is_fresh(path: str) -> bool:
    """Tell whether a path that has just come is a file that was made there, and whose writer is to close it yet."""
    try:
        seen = os.lstat(path)
    except OSError:
        return False
    return stat.S_ISREG(seen.st_mode) and seen.st_nlink == 1


def _refusal(error: OSError) -> Polling:
    if error.errno == errno.ENOSPC:
        return Polling("the limit of inotify watches is reached", _raised("max_user_watches", 524288))
    if error.errno == errno.EMFILE:
        return Polling("the limit of inotify instances is reached", _raised("max_user_instances", 1024))
    return Polling(f"the system provides no file events: {error.strerror or error}")


def _raised(limit: str, wanted: int) -> str:
    with contextlib.suppress(OSError, ValueError):
        wanted = max(wanted, 2 * int(Path("/proc/sys/fs/inotify", limit).read_text()))
    return f"raise the limit: sudo sysctl fs.inotify.{limit}={wanted}"

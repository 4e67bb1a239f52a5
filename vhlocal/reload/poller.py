"""Changes found by looking at the files again and again, where file events cannot be had."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from vhlocal.errors import VhlocalError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from vhlocal.reload.source import Subject

#: Seconds between two looks: this long at least, and this many times what a look took, which bounds the CPU time.
SHORTEST = 0.5
COST_SHARE = 20

#: A file saved less than this many seconds before it was looked at may be saved again within one tick of its clock, so
#: that both look the same: network mounts and FAT count in steps of up to two seconds.
SETTLED = 2.5

_Look = tuple[int, int, int, int, int, bool]
_THERE: _Look = (0, 0, 0, 0, 0, True)


class Poller:
    """A ``Source`` that never says which file changed; without ``directory`` it looks at the chosen files alone.

    A failure to look counts as a change, once: whoever hears of it reads the project, and sees what is wrong with it.
    """

    def __init__(
        self, subject: Subject, *, directory: bool = True, shortest: float = SHORTEST, settled: float = SETTLED
    ) -> None:
        self._subject = subject
        self._directory = directory
        self._shortest = shortest
        self._settled = int(settled * 1e9)
        self._root = str(subject.directory)
        self._unpackaged: Callable[[str], bool] | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="polling", daemon=True)
        self._seen: dict[str, _Look] | str = ""
        self.pause = shortest

    def start(self) -> None:
        """Take the first look, and go on looking."""
        self.look()
        self._thread.start()

    def stop(self) -> None:
        """End, and wait until the look under way is over."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._stopping.wait(self.pause):
            if self.look():
                self._subject.report(None)

    def look(self) -> bool:
        """Look at everything, and return whether it has changed since the last look."""
        since = time.monotonic()
        before = self._seen
        try:
            self._seen = self._looks()
        except (OSError, VhlocalError) as error:
            self._seen = repr(error)
        changed = self._seen != before
        if changed:
            # Which directories matter may have changed too. Asking is dear, hence not done each time.
            self._unpackaged = None
        self.pause = max(self._shortest, COST_SHARE * (time.monotonic() - since))
        return changed

    def _looks(self) -> dict[str, _Look]:
        settled = time.time_ns() - self._settled
        found = {}
        for file in self._subject.files:
            with contextlib.suppress(OSError):
                found[str(file)] = _look_of(file.stat(), settled)
        if self._directory:
            for entry in self._entries():
                with contextlib.suppress(OSError):
                    found[entry.path] = _look_of(entry.stat(follow_symlinks=False), settled)
            if Path(self._root, ".git").exists():
                # That it is there decides what is packaged; how it looks changes with whatever git does.
                found[".git"] = _THERE
        return found

    def _entries(self) -> Iterator[os.DirEntry[str]]:
        """Walk over all but the directories in the tree, as far as it may matter."""
        if self._unpackaged is None:
            self._unpackaged = self._subject.unpackaged()
        start, waiting = len(self._root) + 1, [self._root]
        while waiting:
            for entry in _listed(waiting.pop()):
                if not entry.is_dir(follow_symlinks=False):
                    yield entry
                elif not self._unpackaged(entry.path[start:].replace(os.sep, "/")):
                    waiting.append(entry.path)


def _listed(directory: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(directory) as entries:
            return list(entries)
    except OSError:
        return []


def _look_of(seen: os.stat_result, settled: int) -> _Look:
    """Return how a file looks, and whether it was last saved before ``settled``, in nanoseconds of the epoch."""
    is_settled = max(seen.st_mtime_ns, seen.st_ctime_ns) < settled
    return (seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns, seen.st_ino, seen.st_mode, is_settled)

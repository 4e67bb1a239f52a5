"""File events of the user's directory. Nothing is decided here: an event only says that it is time to look."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer

from vhlocal.errors import VhlocalError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

#: Directories whose insides never reach an image or a server.
_IGNORED = frozenset({".git", ".hg", "__pycache__", ".venv", "venv", "node_modules", ".mypy_cache", ".pytest_cache"})

_CHANGES = frozenset({"created", "modified", "deleted", "moved", "closed"})


def is_ignored(path: str) -> bool:
    """Tell whether a path within the project never reaches an image or a server."""
    return not _IGNORED.isdisjoint(path.split("/"))


class Watch:
    """Calls ``on_event`` from a thread of its own whenever something under ``directory`` may have changed.

    ``files`` are single files that may lie elsewhere, such as models; they are watched through their directories.
    """

    def __init__(self, directory: Path, files: Iterable[Path], on_event: Callable[[], None]) -> None:
        self._observer = Observer()
        self._schedule(_Handler(directory, on_event), directory, recursive=True)
        outside = {file for file in files if not file.is_relative_to(directory)}
        for parent in {file.parent for file in outside}:
            self._schedule(_Handler(parent, on_event, {file.name for file in outside}), parent, recursive=False)

    def _schedule(self, handler: _Handler, directory: Path, *, recursive: bool) -> None:
        self._observer.schedule(handler, str(directory), recursive=recursive)

    def start(self) -> None:
        """Begin to watch; VhlocalError when the system grants no more watches."""
        try:
            self._observer.start()
        except OSError as error:
            raise VhlocalError(
                f"changes of files cannot be watched: {error.strerror or error}",
                hint="raise the limit (Linux: `sudo sysctl fs.inotify.max_user_watches=524288`), or use --no-reload",
            ) from error

    def stop(self) -> None:
        """Stop watching."""
        self._observer.stop()
        if self._observer.is_alive():
            self._observer.join()


class _Handler(FileSystemEventHandler):
    def __init__(self, directory: Path, on_event: Callable[[], None], names: set[str] | None = None) -> None:
        self._start = len(str(directory)) + 1
        self._on_event = on_event
        self._names = names

    def on_any_event(self, event: FileSystemEvent) -> None:
        """Pass on what may matter: no reads, nothing of ignored directories."""
        if event.event_type not in _CHANGES or (event.is_directory and event.event_type == "modified"):
            return
        for path in (event.src_path, event.dest_path):
            within = str(path)[self._start :]
            wanted = self._names is None or within in self._names
            if path and wanted and not is_ignored(within):
                self._on_event()
                return

"""What every source of file events is given, and what it promises."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from vhlocal.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable

#: Files that decide which directories matter; ``pyvenv.cfg`` makes a virtual environment of its directory.
DECIDING = frozenset({".gitignore", ".vhignore", ".gitmodules", "pyvenv.cfg"})

#: Seconds after which it is asked anew which directories matter, once something happened that may decide it. Git is
#: asked, which costs far more than an event: so not more often than once in this many times of what it costs.
ASK_AGAIN = 1.0
ASKING_SHARE = 50

#: Seconds between two looks whether the project's directory and those of the chosen files are still the same,
#: and for one that is not there.
LOOK_AGAIN = 1.0
LOOK_FOR_ABSENT = 0.1


@dataclass(frozen=True)
class Polling:
    """Why files are looked at again and again rather than events waited for, and what can be done about it."""

    reason: str
    hint: str | None = None

    @property
    def text(self) -> str:
        """What to show the user, in one line."""
        return f"saves are noticed by polling, later than usual: {self.reason}"


class NoEvents(Exception):
    """File events cannot be had."""

    def __init__(self, polling: Polling) -> None:
        super().__init__(polling.reason)
        self.polling = polling


@dataclass(frozen=True)
class Subject:
    """What is to be watched, and whom to call. Functions are called from a thread of the source.

    ``directory`` counts with all below it, except for the directories for which the function that ``unpackaged`` makes
    returns, by relative path with slashes, that they do not matter; ``files`` count wherever they are. ``report`` is
    called with the absolute path that may have changed, or None when anything may have; ``fail`` once, when the
    source has ended by itself.
    """

    directory: Path
    files: tuple[Path, ...]
    unpackaged: Callable[[], Callable[[str], bool]]
    report: Callable[[str | None], None]
    fail: Callable[[Polling], None]

    def names_by_parent(self) -> dict[str, dict[str, str]]:
        """Return the files as directory to name to what is reported; a link's target as well, reported as the link."""
        found: dict[str, dict[str, str]] = {}
        for file in self.files:
            for path in (os.path.realpath(file), str(file)):
                parent, name = os.path.split(path)
                found.setdefault(parent, {})[name] = str(file)
        return found


class Source(Protocol):
    """A source of file events for a subject."""

    def start(self) -> None:
        """Begin; what changes after the return is reported. NoEvents when that is impossible."""

    def stop(self) -> None:
        """End, and wait until nothing is reported any more. Harmless when it never began."""


def identity(place: str) -> tuple[int, int] | None:
    """Return what distinguishes this directory from another at its path while both exist; None where there is none."""
    try:
        seen = Path(place).stat()
    except OSError:
        return None
    return (seen.st_dev, seen.st_ino)

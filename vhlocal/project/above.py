"""The project that a directory is in."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

#: What makes a directory a project. It is here and not where it is read, since every command looks for one.
CONFIG_FILE = "valohai.yaml"

#: Who may write to a directory or a file that is everyone's.
_OTHERS = 0o002


def find_project(start: Path, also: Callable[[Path], bool] = lambda _: False) -> Path | None:
    """Return the nearest directory with a ``valohai.yaml``, of ``start`` and those above it; None where none has one.

    A directory that is a project in ``also``'s view counts too. The search ends at the root of a git repository and at
    the home directory. Above ``start``, it passes no directory that somebody else owns or that everyone may write to:
    a project's code is run, so it has to be the user's own.
    """
    home = Path("~").expanduser()
    for directory in (start, *start.parents):
        config = directory / CONFIG_FILE
        if directory != start and not (_is_own(directory) and (_is_own(config) or not config.exists())):
            return None
        if config.is_file() or also(directory):
            return directory
        if directory == home or (directory / ".git").exists():
            return None
    return None


def _is_own(path: Path) -> bool:
    try:
        found = path.stat()
    except OSError:
        return False
    return not hasattr(os, "geteuid") or (found.st_uid == os.geteuid() and not found.st_mode & _OTHERS)

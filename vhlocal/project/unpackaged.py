"""Which directories cannot contribute to the packaged set (B5), so that nobody need watch them."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from vhlocal.errors import InputError
from vhlocal.project.git import is_repository, run_git
from vhlocal.project.packaged_paths import Ignored, directories_of, packaged_paths
from vhlocal.regular import text_of

if TYPE_CHECKING:
    from pathlib import Path

#: Tools fill these as code runs. They count as unpackaged while nothing in them is packaged.
_CACHES = frozenset(
    {
        ".cache",
        ".eggs",
        ".hypothesis",
        ".ipynb_checkpoints",
        ".mypy_cache",
        ".nox",
        ".pytest_cache",
        ".ruff_cache",
        ".tox",
        "__pycache__",
        "node_modules",
    }
)


class Unpackaged:
    """Knows the directories that cannot contribute, as the rules and the files stood when it was made.

    If git fails, everything counts as packaged: then too much is watched, not too little.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._is_repository = is_repository(directory)
        self._rules: list[Ignored] = []
        self._ignored: frozenset[str] = frozenset()
        self._packaged: set[str] = set()
        self._known: dict[str, bool] = {"": False}
        for name in (".vhignore",) if self._is_repository else (".vhignore", ".gitignore"):
            with contextlib.suppress(InputError):
                self._rules.append(Ignored(directory / name))
        with contextlib.suppress(InputError):
            if self._is_repository:
                self._ignored = _ignored_by_git(directory)
        with contextlib.suppress(InputError):
            self._packaged = directories_of(packaged_paths(directory))

    def has(self, path: str) -> bool:
        """Tell whether nothing in this directory can be packaged; ``path`` is relative, with slashes, "" for all.

        It may return False for a new directory that git ignores. Virtual environments and caches matter only while
        something in them is packaged.
        """
        if path not in self._known:
            above, _, name = path.rpartition("/")
            self._known[path] = self.has(above) or self._has(path, above, name)
        return self._known[path]

    def _has(self, path: str, above: str, name: str) -> bool:
        if name == ".git" or (name.startswith(".") and not (self._is_repository and above)):
            return True
        if path in self._ignored or any(rules.has_directory(path) for rules in self._rules):
            return True
        if path in self._packaged:
            return False
        return name in _CACHES or (self._directory / path / "pyvenv.cfg").is_file()


def _ignored_by_git(directory: Path) -> frozenset[str]:
    """Return the directories with nothing tracked in them in which git would ignore any file."""
    listing = run_git(directory, "ls-files", "-oiz", "--exclude-standard", "--directory")
    # Those in which every file happens to be ignored are listed too, and may hold another file one day.
    listed = [name[:-1] for name in listing.split(b"\0") if name.endswith(b"/")]
    # With the dot, no name looks like one of git's magic patterns.
    asked = b"\0".join(b"./" + name for name in listed)
    ignored = run_git(directory, "check-ignore", "-z", "--stdin", feed=asked, codes=(0, 1)).split(b"\0")
    closed = (name for name in listed if _closes_itself(directory / os.fsdecode(name) / ".gitignore"))
    return frozenset(os.fsdecode(name) for name in (*(name[2:] for name in ignored), *closed) if name)


def _closes_itself(ignore_file: Path) -> bool:
    """Tell whether a .gitignore names all that is beside it: tools write such files into what they make."""
    try:
        lines = text_of(ignore_file, errors="replace").splitlines()
    except OSError:
        return False
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")] == ["*"]

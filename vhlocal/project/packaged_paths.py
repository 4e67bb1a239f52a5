"""Which paths of a directory are packaged (B5): those that the platform's own client would take."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

import gitignorant

from vhlocal.errors import InputError
from vhlocal.model import Place
from vhlocal.project.git import is_repository, run_git
from vhlocal.project.ignoring import PatternError, rules_of
from vhlocal.regular import text_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

_SUBMODULES = "-cz --recurse-submodules"


def packaged_paths(directory: Path, *, include_untracked: bool = True) -> list[str]:
    """Return the posix paths of the packaged set, sorted; some may be no files, or be gone (B5).

    With ``.git`` in the directory itself, what git tracks or does not ignore, less names beginning with a dot at the
    top; without, all but dotted names, less what ``.gitignore`` at the top names. ``.vhignore`` at the top counts in
    both. Without ``include_untracked`` what git does not track is left out, as by the client's option of that name;
    where there is no git, nothing is. InputError when git fails, and for a name that is not UTF-8.
    """
    paths = _listed_by_git(directory, include_untracked) if is_repository(directory) else _walk(directory)
    ignored = Ignored(directory / ".vhignore")
    kept = sorted(path for path in paths if not ignored.has(path))
    for path in kept:
        if not path.isascii() and any("\udc80" <= letter <= "\udcff" for letter in path):
            name = os.fsencode(path).decode(errors="replace")
            raise InputError(f"the file name {name} is not UTF-8, and cannot be packaged", hint="rename or ignore it")
    return kept


def directories_of(paths: Iterable[str]) -> set[str]:
    """Return every directory above these posix paths."""
    found: set[str] = set()
    for parent in {path.rpartition("/")[0] for path in paths}:
        above = parent
        while above and above not in found:
            found.add(above)
            above = above.rpartition("/")[0]
    return found


def _listed_by_git(directory: Path, include_untracked: bool) -> Iterator[str]:
    # Untracked files of submodules are left out: git cannot list them from outside.
    listings = ["-ocz" if include_untracked else "-cz"]
    if (directory / ".gitmodules").is_file():
        listings.append(_SUBMODULES)
    names: set[bytes] = set()
    for listing in listings:
        names.update(run_git(directory, "ls-files", "--exclude-standard", *listing.split()).split(b"\0"))
    yield from (os.fsdecode(name) for name in names if name and not name.startswith(b"."))


def _walk(directory: Path) -> Iterator[str]:
    """Yield what is not ignored: without `os.walk`, which recurses until Python 3.11, and without slow `Path`s."""
    root = str(directory)
    ignored = Ignored(directory / ".gitignore")
    waiting = [""]
    while waiting:
        base = waiting.pop()
        for name, is_directory, is_link in _entries(f"{root}/{base}"):
            path = base + name
            if name.startswith("."):
                continue
            if not is_directory:
                if not ignored.has(path):
                    yield path
            elif not is_link and not ignored.has_directory(path):
                waiting.append(f"{path}/")


def _entries(directory: str) -> Iterator[tuple[str, bool, bool]]:
    """Yield name, whether it leads to a directory, and whether it is a link; nothing where it cannot be read."""
    with contextlib.suppress(OSError), os.scandir(directory) as entries:
        for entry in entries:
            try:
                is_directory = entry.is_dir()
            except OSError:
                is_directory = False
            yield entry.name, is_directory, entry.is_symlink()


class Ignored:
    """The patterns of one ignore file, which need not exist, and which directories they were found to cover.

    InputError when the file cannot be read.
    """

    def __init__(self, file: Path) -> None:
        self._rules: list[gitignorant.Rule] = []
        self._directories: dict[str, bool] = {"": False}
        try:
            text = text_of(file, errors="replace")
        except (FileNotFoundError, IsADirectoryError):
            return
        except OSError as error:
            raise InputError(f"the file cannot be read: {error.strerror}", place=Place(file)) from error
        try:
            self._rules = rules_of(text.splitlines())
        except PatternError as error:
            raise InputError(f"this pattern cannot be read: {error}", place=Place(file, error.line)) from error

    def has(self, path: str) -> bool:
        """Tell whether a file's path is ignored, by itself or with a directory above it."""
        if not self._rules:
            return False
        return self.has_directory(path.rpartition("/")[0]) or bool(gitignorant.check_match(self._rules, path))

    def has_directory(self, path: str) -> bool:
        """Tell whether a directory's path is ignored, by itself or with one above it."""
        unknown: list[str] = []
        above = path
        while above not in self._directories:
            unknown.append(above)
            above = above.rpartition("/")[0]
        is_ignored = self._directories[above]
        for each in reversed(unknown):
            is_ignored = is_ignored or bool(gitignorant.check_match(self._rules, each, is_dir=True))
            self._directories[each] = is_ignored
        return is_ignored

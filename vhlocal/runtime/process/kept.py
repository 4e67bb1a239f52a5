"""What is remembered of an environment: written once it is completely made, so that what has no record is not."""

from __future__ import annotations

import contextlib
import json
import os
import re
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

from vhlocal.storage import is_held
from vhlocal.values import dataclass

if sys.platform != "win32":
    import fcntl

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass(frozen=True)
class Kept:
    """An environment that is completely made.

    ``id`` is new for each making, ``parent`` the id of what it was made on. ``base`` names its interpreter.
    ``directories`` are the names of its own directory and of those that it stands on, its own first; ``sites`` are
    the absolute directories of all their packages, in the order of the import path.
    """

    name: str
    id: str
    parent: str
    base: str
    directories: tuple[str, ...]
    sites: tuple[str, ...]


def slug(name: str) -> str:
    """Return a file name for an environment's name; different tags have different ones."""
    return re.sub(r"[^A-Za-z0-9.]+", "-", name)


class Shelf:
    """The records in a directory, beside the environments' own directories."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def lock_file(self, slug: str) -> Path:
        """Return the file that is locked while the environments of this slug are made or removed."""
        return self.directory / f"{slug}.lock"

    def read(self, name: str) -> Kept | None:
        """Return the record of an environment, or None; whether it can still be used is not looked at."""
        return _read(self._file(name))

    def all(self) -> Iterator[Kept]:
        """Yield every record."""
        for file in sorted(self.directory.glob("*.json")):
            kept = _read(file)
            if kept is not None:
                yield kept

    def write(self, kept: Kept) -> None:
        """Remember an environment in place of an earlier one of its name."""
        file = self._file(kept.name)
        new = file.with_suffix(".new")
        new.write_text(json.dumps(asdict(kept)))
        new.replace(file)

    def forget(self, name: str) -> None:
        """Take a record away."""
        self._file(name).unlink(missing_ok=True)

    def own(self, slug: str) -> list[Path]:
        """Return the directories that were made for an environment, completely or not."""
        named = re.compile(rf"{re.escape(slug)}-[0-9a-f]{{8}}")
        return [path for path in self.directory.glob(f"{slug}-*") if named.fullmatch(path.name) and path.is_dir()]

    def slugs(self) -> set[str]:
        """Return what has a record or a directory."""
        directories = (path.name.rpartition("-")[0] for path in self.directory.glob("*-*") if path.is_dir())
        return {*directories, *(slug(kept.name) for kept in self.all())} - {""}

    @contextlib.contextmanager
    def hold(self, directory: str) -> Iterator[None]:
        """Mark a directory as in use, for as long as the block lasts or until this process ends.

        The directory itself is locked, so that one that is somebody else's can be held too.
        """
        descriptor = os.open(self.directory / directory, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH)
            yield
        finally:
            os.close(descriptor)

    def in_use(self, directory: str) -> bool:
        """Tell whether any process holds a directory."""
        return is_held(self.directory / directory)

    def _file(self, name: str) -> Path:
        return self.directory / f"{slug(name)}.json"


def _read(file: Path) -> Kept | None:
    try:
        values = json.loads(file.read_text())
        return Kept(**{**values, "directories": tuple(values["directories"]), "sites": tuple(values["sites"])})
    except (OSError, ValueError, TypeError, KeyError):
        return None

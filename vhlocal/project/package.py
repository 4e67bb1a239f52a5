"""The packaged set: the project's code as production would get it, and its revision (B5)."""

from __future__ import annotations

import hashlib
import os
import posixpath
import stat
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from vhlocal.errors import InputError
from vhlocal.model import Package, PackagedFile, Place
from vhlocal.project.packaged_paths import packaged_paths

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_REVISION_LENGTH = 12
_CHUNK = 1024 * 1024

#: A file saved less than this before it was read, in nanoseconds, may be saved again within one tick of its clock.
_SETTLED = 50_000_000

_Stat = tuple[int, int, int, int, int]


@dataclass(frozen=True)
class _ReadPackage(Package):
    """A package that remembers how its files looked on disk, so that the next reading can pass over the unchanged."""

    stats: Mapping[str, _Stat] = field(default_factory=dict, compare=False, repr=False)


@dataclass(frozen=True)
class Changes:
    """The paths in which two packages differ, each sorted."""

    added: tuple[str, ...] = ()
    modified: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.added or self.modified or self.removed)

    @property
    def paths(self) -> tuple[str, ...]:
        """Every path that differs, sorted."""
        return tuple(sorted((*self.added, *self.modified, *self.removed)))


def read_package(directory: Path, previous: Package | None = None) -> Package:
    """Read the packaged set of ``directory`` (B5).

    Regular files, and links to files inside of the directory; what is no such thing, or vanishes meanwhile, is
    absent. A file that looks on disk as it did for ``previous`` is not read again. InputError when git fails or a
    file cannot be read.
    """
    known = previous if isinstance(previous, _ReadPackage) and previous.directory == directory else None
    root = f"{directory}{os.sep}"
    files: dict[str, PackagedFile] = {}
    stats: dict[str, _Stat] = {}
    for path in packaged_paths(directory):
        try:
            seen = os.lstat(root + path)
            look = (seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns, seen.st_ino, seen.st_mode)
            if known is not None and known.stats.get(path) == look:
                files[path], stats[path] = known.files[path], look
                continue
            now = time.time_ns()
            file = _read_file(directory, path, seen)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            place = Place(directory / path)
            hint = "make it readable, or name it in .vhignore"
            raise InputError(f"the file cannot be read: {error.strerror}", place=place, hint=hint) from error
        if file is not None:
            files[path] = file
            # A link's target is not part of its own look, and a just saved file may change under an equal one.
            if file.link is None and max(seen.st_mtime_ns, seen.st_ctime_ns) < now - _SETTLED:
                stats[path] = look
    return _ReadPackage(directory, files, _revision(files), stats)


def changes(old: Package, new: Package) -> Changes:
    """Return the paths that differ between two packages in presence, content, mode or link."""
    return Changes(
        added=tuple(sorted(new.files.keys() - old.files.keys())),
        modified=tuple(
            sorted(
                path
                for path in old.files.keys() & new.files.keys()
                if old.files[path] is not new.files[path] and _identity(old.files[path]) != _identity(new.files[path])
            )
        ),
        removed=tuple(sorted(old.files.keys() - new.files.keys())),
    )


def _identity(file: PackagedFile) -> tuple[str, int, str, str]:
    return (file.path, file.mode, file.digest, file.link or "")


def _revision(files: Mapping[str, PackagedFile]) -> str:
    total = hashlib.sha256()
    for path in sorted(files):
        total.update("\0".join(map(str, _identity(files[path]))).encode() + b"\0")
    return total.hexdigest()[:_REVISION_LENGTH]


def _read_file(directory: Path, path: str, seen: os.stat_result) -> PackagedFile | None:
    source = directory / path
    if stat.S_ISLNK(seen.st_mode):
        link = str(source.readlink())
        # What points outside, or anywhere by an absolute path, would point at nothing in a container.
        target = posixpath.normpath(posixpath.join(posixpath.dirname(path), link))
        if link.startswith("/") or target == ".." or target.startswith("../") or not source.is_file():
            return None
        text = os.fsencode(link)
        return PackagedFile(path, source, hashlib.sha256(text).hexdigest(), 0o777, len(text), link)
    if not stat.S_ISREG(seen.st_mode):
        return None
    mode = 0o755 if seen.st_mode & stat.S_IXUSR else 0o644
    digest, size = _digest(source)
    return PackagedFile(path, source, digest, mode, size)


def _digest(source: Path) -> tuple[str, int]:
    total, size = hashlib.sha256(), 0
    with source.open("rb", buffering=0) as content:
        while chunk := content.read(_CHUNK):
            total.update(chunk)
            size += len(chunk)
    return total.hexdigest(), size

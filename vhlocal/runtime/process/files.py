"""Entries as files of this machine."""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from vhlocal.runtime import chosen
from vhlocal.runtime.base import Entry

if TYPE_CHECKING:
    from collections.abc import Iterable

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

#: The request by which Linux shares a file's blocks with another.
_FICLONE = 0x40049409


def place(entries: Iterable[Entry], dated: float | None = None) -> None:
    """Write entries at their absolute paths, in place of whatever is there; parents are made.

    ``dated``, in epoch seconds, is the time that every file gets instead of its source's. A source that has gone in
    the meantime is left out, as it would be had it gone a moment before.
    """
    made: set[Path] = set()
    for entry in entries:
        path = Path(entry.path)
        if path.parent not in made:
            _make_directory(path.parent)
            made.add(path.parent)
        with contextlib.suppress(FileNotFoundError):
            _write(path, entry, dated)


def give(source: Path, path: Path) -> None:
    """Give a server a file of its own with the content of the user's ``source``.

    It shares its blocks until either is written, where the file system can do that. There is no link to the user's: not
    every program that writes can be kept from writing through it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if not _cloned(source, path):
        place([Entry(str(path), source=source)])


def _cloned(source: Path, path: Path) -> bool:
    if fcntl is None or not chosen.is_large(source):
        return False
    try:
        with source.open("rb") as there, path.open("xb") as here:
            fcntl.ioctl(here.fileno(), _FICLONE, there.fileno())
        shutil.copystat(source, path)
    except OSError:  # another file system, or one that cannot
        path.unlink(missing_ok=True)
        return False
    return True


def remove(path: str) -> None:
    """Take a file or a directory away, if it is there."""
    if Path(path).is_dir() and not Path(path).is_symlink():
        shutil.rmtree(path)
    else:
        Path(path).unlink(missing_ok=True)


def take_away(root: Path, placed: Iterable[str]) -> None:
    """Remove placed files (absolute paths below ``root``) with what Python has compiled of them.

    Directories that are empty then go too, ``root`` among them.
    """
    directories = {root}
    for path in map(Path, placed):
        path.unlink(missing_ok=True)
        directories |= {parent for parent in path.parents if parent.is_relative_to(root)}
    for directory in sorted(directories, key=lambda each: len(each.parts), reverse=True):
        shutil.rmtree(directory / "__pycache__", ignore_errors=True)
        with contextlib.suppress(OSError):
            directory.rmdir()


def _write(path: Path, entry: Entry, dated: float | None) -> None:
    # Written beside it and moved there: a server that reads it meanwhile sees the one or the other.
    part = path.with_name(f"{path.name}.vhlocal-part")
    if entry.link is not None:
        part.symlink_to(entry.link)
    elif entry.source is None:
        part.write_bytes(entry.content or b"")
    else:
        shutil.copyfile(entry.source, part)
        dated = entry.source.stat().st_mtime if dated is None else dated
    if entry.link is None:
        part.chmod(entry.mode)
        if dated is not None:
            os.utime(part, (dated, dated))
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    part.replace(path)


def _make_directory(path: Path) -> None:
    """Make a directory, and take away the file that stands in its place or in a parent's."""
    for parent in (path, *path.parents):
        if parent.is_dir():
            break
        if parent.exists() or parent.is_symlink():
            parent.unlink()
            break
    path.mkdir(parents=True, exist_ok=True)

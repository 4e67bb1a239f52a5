"""Entries as a tar archive, the form in which the engine takes files."""

from __future__ import annotations

import io
import tarfile
import tempfile
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING

from vhlocal.errors import EngineError
from vhlocal.storage import is_full, refused

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vhlocal.runtime.base import Entry

#: Archives up to this size stay in memory, in bytes.
_IN_MEMORY = 8 * 1024 * 1024


def archive(entries: Iterable[Entry], dated: int | None = None) -> IO[bytes]:
    """Return an open archive of ``entries``, rooted at ``/``, all owned by root; parents of every file are made.

    ``dated``, in epoch seconds, is the time that every file gets instead of its source's. A source that has gone in
    the meantime is left out, as it would be had it gone a moment before.
    """
    try:
        return _packed(entries, dated)
    except OSError as error:
        if is_full(error):  # of a project's own file it is not said
            what = "there is no disk space for a container's files"
            raise refused(error, what, Path(tempfile.gettempdir()), EngineError) from error
        raise


def _packed(entries: Iterable[Entry], dated: int | None) -> IO[bytes]:
    file = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 - handed to the caller
    made: set[str] = set()
    with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for entry in entries:
            path = entry.path.lstrip("/")
            for parent in _new_parents(path, made):
                tar.addfile(_directory(parent))
            _add(tar, path, entry, dated)
    file.seek(0)
    return file


def _add(tar: tarfile.TarFile, path: str, entry: Entry, dated: int | None) -> None:
    member = tarfile.TarInfo(path)
    member.mode = entry.mode
    if entry.link is not None:
        member.type = tarfile.SYMTYPE
        member.linkname = entry.link
        tar.addfile(member)
    elif entry.source is not None:
        try:
            with entry.source.open("rb") as content:
                stat = entry.source.stat()
                member.size, member.mtime = stat.st_size, int(stat.st_mtime) if dated is None else dated
                tar.addfile(member, content)
        except FileNotFoundError:
            return
    else:
        text = entry.content or b""
        member.size = len(text)
        tar.addfile(member, io.BytesIO(text))


def _directory(path: str) -> tarfile.TarInfo:
    member = tarfile.TarInfo(path)
    member.type = tarfile.DIRTYPE
    member.mode = 0o755
    return member


def _new_parents(path: str, made: set[str]) -> list[str]:
    parents = [str(parent) for parent in PurePosixPath(path).parents if str(parent) != "."]
    new = [parent for parent in reversed(parents) if parent not in made]
    made.update(new)
    return new

"""The files of a project as its servers get them: copies named by their contents, in a directory of vhlocal's own.

It is mounted, read-only, in the containers; what an app writes never comes near the user's project.
"""

from __future__ import annotations

import contextlib
import hashlib
import secrets
import threading
from typing import TYPE_CHECKING

from vhlocal.storage import writing

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

_CHUNK = 1024 * 1024

#: A file by which a server can tell that the directory it sees is this one.
MARKER = "mounted"


class SavedAgainError(Exception):
    """A file is not any more what it was when the project was read: it is to be read again."""


class Staging:
    """Copies in ``directory``, kept from run to run. Its methods may be called from any thread."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._lock = threading.Lock()
        #: What was asked for since the last mark, and what is being copied.
        self._asked: set[str] = set()
        self._parts: set[str] = set()
        with writing("copies of the project's files cannot be kept", directory):
            directory.mkdir(parents=True, exist_ok=True)
            # The parents are the user's own; in a container this may be another user's.
            directory.chmod(0o755)
            (directory / MARKER).touch()

    def has(self, digest: str) -> bool:
        """Tell whether there is a copy of what has this digest (SHA-256, hexadecimal)."""
        with self._lock:
            self._asked.add(digest)
            return (self.directory / digest).exists()

    def keep(self, digest: str, source: Path) -> str:
        """Return the name of the copy of ``source``, making it where there is none.

        SavedAgainError when its content has another digest by now; VhlocalError when it cannot be read or written.
        """
        if not self.has(digest):
            self._copy(digest, source)
        return digest

    def keep_content(self, content: bytes) -> str:
        """Return the name of a copy of ``content``; VhlocalError when it cannot be written."""
        digest = content_name(content)
        if not self.has(digest):
            with self._writing() as part:
                part.write_bytes(content)
                part.replace(self.directory / digest)
        return digest

    def mark(self) -> None:
        """Let ``forget_others`` keep what is asked for from now on: call it before you find out what is needed."""
        with self._lock:
            self._asked = set()

    def forget_others(self, needed: Collection[str]) -> None:
        """Remove the copies of what is not ``needed``, by digest, and what unfinished copies have left."""
        for file in list(self.directory.glob("*")):  # none where the directory has been removed
            if file.name in needed or file.name == MARKER:
                continue
            with self._lock:
                if file.name not in self._asked and file.name not in self._parts:
                    file.unlink(missing_ok=True)

    def _copy(self, digest: str, source: Path) -> None:
        total = hashlib.sha256()
        try:
            reading = source.open("rb", buffering=0)
        except OSError as error:
            raise SavedAgainError(source) from error
        with reading, self._writing() as part, part.open("wb") as copy:
            while chunk := reading.read(_CHUNK):
                total.update(chunk)
                copy.write(chunk)
            copy.close()
            if total.hexdigest() != digest:
                raise SavedAgainError(source)
            part.chmod(0o644)
            part.replace(self.directory / digest)

    @contextlib.contextmanager
    def _writing(self) -> Iterator[Path]:
        """Give a place for a copy that is not complete yet; nothing is left there."""
        part = self.directory / f".part-{secrets.token_hex(8)}"
        with self._lock:
            self._parts.add(part.name)
        try:
            with writing("a saved file could not be copied for its server", part):
                self.directory.mkdir(parents=True, exist_ok=True)  # should it have been removed under the run
                yield part
        finally:
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)
            with self._lock:
                self._parts.discard(part.name)


def content_name(content: bytes) -> str:
    """Return the name of the copy of ``content``."""
    return hashlib.sha256(content).hexdigest()

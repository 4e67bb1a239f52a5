"""What is kept of requests' bodies: a little in memory, the rest in unnamed files."""

from __future__ import annotations

import contextlib
import errno
import tempfile
from typing import IO

from vhlocal.values import dataclass

#: Read back from a file at a time, in bytes.
_PIECE = 256 * 1024


@dataclass
class SpoolRoom:
    """What the spools of one gateway share, in bytes.

    ``each`` is what one spool may keep in memory; ``memory`` and ``disk`` are what all together may still put there.
    ``directory`` is where their files are; None for the system's own place for temporary files.
    """

    each: int
    memory: int
    disk: int
    directory: str | None = None

    @property
    def place(self) -> str:
        """Where the files are, for a reader."""
        return self.directory or tempfile.tempdir or "the place for temporary files"


class Spool:
    """Bytes that are first all written, and then taken in their order, as often as they are wanted.

    Whoever has one closes it. Its file never has a name (Windows: a name for as long as it is open), and so is gone
    however the process ends.
    """

    #: The bytes that it holds.
    size = 0
    # Most bodies come in one part, which is kept as it is.
    _memory: bytes | bytearray = b""
    _file: IO[bytes] | None = None
    _at = 0

    def __init__(self, room: SpoolRoom) -> None:
        self._room = room

    def write(self, data: bytes) -> None:
        """Keep ``data``. Raises ``OSError`` where there is no room; what it holds is of no use then."""
        room, size = self._room, len(data)
        if self._file is None and len(self._memory) + size <= room.each and size <= room.memory:
            if not self._memory:
                self._memory = data
            else:
                if isinstance(self._memory, bytes):
                    self._memory = bytearray(self._memory)
                self._memory += data
            room.memory -= size
        else:
            self._store(data)
        self.size += size

    def rewind(self) -> None:
        """Let the next piece be the first."""
        self._at = 0

    def take(self) -> bytes:
        """Return the next piece, nothing after the last. Raises ``OSError`` when the disk does not give it back."""
        in_memory = len(self._memory)
        if self._at < in_memory:
            piece = bytes(self._memory)
        elif self._file is not None and self._at < self.size:
            self._file.seek(self._at - in_memory)
            piece = self._file.read(min(_PIECE, self.size - self._at))
            if not piece:
                raise OSError("the temporary file is shorter than what was written")
        else:
            piece = b""
        self._at += len(piece)
        return piece

    def close(self) -> None:
        """Drop what it holds, and make room for others. May be called again."""
        in_memory = len(self._memory)
        self._room.memory += in_memory
        self._room.disk += self.size - in_memory
        self.size = self._at = 0
        self._memory = b""
        if self._file is not None:
            # What could not be written to a file that is gone with this is nobody's loss.
            with contextlib.suppress(OSError):
                self._file.close()
            self._file = None

    def _store(self, data: bytes) -> None:
        room, size, stored = self._room, len(data), 0
        if size > room.disk:
            raise OSError(
                errno.ENOSPC, "the bodies of requests in flight fill the disk space that they may use", room.place
            )
        try:
            if size and self._file is None:
                self._file = tempfile.TemporaryFile(buffering=0, dir=room.directory)  # noqa: SIM115
            # In the event loop's own thread: what one read of a socket gave is in the system's cache in some 0.1 ms,
            # about what it takes to hand it to another thread and to hear of its end. It takes longer only where the
            # system lets writers wait for the disk, with hundreds of megabytes unwritten.
            while self._file is not None and stored < size:
                stored += self._file.write(data[stored:] if stored else data)
        except OSError as error:
            raise OSError(error.errno, error.strerror or str(error), room.place) from error
        room.disk -= size

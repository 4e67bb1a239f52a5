"""What clients send of their bodies while their requests are held: a little in memory, the rest in unnamed files."""

from __future__ import annotations

import contextlib
import tempfile
from dataclasses import dataclass
from typing import IO

#: Read back from a file at a time, in bytes.
_PIECE = 64 * 1024


@dataclass
class SpoolRoom:
    """What the spools of one gateway share.

    ``memory`` is what each may keep in memory, ``disk`` what all together may still put on disk, in bytes.
    ``directory`` is where their files are; None for the system's own place for temporary files.
    """

    memory: int
    disk: int
    directory: str | None = None


class Spool:
    """Bytes that are first all written, and then all taken, in their order. Whoever has one closes it."""

    def __init__(self, room: SpoolRoom) -> None:
        #: Whether no more should come. What comes all the same is kept.
        self.full = False
        #: Whether what it holds is all that there will be; for the owner to say.
        self.whole = False
        self._room = room
        self._memory = bytearray()
        self._file: IO[bytes] | None = None
        self._stored = self._untaken = 0
        self._rest = b""

    def write(self, data: bytes) -> None:
        """Keep ``data``. It cannot fail: what the disk does not take stays in memory, and the spool is full."""
        if not self.full:
            data = data[self._store(data) :]
        if data:
            self.full = True
            self._rest += data

    def take(self) -> bytes:
        """Return the next piece, nothing after the last. Raises ``OSError`` when the disk does not give it back."""
        if self._memory:
            piece, self._memory = bytes(self._memory), bytearray()
        elif self._file is not None and self._untaken:
            piece = self._read_back(self._file)
        else:
            piece, self._rest = self._rest, b""
        return piece

    def close(self) -> None:
        """Drop what is left, and make room for others. May be called again."""
        self._room.disk += self._stored
        self._stored = self._untaken = 0
        self._memory, self._rest = bytearray(), b""
        if self._file is not None:
            # What could not be written to a file that is gone with this is nobody's loss.
            with contextlib.suppress(OSError):
                self._file.close()

    def _store(self, data: bytes) -> int:
        """Return how many of the bytes are in memory or on disk now."""
        if self._file is None and len(self._memory) + len(data) <= self._room.memory:
            self._memory += data
            return len(data)
        wanted, stored = min(len(data), self._room.disk), 0
        # In the event loop's own thread: what one read of a socket gave is in the system's cache in some 0.1 ms, about
        # what it takes to hand it to another thread and to hear of its end. It takes longer only where the system lets
        # writers wait for the disk, with hundreds of megabytes unwritten.
        with contextlib.suppress(OSError):
            while stored < wanted:
                if self._file is None:
                    self._file = tempfile.TemporaryFile(buffering=0, dir=self._room.directory)  # noqa: SIM115
                stored += self._file.write(data[stored:wanted])
        self._room.disk -= stored
        self._stored += stored
        self._untaken += stored
        return stored

    def _read_back(self, file: IO[bytes]) -> bytes:
        file.seek(self._stored - self._untaken)
        piece = file.read(min(_PIECE, self._untaken))
        if not piece:
            raise OSError("the temporary file is shorter than what was written")
        self._untaken -= len(piece)
        return piece

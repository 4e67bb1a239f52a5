"""Linux's own file events: the system calls, as far as the watch of a tree needs them."""

from __future__ import annotations

import ctypes
import errno
import os
import select
import struct
from typing import NamedTuple

MODIFY = 0x00000002
ATTRIB = 0x00000004
CLOSE_WRITE = 0x00000008
MOVED_FROM = 0x00000040
MOVED_TO = 0x00000080
CREATE = 0x00000100
DELETE = 0x00000200
DELETE_SELF = 0x00000400
MOVE_SELF = 0x00000800
OVERFLOW = 0x00004000
IGNORED = 0x00008000
IS_DIRECTORY = 0x40000000

# Reads are left out: whoever looks at a file would cause the next look.
_CHANGES = MODIFY | ATTRIB | CLOSE_WRITE | MOVED_FROM | MOVED_TO | CREATE | DELETE | DELETE_SELF | MOVE_SELF
_ONLY_DIRECTORIES = 0x01000000
_NO_LINKS = 0x02000000
_NOTHING_DELETED = 0x04000000

#: What only says that there is no such directory (any more), or none that we may read.
_ABSENT = frozenset({errno.ENOENT, errno.ENOTDIR, errno.EACCES, errno.EPERM, errno.ELOOP, errno.ENAMETOOLONG})

_HEAD = struct.Struct("iIII")
_CHUNK = 256 * 1024


class Event(NamedTuple):
    """One event: the number of its watch (-1 for an overflow), the flags, and the name within the directory, or ""."""

    watch: int
    flags: int
    name: str


class Inotify:
    """One inotify instance. OSError when the system grants none. All but ``wake`` belongs to one thread at a time."""

    def __init__(self) -> None:
        try:
            library = ctypes.CDLL(None, use_errno=True)
            self._add, self._remove = library.inotify_add_watch, library.inotify_rm_watch
            self._file = library.inotify_init1(os.O_CLOEXEC | os.O_NONBLOCK)
        except (AttributeError, TypeError) as error:
            raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS)) from error
        if self._file < 0:
            raise _error()
        self._add.argtypes = (ctypes.c_int, ctypes.c_char_p, ctypes.c_uint32)
        self._bell = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._poll = select.poll()
        self._poll.register(self._file, select.POLLIN)
        self._poll.register(self._bell, select.POLLIN)

    def add(self, path: str, *, follow: bool) -> int | None:
        """Watch a directory, and return the number of its watch: the same for the same directory by any name.

        None where there is no directory that may be watched; a link to one counts only with ``follow``. OSError when
        no more watches are granted.
        """
        flags = _CHANGES | _ONLY_DIRECTORIES | _NOTHING_DELETED | (0 if follow else _NO_LINKS)
        watch: int = self._add(self._file, os.fsencode(path), flags)
        if watch >= 0:
            return watch
        error = _error()
        if error.errno in _ABSENT:
            return None
        raise error

    def remove(self, watch: int) -> None:
        """End a watch; it may have ended by itself."""
        self._remove(self._file, watch)

    def read(self, seconds: float) -> list[Event]:
        """Return what has happened, waiting for it so long; nothing when the time is over, or ``wake`` is called."""
        ready = dict(self._poll.poll(max(0.0, seconds) * 1000))
        if self._bell in ready:
            os.eventfd_read(self._bell)
        if self._file not in ready:
            return []
        return list(_parsed(os.read(self._file, _CHUNK)))

    def wake(self) -> None:
        """Let ``read`` return at once; from any thread."""
        os.eventfd_write(self._bell, 1)

    def close(self) -> None:
        """Give everything back."""
        os.close(self._file)
        os.close(self._bell)


def _parsed(data: bytes) -> list[Event]:
    events, start = [], 0
    while start < len(data):
        watch, flags, _, length = _HEAD.unpack_from(data, start)
        start += _HEAD.size
        events.append(Event(watch, flags, os.fsdecode(data[start : start + length].rstrip(b"\0"))))
        start += length
    return events


def _error() -> OSError:
    number = ctypes.get_errno()
    return OSError(number, os.strerror(number))

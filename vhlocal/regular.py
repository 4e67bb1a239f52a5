"""Reads files that a project names: a clone may hold a link to ``/dev/zero``, an unpacked archive a pipe."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_MEGABYTE = 1024 * 1024

#: Bytes that a file which is read whole may have: a hundred times what people write.
MOST = 16 * _MEGABYTE

#: Bytes of a file that are hashed at a time.
_CHUNK = _MEGABYTE


def content_of(file: Path, most: int = MOST) -> bytes:
    """Return a file's bytes. Raises OSError for what is no regular file, and for more than ``most`` bytes."""
    mode = file.stat().st_mode
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):  # to open a directory is refused by the system
        raise OSError(errno.EINVAL, "it is a pipe, a device or a socket, not a file", str(file))
    with open(file, "rb", buffering=0, opener=_opened) as opened:
        parts, left = [], most + 1
        while left and (part := opened.read(left)):
            parts.append(part)
            left -= len(part)
    if not left:
        raise OSError(errno.EFBIG, f"it is larger than {most // _MEGABYTE} MB", str(file))
    return b"".join(parts)


def text_of(file: Path, encoding: str = "utf-8", errors: str = "strict") -> str:
    """Return a file's text with line ends as ``\\n``. Raises OSError as ``content_of`` does, and UnicodeDecodeError."""
    return content_of(file).decode(encoding, errors).replace("\r\n", "\n").replace("\r", "\n")


def digest_of(file: Path) -> tuple[str, int]:
    """Return the SHA-256 of a file of any size, and its bytes. Raises OSError."""
    total, size = hashlib.sha256(), 0
    with file.open("rb", buffering=0) as content:
        while chunk := content.read(_CHUNK):
            total.update(chunk)
            size += len(chunk)
    return total.hexdigest(), size


def size_of(file: Path) -> int:
    """Return the bytes of a file that can be read, without reading any. Raises OSError."""
    with file.open("rb", buffering=0) as content:
        return os.fstat(content.fileno()).st_size


def _opened(path: str, flags: int) -> int:
    # What has become a pipe meanwhile is not waited for.
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))

"""Where a message's body ends, and what it carries. Pure: bytes in, bytes out.

httptools parses every head; the bodies are framed here, because its parser does not say where in the data a message
ended, and because a body of known length needs no parsing at all.
"""

from __future__ import annotations

import enum
import re
from typing import Protocol

#: A chunk's size line, and all trailer lines together, in bytes.
_LINE_LIMIT = 4096
_TRAILER_LIMIT = 16 * 1024

#: Chunks that are read at one time: more than one read of a socket brings, unless they are tiny.
_CHUNKS_AT_ONCE = 500

#: As nearly all clients write it: a size without extensions. It is read in one go where the whole chunk is there.
_PLAIN_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})\r\n")
#: What nearly all bodies end with: the last chunk, without trailers.
LAST_CHUNK = b"0\r\n\r\n"
_CHUNK_SIZE = re.compile(rb"0*([0-9A-Fa-f]{1,16})[ \t]*(?:;[^\x00-\x08\x0a-\x1f\x7f]*)?")
#: As nginx: what is larger does not fit into its numbers, with the bytes that a chunk needs besides.
_LARGEST = 2**63 - 6
_FIELD_LINE = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[^\x00-\x08\x0a-\x1f\x7f]*")


class Framing(enum.Enum):
    """How a message's body is delimited (RFC 9112, section 6)."""

    NONE = enum.auto()
    LENGTH = enum.auto()
    CHUNKED = enum.auto()
    CLOSE = enum.auto()


class BodyError(Exception):
    """The body's framing is malformed: nothing after it can be trusted."""


class BodyReader(Protocol):
    """Cuts one body out of a byte stream. ``has_trailers``: fields came after it, which end here (K9)."""

    done: bool
    has_trailers: bool

    def feed(self, data: bytes) -> tuple[bytes, bytes]:
        """Return the payload in ``data`` and what follows that: beyond the body, or, if not ``done``, to be fed again.

        Raises ``BodyError``.
        """
        ...


def body_reader(framing: Framing, length: int) -> BodyReader:
    """Return the reader of a body of this framing; ``length`` counts for ``LENGTH`` only."""
    if framing is Framing.CHUNKED:
        return ChunkedReader()
    if framing is Framing.CLOSE:
        return CloseReader()
    return LengthReader(length if framing is Framing.LENGTH else 0)


class LengthReader:
    """A body of a known number of bytes."""

    __slots__ = ("_remaining", "done")
    has_trailers = False

    def __init__(self, length: int) -> None:
        self._remaining = length
        self.done = length == 0

    def feed(self, data: bytes) -> tuple[bytes, bytes]:
        """See ``BodyReader``. Data that lies wholly in the body is handed on uncopied."""
        if len(data) < self._remaining:
            self._remaining -= len(data)
            return data, b""
        cut = self._remaining
        self._remaining = 0
        self.done = True
        return data[:cut], data[cut:]


class CloseReader:
    """A body that ends with the connection: never ``done`` by itself."""

    done = False
    has_trailers = False

    def feed(self, data: bytes) -> tuple[bytes, bytes]:
        """See ``BodyReader``."""
        return data, b""


class ChunkedReader:
    """A chunked body (RFC 9112, section 7.1), read strictly: CRLF only, hexadecimal sizes only, bounded lines."""

    done = False
    _pending = b""
    _remaining = 0
    _chunk_ended = False
    _in_trailers = False
    _trailer_bytes = 0
    has_trailers = False

    def feed(self, data: bytes) -> tuple[bytes, bytes]:
        """See ``BodyReader``. Of a flood of chunks only so many are read, so that others get their turn."""
        if self._pending:
            data, self._pending = self._pending + data, b""
        payload: list[bytes] = []
        at = 0
        while not self.done:
            if self._remaining:
                piece = data[at : at + self._remaining]
                if not piece:
                    break
                payload.append(piece)
                at += len(piece)
                self._remaining -= len(piece)
                self._chunk_ended = not self._remaining
                if self._chunk_ended and data.startswith(b"\r\n", at):
                    self._chunk_ended = False
                    at += 2
                continue
            if len(payload) == _CHUNKS_AT_ONCE:
                break
            plain = None if self._chunk_ended or self._in_trailers else _PLAIN_SIZE.match(data, at)
            if plain is not None:
                start, stop = plain.end(), plain.end() + int(plain[1], 16)
                if start < stop and data.startswith(b"\r\n", stop):
                    payload.append(data[start:stop])
                    self.done = data.startswith(LAST_CHUNK, stop + 2)
                    at = stop + 2 + len(LAST_CHUNK) * self.done
                    continue
            end = self._line_end(data, at)
            if end < 0:
                self._pending = data[at:]
                return b"".join(payload), b""
            self._take_line(data[at:end])
            at = end + 2
        return b"".join(payload), data[at:]

    def _line_end(self, data: bytes, at: int) -> int:
        if self._chunk_ended:
            mark = data[at : at + 2]
            if not b"\r\n".startswith(mark):
                raise BodyError("a chunk is longer than its size")
            return at if mark == b"\r\n" else -1
        end = data.find(b"\r\n", at)
        line = data[at:] if end < 0 else data[at:end]
        if len(line) > _LINE_LIMIT:
            raise BodyError("a chunk's size or a trailer is too long")
        if b"\n" in line:
            raise BodyError("a line in the chunked body ends in a bare line feed")
        return end

    def _take_line(self, line: bytes) -> None:
        if self._chunk_ended:
            self._chunk_ended = False
        elif not self._in_trailers:
            match = _CHUNK_SIZE.fullmatch(line)
            if match is None or (size := int(match[1], 16)) > _LARGEST:
                raise BodyError("a chunk's size is malformed")
            self._remaining = size
            self._in_trailers = not self._remaining
        elif not line:
            self.done = True
        else:
            match = _FIELD_LINE.fullmatch(line)
            self._trailer_bytes += len(line)
            if match is None or self._trailer_bytes > _TRAILER_LIMIT:
                raise BodyError("the trailers are malformed or too long")
            self.has_trailers = True


def chunk(payload: bytes) -> bytes:
    """Return ``payload``, which is not empty, as one chunk."""
    return b"%x\r\n%b\r\n" % (len(payload), payload)

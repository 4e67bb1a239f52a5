"""Finds where an answer ends, from its bytes as they come. Pure."""

from __future__ import annotations

import functools
import re
from typing import NamedTuple

_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d+)")
_CHUNKED = re.compile(rb"\r\ntransfer-encoding:[^\r]*chunked")
_CLOSE = re.compile(rb"\r\nconnection:[ \t]*close")
_NO_BODY = {204, 304}
#: The same head comes again and again: so many are remembered with what was read from them.
_REMEMBERED = 64


class AnswerError(Exception):
    """What came is no HTTP answer."""


class Reader:
    """Reads one answer. ``status`` is 0 until its head is there; ``closes`` says that the connection ends with it."""

    _data = b""
    _left = 0
    _chunked = False
    _until_the_end = False
    status = 0
    closes = False

    def __init__(self, method: str) -> None:
        self._method = method

    def feed(self, data: bytes) -> bool:
        """Take the next bytes; return whether the answer is whole. Raises AnswerError for what is none."""
        if self.status == 0:
            self._data += data
            if not self._head():
                return False
            data, self._data = self._data, b""
        if self._chunked:
            return self._chunks(data)
        self._left -= len(data)
        return self._left <= 0 and not self._until_the_end

    def end(self) -> bool:
        """Take in that the connection has ended; return whether that makes the answer whole."""
        return self.status != 0 and self._until_the_end

    def _head(self) -> bool:
        while (end := self._data.find(b"\r\n\r\n")) >= 0:
            data = self._data
            head = _head(data[: end + 2], self._method)
            self._data = data[end + 4 :]
            if head.status >= 200:
                self.status, self._left, self._chunked, self._until_the_end, self.closes = head
                return True
        return False

    def _chunks(self, data: bytes) -> bool:
        """Walk over chunks; ``_left`` is what is still to come of one, with its line end."""
        self._data += data
        while True:
            if self._left:
                taken = min(self._left, len(self._data))
                self._data, self._left = self._data[taken:], self._left - taken
                if self._left:
                    return False
            line, end, rest = self._data.partition(b"\r\n")
            if not end:
                return False
            try:
                size = int(line.split(b";")[0], 16)
            except ValueError as error:
                raise AnswerError from error
            if size == 0:
                return rest.startswith(b"\r\n") or b"\r\n\r\n" in rest
            self._data, self._left = rest, size + 2


class _Head(NamedTuple):
    """What a head says: of its body, the length, or that it comes in chunks or until the connection's end."""

    status: int
    length: int
    chunked: bool
    until_the_end: bool
    closes: bool


@functools.lru_cache(_REMEMBERED)
def _head(head: bytes, method: str) -> _Head:
    words = head.split(b" ", 2)
    if not head.startswith(b"HTTP/1.") or len(words) < 2 or not words[1][:3].isdigit():
        raise AnswerError
    status = int(words[1][:3])
    head = head.lower()
    closes = _CLOSE.search(head) is not None or head.startswith(b"http/1.0")
    if method == "HEAD" or status in _NO_BODY:
        return _Head(status, 0, chunked=False, until_the_end=False, closes=closes)
    if _CHUNKED.search(head):
        return _Head(status, 0, chunked=True, until_the_end=False, closes=closes)
    if length := _LENGTH.search(head):
        return _Head(status, int(length[1]), chunked=False, until_the_end=False, closes=closes)
    return _Head(status, 0, chunked=False, until_the_end=True, closes=True)

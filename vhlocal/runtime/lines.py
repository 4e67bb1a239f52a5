"""Chunks of output as lines. Pure."""

from __future__ import annotations

import codecs
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

#: A longer line is handed on in pieces of this many characters, so that output without line ends cannot pile up.
LONGEST = 64 * 1024


class Lines:
    """Turns chunks of bytes into lines of text; a carriage return ends a line too, as in progress bars."""

    def __init__(self, on_line: Callable[[str], None]) -> None:
        self._on_line = on_line
        self._decode = codecs.getincrementaldecoder("utf-8")(errors="replace").decode
        self._rest = ""

    def feed(self, chunk: bytes) -> None:
        """Take the next chunk."""
        text = self._rest + self._decode(chunk)
        *lines, self._rest = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        for line in lines:
            self._on_line(line)
        while len(self._rest) > LONGEST:
            self._on_line(self._rest[:LONGEST])
            self._rest = self._rest[LONGEST:]

    def end(self) -> None:
        """Hand on what is left once there is no more."""
        if self._rest:
            self._on_line(self._rest)
            self._rest = ""

"""Text of others, made fit for a terminal: what a terminal would obey is shown instead.

An app, a file's name, a request and a build may hold any character. Of control sequences only those that set colours
(SGR) reach a terminal, and only from what an app or a build prints.
"""

from __future__ import annotations

import json
import re
from typing import Any

#: What sets colours, weight and the like, and nothing else.
SGR = re.compile(r"\x1b\[[0-9;:]*m")

#: Controls of ASCII and of Latin-1, separators of lines that are no line ends, what turns the direction of text round,
#: and halves of characters. The tab and the line end are not among them.
_OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")


def visible(text: str) -> str:
    """Return a text with everything written out that a terminal would obey, as ``\\x1b`` is; lines stay lines."""
    return _OBEYED.sub(_written, text)


def one_line(text: str) -> str:
    """Return a text as ``visible`` does, in one line: a line end in a name is no line end of ours."""
    return visible(text).replace("\n", "\\n")


def coloured(text: str) -> str:
    """Return a text as ``visible`` does, with what sets colours left in it."""
    if "\x1b" not in text:
        return visible(text)
    parts = SGR.split(text)
    return "".join(visible(part) + colour for part, colour in zip(parts, [*SGR.findall(text), ""], strict=True))


def json_text(value: Any, indent: int | None = 2, *, sort_keys: bool = False) -> str:
    """Return a value as JSON that can be read on a terminal: letters of all languages stay, the rest is escaped."""
    text = json.dumps(value, indent=indent, ensure_ascii=False, sort_keys=sort_keys)
    return _OBEYED.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _written(found: re.Match[str]) -> str:
    number = ord(found[0])
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}"

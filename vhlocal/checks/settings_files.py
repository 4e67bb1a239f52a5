"""Programs' files of settings, as far as a line says a whole value: what is not certain is not known."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from vhlocal.checks.commands import lines_of
from vhlocal.model import Place
from vhlocal.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_TABLE = re.compile(r"\[\s*([\w.-]+)\s*\]\s*(?:#.*)?")
_KEY = re.compile(r"([\w.-]+)\s*=\s*(.*)")
_TEXT = r"\"([^\"\\]*)\"|'([^']*)'"
_SECTION = re.compile(r"\[([^\]]*)\]")
#: What uWSGI puts into a value, and what it does not take for a comment.
_NOT_PLAIN = re.compile(r"[%@;#]|\$\(")
_VALUE = re.compile(rf"(?:{_TEXT}|\[\s*(?:{_TEXT})\s*,?\s*\]|(\d+))\s*(?:#.*)?")


@dataclass(frozen=True)
class Setting:
    """What a file gives a key, None where that is not known: a text, a list of one text, or a whole number."""

    value: str | None
    place: Place
    key: str = ""


def settings_in(file: Path) -> Mapping[str, Setting] | None:
    """Return the settings of a file by their full names, such as ``server.port``; None where a line is not certain."""
    found: dict[str, Setting] = {}
    table = ""
    for number, line in enumerate(map(str.strip, lines_of(file)), 1):
        if not line or line.startswith("#"):
            continue
        if match := _TABLE.fullmatch(line):
            table = f"{match[1]}."
            continue
        match = _KEY.fullmatch(line)
        if match is None or '"""' in line or "'''" in line:
            return None
        value = _VALUE.fullmatch(match[2])
        text = None if value is None else next((one for one in value.groups() if one is not None), None)
        found[table + match[1]] = Setting(text, Place(file, number))
    return found


def ini_settings_in(file: Path, section: str) -> Sequence[Setting] | None:
    """Return the settings in a section of an INI file of uWSGI's, in its order; None where a line is not certain."""
    found: list[Setting] = []
    inside = False
    for number, line in enumerate(map(str.strip, lines_of(file)), 1):
        if not line or line.startswith(("#", ";")):
            continue
        if match := _SECTION.fullmatch(line):
            inside = match[1] == section
        elif line.startswith("["):
            return None
        elif inside:
            key, is_given, value = (part.strip() for part in line.partition("="))
            value = value if is_given else "true"
            plain = None if _NOT_PLAIN.search(value) else value
            found.append(Setting(plain, Place(file, number), key.replace("_", "-")))
    return found

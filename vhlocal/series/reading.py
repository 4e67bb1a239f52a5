"""One line that a server printed, read as metrics: ``{"vh_metadata": {"accuracy": 0.92}}`` (K6). Pure.

Production's documentation shows only that form, and does not say what happens to others. So this collects others
only if production is sure to, and reports a fault if a line clearly means to hold metrics.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import field
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from vhlocal.masked import MASK
from vhlocal.series import MARK
from vhlocal.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Characters of a text that are kept, and of a line that is shown.
TEXT = 200
#: A line from which on more was handed on as another one (``runtime/lines``), or than anybody charts.
LONGEST = 64 * 1024

#: Digits of a whole number that is read as one; Python takes no more than some thousand, and quadratic time for them.
_DIGITS = 18

_BEGINS = re.compile(r"""\{\s*(?:"vh_metadata"|'vh_metadata')\s*:""")
_QUOTED_SINGLY = re.compile(r"\{\s*'")
#: Of an object that is printed with indentation: the line that has the key, at its first level.
_SPREAD = re.compile(r'[ \t]{1,4}"vh_metadata"\s*:\s*\{\s*')
_LOGGED = re.compile(r'(?P<before>.{1,200}?)(?P<object>\{\s*"vh_metadata"\s*:.*\})\s*')
#: What a logger writes before a message: a level somewhere, and at the end that or a separator, as no sentence has.
_LEVEL = r"(?<![A-Za-z])(?:DEBUG|INFO|NOTICE|WARN|WARNING|ERROR|CRITICAL|FATAL)(?![A-Za-z])"
_HAS_LEVEL = re.compile(_LEVEL)
_ENDS_AS_LOGGERS_DO = re.compile(rf"(?:[]:|>)-]|{_LEVEL})\s*$")
_NOT_A_NUMBER = re.compile(r'"([^"\\]{1,80})"\s*:\s*\[?\s*(NaN|-?Infinity)')
#: How prose shows the form: such a line is about metrics and is none.
_ELLIPSIS = re.compile(r"\{\s*(?:\.\.\.|\u2026)")

_WORDS = {bool: "a truth value", type(None): "null", list: "a list", dict: "an object"}


class Fault(NamedTuple):
    """Why a line, or one of its values, is charted nowhere.

    ``name`` is the value's, "" where it is the line. ``why`` reads on after the name, or after "a line".
    """

    name: str
    why: str


@dataclass(frozen=True)
class Reading:
    """What a line has: numbers and texts by name, and what is wrong with it.

    What is neither, such as a list, is among the texts as JSON writes it. ``meant`` are the names in a line that
    is not collected although it could be read.
    """

    numbers: Mapping[str, float] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
    faults: tuple[Fault, ...] = ()
    meant: tuple[str, ...] = ()


def read(stream: str, text: str) -> Reading | None:
    """Return what a line holds; None for one that has nothing to do with metrics, or may not have.

    ``stream`` is ``stdout`` or ``stderr``: only the first is collected.
    """
    if MARK not in text:
        return None
    if len(text) >= LONGEST:
        return _fault(f"has over {LONGEST:,} characters") if _BEGINS.match(text) else None
    found = _parsed(text)
    if isinstance(found, dict):
        return _collected(found[MARK], stream) if MARK in found else None
    if found is not _NO_JSON or MASK in text:
        return None  # A secret that was hidden in it may be what is wrong with it.
    return _logged(text) or (_broken(text) if stream == "stdout" else None)


def _collected(metrics: object, stream: str) -> Reading | None:
    if not isinstance(metrics, dict):
        return _fault(f"has {_kind(metrics)} instead of an object of names and values")
    names = tuple(_clean(name) for name in metrics)
    if stream != "stdout":
        return Reading(faults=(Fault("", "was printed on stderr"),), meant=names)
    numbers: dict[str, float] = {}
    texts: dict[str, str] = {}
    faults = []
    for name, value in zip(names, metrics.values(), strict=True):
        if isinstance(value, str):
            texts[name] = _shortened(_clean(value))
        elif isinstance(value, int | float) and not isinstance(value, bool):
            if math.isfinite(value):
                numbers[name] = float(value)
            else:
                faults.append(Fault(name, "is larger than a floating-point number can be"))
        else:
            texts[name] = _shortened(_written(value))
            faults.append(Fault(name, f"is {_kind(value)}"))
    return Reading(numbers, texts, tuple(faults))


def _logged(text: str) -> Reading | None:
    """Read a line that a logger has put something before."""
    match = _LOGGED.fullmatch(text)
    if match is None or not _HAS_LEVEL.search(match["before"]) or not _ENDS_AS_LOGGERS_DO.search(match["before"]):
        return None
    found = _parsed(match["object"])
    if not isinstance(found, dict) or not isinstance(found.get(MARK), dict):
        return None
    why = f"has `{_clean(match['before'].strip())}` before its JSON"
    return Reading(faults=(Fault("", why),), meant=tuple(map(_clean, found[MARK])))


def _broken(text: str) -> Reading | None:
    """Say what is wrong with a line on stdout that begins as one of metrics, or is a part of one, and is not JSON."""
    if _SPREAD.fullmatch(text):
        return _fault("is part of an object that spans several lines")
    line = text.rstrip()
    if not _BEGINS.match(line) or not line.endswith("}") or _ELLIPSIS.search(line):
        return None
    if _QUOTED_SINGLY.match(line):
        return _fault("has single quotes, as in a printed Python dictionary, not JSON")
    constant = _NOT_A_NUMBER.search(line)
    if constant is not None:
        return _fault(f"has {constant[2]} for `{constant[1]}`, which JSON does not know")
    if line.count(f'"{MARK}"') > 1:
        return _fault("has several objects")
    return _fault("is not JSON")


_NO_JSON = object()


def _parsed(text: str) -> object:
    try:
        return _DECODER.decode(text.strip())
    except (ValueError, RecursionError):
        return _NO_JSON


def _whole(digits: str) -> float:
    return int(digits) if len(digits) <= _DIGITS else float(digits)


def _refused(word: str) -> NoReturn:
    raise ValueError(word)


#: As strict as the standard: Python by itself would read NaN and Infinity.
_DECODER = json.JSONDecoder(parse_constant=_refused, parse_int=_whole)


def _written(value: object) -> str:
    try:
        return json.dumps(value)
    except RecursionError:  # the stack was shorter where it was read
        return "\u2026"


def _kind(value: Any) -> str:
    return _WORDS.get(type(value), "a text" if isinstance(value, str) else "a number")


def _fault(why: str) -> Reading:
    return Reading(faults=(Fault("", why),))


def _clean(text: str) -> str:
    """Return a text without halves of characters, which nothing can be encoded with."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _shortened(text: str) -> str:
    return text if len(text) <= TEXT else f"{text[: TEXT - 1]}\u2026"

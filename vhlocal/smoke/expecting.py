"""What is expected of an answer, as a comment says it, and whether the answer is so."""

from __future__ import annotations

import json
import math
import re
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, NamedTuple

from vhlocal.comparison.bodies import JSON, content_type, read
from vhlocal.comparison.differences import Difference
from vhlocal.comparison.paths import Path, PathError, lookup, parse_one, written
from vhlocal.comparison.prefixes import Prefixes
from vhlocal.comparison.rules import Rules, Tolerance, at_root
from vhlocal.comparison.values import changes, shown
from vhlocal.exchanges import header

if TYPE_CHECKING:
    from vhlocal.exchanges import Answer

#: How expectations are written, for whoever wrote one that cannot be read.
FORMS = (
    "# expect 200 · # expect $.digit == 7 · # expect $.probability ~ 0.99 ± 0.01 · "
    "# expect header content-type: application/json · # expect < 500 ms"
)

_EXPECT = re.compile(r"expect\s+(?P<what>.*\S)")
#: What is likely to be meant as an expectation: it must not be passed over for a letter, nor for a slip of two.
_NEARLY = re.compile(r"(?P<word>[a-z]+)\s*:?\s*(?:\d{3}\b|\$|header\b|<)|expect:?\s*$", re.IGNORECASE)
_LIKE_EXPECT = ("expect", "expects", "expected", "expecting", "except", "assert")
_PATH = r"""\$(?:"(?:[^"\\]|\\.)*"|'[^']*'|[^"'])*?"""
_VALUE = re.compile(rf"(?P<path>{_PATH})\s*(?P<how>==|~)\s*(?P<value>.*)")
_NEAR = re.compile(r"(?P<value>[^±\s]+?)\s*(?:(?:±|\+/-|\+-)\s*(?P<off>\S+))?")
_HEADER = re.compile(r"header\s+(?P<name>[^\s:]+)\s*:\s*(?P<value>.*)")
_TIME = re.compile(r"<\s*(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>ms|s)")

_EXACT = Rules(tolerance=Tolerance(relative=0.0))
_NO_PREFIX = Prefixes()


class Status(NamedTuple):
    """The status is this one."""

    code: int


class Equal(NamedTuple):
    """The value at a path is this one, numbers exactly."""

    path: Path
    value: Any


class Near(NamedTuple):
    """The number at a path is near to this one."""

    path: Path
    value: float
    tolerance: Tolerance


class Header(NamedTuple):
    """A header has this value; of a media type without parameters the answer's parameters do not count."""

    name: str
    value: str


class Quick(NamedTuple):
    """The answer is whole within so many seconds."""

    seconds: float


Expectation = Status | Equal | Near | Header | Quick


class UnreadableError(ValueError):
    """An expectation that cannot be read; the text says what of it."""


def expectation(comment: str) -> Expectation | None:
    """Read a comment, without what makes it one. None where it expects nothing.

    Raises UnreadableError for what is meant as an expectation and is none: left out, it would be met always.
    """
    found = _EXPECT.fullmatch(comment.strip())
    if found is None and not _is_nearly_one(comment.strip()):
        return None
    made = _read(found["what"]) if found else None
    if made is None:
        raise UnreadableError(f"`{comment.strip()}` is not an expectation that vhlocal can read")
    return made


def _is_nearly_one(comment: str) -> bool:
    found = _NEARLY.match(comment)
    word = found["word"] if found else None
    return found is not None and (word is None or bool(get_close_matches(word.lower(), _LIKE_EXPECT, cutoff=0.75)))


def unmet(expected: Expectation, answer: Answer, seconds: float) -> tuple[Difference, ...]:
    """Return what differs between what is expected and what has come, shortest first; nothing where it is met."""
    if isinstance(expected, Status):
        return _differs("status", str(expected.code), str(answer.status), expected.code == answer.status)
    if isinstance(expected, Quick):
        took = f"{seconds * 1000:.0f} ms"
        return _differs("time", f"< {expected.seconds * 1000:g} ms", took, seconds < expected.seconds)
    if isinstance(expected, Header):
        value = header(answer.headers, expected.name)
        met = value is not None and (value == expected.value or _media_type_is(expected, answer))
        return _differs(expected.name.lower(), _quoted(expected.value), _quoted(value), met)
    return _of_value(expected, answer)


def _read(what: str) -> Expectation | None:
    if re.fullmatch(r"[1-5]\d\d", what):
        return Status(int(what))
    if found := _TIME.fullmatch(what):
        return Quick(float(found["number"]) / (1000 if found["unit"] == "ms" else 1))
    if found := _HEADER.fullmatch(what):
        return Header(found["name"], found["value"])
    if found := _VALUE.fullmatch(what):
        try:
            path = parse_one(found["path"])
        except PathError as error:
            raise UnreadableError(str(error)) from error
        return _equal(path, found["value"]) if found["how"] == "==" else _near(path, found["value"])
    return None


def _equal(path: Path, text: str) -> Equal:
    try:
        return Equal(path, json.loads(text))
    except RecursionError as error:
        raise UnreadableError("this JSON is nested too deeply") from error
    except ValueError as error:
        raise UnreadableError(f'`{text}` is not JSON: put text in double quotes, as "{text}"') from error


def _near(path: Path, text: str) -> Near:
    found = _NEAR.fullmatch(text)
    try:
        numbers = [float(part) for part in found.groups() if part is not None] if found else []
    except ValueError:
        numbers = []
    if not numbers or not all(map(math.isfinite, numbers)) or min(numbers[1:], default=0) < 0:
        raise UnreadableError(f"`{text}` is not a number with a tolerance: write 0.99 ± 0.01")
    value, *off = numbers
    return Near(path, value, Tolerance(0.0, off[0], integers=True) if off else Tolerance(integers=True))


def _of_value(expected: Equal | Near, answer: Answer) -> tuple[Difference, ...]:
    where = written(expected.path)
    body = read(answer)
    if body.kind != JSON:
        return _differs("body", "JSON", f"{body.kind}, {answer.body.length} bytes", met=False)
    try:
        value = lookup(body.value, expected.path)
    except KeyError:
        return _differs(where, shown(expected.value, None)[0], "missing", met=False)
    if isinstance(expected, Near):
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        met = is_number and expected.tolerance.allows(expected.value, value)
        off = f" ± {expected.tolerance.absolute:g}" if expected.tolerance.absolute else ""
        return _differs(where, f"{expected.value:g}{off}", shown(None, value)[1], met)
    found = [
        Difference((), written((*expected.path, *change.path)), *shown(change.before, change.after))
        for change in changes(expected.value, value, at_root(_EXACT), _NO_PREFIX)
    ]
    return tuple(sorted(found, key=lambda one: len(str(one))))


def _differs(where: str, before: str, after: str, met: bool) -> tuple[Difference, ...]:
    return () if met else (Difference((), where, before, after),)


def _media_type_is(expected: Header, answer: Answer) -> bool:
    return expected.name.lower() == "content-type" and content_type(answer)[0] == expected.value.lower()


def _quoted(value: str | None) -> str:
    return "missing" if value is None else json.dumps(value, ensure_ascii=False)

"""Patterns of ignore files, matched as the platform's client matches them, in time that no pattern can stretch (B5)."""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING

import gitignorant

if TYPE_CHECKING:
    from collections.abc import Iterable

_SPECIALS = re.compile(r"(\*+|\[|]|\?)")

#: Stars that a regular expression may have: each multiplies the ways in which it tries a path that does not match.
_FEW = 2

_WITHIN, _ACROSS = "*", "**"


class PatternError(Exception):
    """A pattern that cannot be read. ``line`` counts from 1."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(reason)
        self.line = line


def rules_of(lines: Iterable[str]) -> list[gitignorant.Rule]:
    """Return the rules of an ignore file's lines. Raises ``PatternError``."""
    rules: list[gitignorant.Rule] = []
    for number, line in enumerate(lines, 1):
        rule = gitignorant.try_parse_rule(line)
        if rule is not None:
            rules.append(_Rule(negative=rule.negative, content=rule.content))
            try:
                if "[" in line:  # nothing else can be wrong
                    rules[-1].matches("", is_dir=True)
            except (re.error, OverflowError) as error:
                raise PatternError(number, str(error)) from error
    return rules


class _Rule(gitignorant.Rule):
    """A rule that keeps its regular expression, and needs none for many stars, which it follows letter by letter."""

    def matches(self, path: str, is_dir: bool = False) -> bool:
        if self.content.endswith("/") and not is_dir:
            return False
        is_anchored = self._trimmed.startswith("/") or (is_dir and "/" in self._pattern)
        if self._has_many_stars:
            begins = () if is_anchored else (at + 1 for at, letter in enumerate(path) if letter == "/")
            return _reaches_end(self._parts, path, {0, *begins})
        found = self._expression.search(path)
        return found is not None and not (is_anchored and found.start())

    @cached_property
    def _trimmed(self) -> str:
        return self.content.rstrip("/")

    @cached_property
    def _pattern(self) -> str:
        return self._trimmed.removeprefix("/")

    @cached_property
    def _has_many_stars(self) -> bool:
        return len(re.findall(r"\*+", self.content)) > _FEW

    @cached_property
    def _expression(self) -> re.Pattern[str]:
        return gitignorant.compile_pattern(self._pattern)

    @cached_property
    def _parts(self) -> tuple[str | re.Pattern[str], ...]:
        return _parts(self._pattern)


def _reaches_end(parts: tuple[str | re.Pattern[str], ...], path: str, starts: set[int]) -> bool:
    """Tell whether the parts, one after the other from any of these positions, can end where the path does."""
    reached = starts
    for part in parts:
        if isinstance(part, str):
            reached = _spread(path, reached, "\n" if part == _ACROSS else "/")
        else:
            reached = {found.end() for at in reached if (found := part.match(path, at))}
        if not reached:
            return False
    # As `$` has it.
    return len(path) in reached or (path.endswith("\n") and len(path) - 1 in reached)


def _spread(path: str, reached: set[int], stop: str) -> set[int]:
    """Return the positions that can be reached over any letters but one."""
    found, is_on = set(), False
    for at in range(len(path) + 1):
        is_on = at in reached or (is_on and path[at - 1] != stop)
        if is_on:
            found.add(at)
    return found


def _parts(pattern: str) -> tuple[str | re.Pattern[str], ...]:
    """Return stars, and expressions of a fixed length between them, as ``gitignorant.compile_pattern`` reads them."""
    parts: list[str | re.Pattern[str]] = []
    bits = _SPECIALS.split(pattern)
    while bits:
        bit = bits.pop(0)
        if bit.startswith("*"):
            parts.append(_ACROSS if len(bit) > 1 else _WITHIN)
        elif bit == "?":
            parts.append(re.compile("[^/]"))
        elif bit == "[":
            end = bits.index("]") if "]" in bits else len(bits)
            letters = "".join(re.escape(each).replace("\\-", "-") for each in bits[:end])
            parts.append(re.compile(f"[{letters}]"))
            del bits[: end + 1]
        elif bit:
            parts.append(re.compile(re.escape(bit.lstrip("/") if parts[-1:] == [_ACROSS] else bit)))
    return tuple(parts)

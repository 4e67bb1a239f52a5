"""Answers name the path that they were asked under: in links, redirects, documentation. That is no difference."""

from __future__ import annotations

import re
from functools import cache

from vhlocal.values import dataclass


@dataclass(frozen=True)
class Prefixes:
    """The paths, without the slash at their end, that two answers were asked under; "" where it does not matter."""

    before: str = ""
    after: str = ""

    @property
    def moved(self) -> bool:
        """Whether the two were asked under different paths."""
        return self.before != self.after

    def neutral_before(self, text: str) -> str:
        """Return the older answer's text without the path that it was asked under."""
        return _neutral(text, self.before)

    def neutral_after(self, text: str) -> str:
        """Return the newer answer's text without the path that it was asked under."""
        return _neutral(text, self.after)

    def same(self, one: str, other: str) -> bool:
        """Tell whether two texts are the same, or are so but for each answer's own path."""
        return one == other or (self.moved and self.neutral_before(one) == self.neutral_after(other))


def _neutral(text: str, prefix: str) -> str:
    # NUL is in no URL, so that no text of an app's own is taken for a path.
    return _whole_path(prefix).sub("\0", text) if prefix and prefix in text else text


@cache
def _whole_path(prefix: str) -> re.Pattern[str]:
    return re.compile(re.escape(prefix) + r"(?![\w%~.-])")

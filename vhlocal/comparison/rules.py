"""What counts as a difference, as the settings say."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from vhlocal.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable

    from vhlocal.comparison.paths import Pattern

Number = int | float

#: An index that no pattern names.
_NO_INDEX = -1


@dataclass(frozen=True)
class Tolerance:
    """How far two numbers may be apart: ``relative`` to the larger one, or ``absolute``, whichever is more.

    Two numbers that are both written without a fraction are counts, labels and ids: only with ``integers``, which is
    for a tolerance that somebody has set, may they be apart.
    """

    relative: float = 1e-6
    absolute: float = 0.0
    integers: bool = False

    def allows(self, one: Number, other: Number) -> bool:
        """Tell whether two numbers are the same. A NaN is the same as a NaN, an infinity as that infinity alone."""
        if one == other or (_is_nan(one) and _is_nan(other)):
            return True
        if isinstance(one, int) and isinstance(other, int) and not self.integers:
            return False
        try:
            # 0.99 ± 0.01 allows 1.0, from which it is a little more than 0.01 away as binary numbers are.
            absolute = self.absolute and self.absolute + 2 * math.ulp(max(abs(one), abs(other)))
            return math.isclose(one, other, rel_tol=self.relative, abs_tol=absolute)
        except OverflowError:  # an integer that no float can hold
            return False


@dataclass(frozen=True)
class Rules:
    """``tolerances`` go for the numbers at a path and below it, the last that fits wins.

    What is at ``ignored`` paths or below is not looked at; lists at the paths of ``sets`` may be in any order.
    """

    tolerance: Tolerance = Tolerance()
    tolerances: tuple[tuple[Pattern, Tolerance], ...] = ()
    ignored: tuple[Pattern, ...] = ()
    sets: tuple[Pattern, ...] = ()
    headers: tuple[str, ...] = ("content-type", "location")


#: What is compared where nobody has set anything.
DEFAULT = Rules()


@dataclass(frozen=True)
class Here:
    """The rules as they are at one place of a document: what is left of each pattern from here on."""

    tolerance: Tolerance
    tolerances: tuple[tuple[Pattern, Tolerance], ...]
    ignoring: tuple[Pattern, ...]
    sets: tuple[Pattern, ...]

    @property
    def ignored(self) -> bool:
        """Whether nothing from here on counts."""
        return () in self.ignoring

    @property
    def unordered(self) -> bool:
        """Whether a list here is a set."""
        return () in self.sets

    @property
    def alike(self) -> bool:
        """Whether no rule asks for the name of what is below."""
        return not (self.tolerances or self.ignoring or self.sets)

    def of_items(self) -> Callable[[int], Here]:
        """Return what returns the rules at each index of a list: of a long one they are made once."""
        patterns = (*(pattern for pattern, _ in self.tolerances), *self.ignoring, *self.sets)
        named = {pattern[0] for pattern in patterns if pattern}
        others = self.below(_NO_INDEX)
        return lambda index: self.below(index) if index in named else others

    def below(self, step: str | int) -> Here:
        """Return the rules at a key or an index of what is here."""
        if self.alike:
            return self
        return _here(
            self.tolerance,
            tuple((pattern[1:], tolerance) for pattern, tolerance in self.tolerances if _fits(pattern, step)),
            tuple(pattern[1:] for pattern in self.ignoring if _fits(pattern, step)),
            tuple(pattern[1:] for pattern in self.sets if _fits(pattern, step)),
        )


def _is_nan(number: Number) -> bool:
    return isinstance(number, float) and math.isnan(number)


def at_root(rules: Rules) -> Here:
    """Return the rules as they are at a document's root."""
    return _here(rules.tolerance, rules.tolerances, rules.ignored, rules.sets)


def _here(
    tolerance: Tolerance,
    tolerances: tuple[tuple[Pattern, Tolerance], ...],
    ignoring: tuple[Pattern, ...],
    sets: tuple[Pattern, ...],
) -> Here:
    for pattern, found in tolerances:
        if pattern == ():
            tolerance = found
    return Here(tolerance, tolerances, ignoring, sets)


def _fits(pattern: Pattern, step: str | int) -> bool:
    return pattern != () and (pattern[0] is None or pattern[0] == step)

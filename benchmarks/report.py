"""What every benchmark prints: a table of medians, then one line for each goal."""

from __future__ import annotations

import operator
import statistics
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_MET, _SHORT, _UNMEASURED = 0, 1, 2

_OPERATORS: dict[str, Callable[[float, float], bool]] = {"<=": operator.le, ">=": operator.ge}


class UnmeasuredError(Exception):
    """Something that the measurement needs is not there; the text says what."""


@dataclass(frozen=True)
class Goal:
    """A figure that the project promises: ``value`` is to stand in the relation ``relation`` to ``target``."""

    name: str
    value: float
    relation: str
    target: float

    @property
    def met(self) -> bool:
        """Whether the promise is kept."""
        return _OPERATORS[self.relation](self.value, self.target)

    def __str__(self) -> str:
        verdict = "met" if self.met else "short"
        return f"goal {self.name}: {self.value:.2f} {self.relation} {self.target:g}: {verdict}"


def print_table(title: str, unit: str, samples: Mapping[str, Sequence[float]]) -> None:
    """Print each contender's median, minimum and maximum."""
    width = max(map(len, samples))
    print(f"\n{title} ({unit})\n{'':<{width}}  {'median':>9} {'min':>9} {'max':>9}   n")
    for name, values in samples.items():
        median, least, most = statistics.median(values), min(values), max(values)
        print(f"{name:<{width}}  {median:>9.3f} {least:>9.3f} {most:>9.3f} {len(values):>3}")


def conclude(measure: Callable[[], Sequence[Goal]]) -> None:
    """Measure, print the goals, and exit: 0 all met, 1 one is short, 2 when it could not be measured."""
    try:
        goals = measure()
    except UnmeasuredError as error:
        print(f"could not measure: {error}")
        sys.exit(_UNMEASURED)
    print()
    for goal in goals:
        print(goal)
    sys.exit(_MET if all(goal.met for goal in goals) else _SHORT)

"""How long it takes to compare two answers of 100,000 numbers, from the bytes to the differences as they are told.

In seconds of the processor: it is computing alone, and others may be at work on the machine.

``python -m benchmarks.compare [--quick]``

A library was tried for the JSON difference: deepdiff 9.1 took 14 s for 10,000 numbers within a tolerance, and its time
grew with the square of their count.
"""

from __future__ import annotations

import json
import random
import statistics
import sys
import time
from typing import TYPE_CHECKING

from benchmarks.report import Goal, conclude, print_table
from vhlocal.comparison.differences import differences, told
from vhlocal.comparison.paths import parse
from vhlocal.comparison.rules import DEFAULT, Rules, Tolerance
from vhlocal.exchanges import Answer, whole

if TYPE_CHECKING:
    from collections.abc import Sequence

_NUMBERS = 100_000
_EACH, _LIST = parse("$.scores[*]"), parse("$.scores")


def measure() -> Sequence[Goal]:
    """Alternate between the cases and return a goal for each."""
    chance = random.Random(7)
    numbers = [chance.random() for _ in range(_NUMBERS)]
    near, far = [number * (1 + 1e-9) for number in numbers], [number + 0.1 for number in numbers]
    cases = {
        "within the tolerance": (near, DEFAULT),
        "all of them differ": (far, DEFAULT),
        "with a tolerance of their path": (near, Rules(tolerances=((_EACH, Tolerance(relative=1e-8)),))),
        "as a set": (near[::-1], Rules(sets=(_LIST,))),
    }
    took: dict[str, list[float]] = {name: [] for name in cases}
    before = _answer(numbers)
    for _ in range(3 if "--quick" in sys.argv else 11):
        for name, (others, rules) in cases.items():
            after = _answer(others)
            began = time.process_time()
            told("scores", differences(before, after, rules))
            took[name].append(time.process_time() - began)
    print_table(f"two answers of {_NUMBERS:,} numbers", "s", took)
    limits = {name: 1.0 for name in cases} | {"as a set": 2.0}  # sorted on both sides
    return [Goal(f"{name}, s", statistics.median(seconds), "<=", limits[name]) for name, seconds in took.items()]


def _answer(numbers: Sequence[float]) -> Answer:
    return Answer(200, (("Content-Type", "application/json"),), whole(json.dumps({"scores": numbers}).encode()))


if __name__ == "__main__":
    conclude(measure)

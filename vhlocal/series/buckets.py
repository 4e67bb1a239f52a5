"""One series: its values in buckets of time, finer the younger they are. Pure."""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left
from typing import NamedTuple

#: Seconds that a bucket is wide, and how many of that width are kept: ten minutes of seconds, two hours of ten
#: seconds, a day of minutes and a month of hours. Each value is counted once in each width.
WIDTHS = ((1, 600), (10, 720), (60, 1440), (3600, 720))

#: Buckets that one answer has at most.
MOST = 2000


class Bucket(NamedTuple):
    """The values, so many, that came in the step from ``time`` on, in epoch seconds."""

    time: int
    number: int
    least: float
    most: float
    total: float

    @property
    def mean(self) -> float:
        """The mean of the values."""
        return self.total / self.number


class _Column:
    """Buckets of one width, the oldest first; 40 bytes for each."""

    def __init__(self, width: int, kept: int) -> None:
        self.width = width
        self._kept = kept
        self._slots, self._counts = array("q"), array("q")
        self._least, self._most, self._totals = array("d"), array("d"), array("d")
        #: Whether buckets have left it, so that others reach back further.
        self.is_full = False

    def add(self, time: float, value: float) -> None:
        slot = int(time // self.width)
        at = len(self._slots) - 1
        if at < 0 or self._slots[at] != slot:
            at = self._open(slot)
        self._counts[at] += 1
        self._totals[at] += value
        self._least[at] = min(self._least[at], value)
        self._most[at] = max(self._most[at], value)

    def _open(self, slot: int) -> int:
        """Return where a slot's bucket is. A clock may have been set back: the order is the slots'."""
        at = bisect_left(self._slots, slot)
        if at < len(self._slots) and (self._slots[at] == slot or (at == 0 and self.is_full)):
            return at  # what is older than all that is kept counts to the oldest
        for column, first in (
            (self._slots, slot),
            (self._counts, 0),
            (self._least, math.inf),
            (self._most, -math.inf),
            (self._totals, 0.0),
        ):
            column.insert(at, first)  # type: ignore[arg-type]
        if len(self._slots) > self._kept + self._kept // 8:  # some at once: those that stay are moved
            self.is_full, gone = True, len(self._slots) - self._kept
            for column in (self._slots, self._counts, self._least, self._most, self._totals):
                del column[:gone]
            at = max(0, at - gone)
        return at

    def since(self, time: float) -> list[Bucket]:
        first = bisect_left(self._slots, int(time // self.width))
        return [
            Bucket(self._slots[at] * self.width, *rest)
            for at, rest in enumerate(
                zip(self._counts[first:], self._least[first:], self._most[first:], self._totals[first:], strict=True),
                first,
            )
        ]

    def reaches(self, time: float) -> bool:
        return not self.is_full or self._slots[0] * self.width <= time


class Series:
    """The values of one name of one replica. ``first`` and ``last`` are times in epoch seconds."""

    def __init__(self, time: float) -> None:
        self._columns = [_Column(width, kept) for width, kept in WIDTHS]
        self.first = self.last = time
        self.value = 0.0
        self.count = 0
        self.total = 0.0
        self.least, self.most = math.inf, -math.inf

    def add(self, time: float, value: float) -> None:
        """Count a value."""
        self.first, self.last, self.value = min(self.first, time), max(self.last, time), value
        self.count += 1
        self.total += value
        self.least, self.most = min(self.least, value), max(self.most, value)
        for column in self._columns:
            column.add(time, value)

    def buckets(self, since: float | None = None, step: int = 1) -> tuple[int, list[Bucket]]:
        """Return the buckets from ``since`` on, those alone that have values, and the seconds that each is wide.

        That is ``step``, or more where so fine ones are no longer kept from then on, or would be over ``MOST``.
        """
        since = self.first if since is None else max(since, self.first)
        step = max(1, step, math.ceil((self.last - since) / (MOST - 2)))
        reaching = next((each for each in self._columns if each.reaches(since)), self._columns[-1])
        fitting = [each for each in self._columns if step % each.width == 0]
        column = max(reaching, fitting[-1], key=lambda each: each.width)
        step = math.ceil(step / column.width) * column.width
        merged: dict[int, Bucket] = {}
        for bucket in column.since(since // step * step):
            start = bucket.time // step * step
            there = merged.get(start)
            merged[start] = bucket._replace(time=start) if there is None else _together(there, bucket)
        return step, list(merged.values())


def _together(one: Bucket, other: Bucket) -> Bucket:
    return Bucket(
        one.time,
        one.number + other.number,
        min(one.least, other.least),
        max(one.most, other.most),
        one.total + other.total,
    )

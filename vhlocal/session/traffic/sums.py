"""What all requests of a run add up to, by endpoint: what ``/metrics`` shows. Pure."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from dataclasses import field
from typing import TYPE_CHECKING, Any

from vhlocal.model import RequestRecord
from vhlocal.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Upper bounds of the histograms' buckets, in seconds; one more bucket takes the rest.
BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


@dataclass
class Histogram:
    """How many times fell into each bucket, each counted once, and their sum in seconds."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS) + 1))
    total: float = 0.0

    def add(self, times: Sequence[float | None]) -> None:
        """Count these times; None, for what did not happen, is not counted."""
        known: Any = times
        try:
            total = sum(known)
        except TypeError:  # hardly ever: to look for None takes longer than to add up
            known = [seconds for seconds in times if seconds is not None]
            total = sum(known)
        if not known:
            return
        self.total += total
        last = bisect_left(BOUNDS, max(known))
        first = last and bisect_left(BOUNDS, min(known))
        if first < last:  # to sort them is the dear part
            known = sorted(known)
        below = 0
        for bucket in range(first, last):
            upto = bisect_right(known, BOUNDS[bucket], below)
            self.counts[bucket] += upto - below
            below = upto
        self.counts[last] += len(known) - below


@dataclass
class Traffic:
    """The sums of one endpoint. Sizes are body bytes."""

    statuses: Counter[int] = field(default_factory=Counter)
    broken: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    gateway: Histogram = field(default_factory=Histogram)
    first_byte: Histogram = field(default_factory=Histogram)
    total: Histogram = field(default_factory=Histogram)

    def add(self, columns: Any) -> None:
        """Count these requests, as ``columns`` returns them."""
        statuses, count = columns.status, len(columns.status)
        if is_uniform(statuses):
            self.statuses[statuses[0]] += count
        else:
            self.statuses.update(statuses)
        self.broken += count - columns.whole.count(True)
        self.bytes_in += sum(columns.bytes_in)
        self.bytes_out += sum(columns.bytes_out)
        self.gateway.add(columns.gateway_seconds)
        self.first_byte.add(columns.first_byte_seconds)
        self.total.add(columns.seconds)


def columns(records: Sequence[RequestRecord]) -> Any:
    """Return what requests have in each of their fields, for one at least: to go through takes a fifth of the time."""
    return RequestRecord._make(zip(*records, strict=True))


def is_uniform(column: Sequence[object]) -> bool:
    """Tell whether all in a column, which is not empty, are the same."""
    return column.count(column[0]) == len(column)

"""What all requests of a run add up to, by endpoint: what ``/metrics`` tells. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vhlocal.model import RequestRecord

#: Upper bounds of the histograms' buckets, in seconds; one more bucket takes the rest.
BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


@dataclass
class Histogram:
    """How many times fell into each bucket, each counted once, and their sum in seconds."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS) + 1))
    total: float = 0.0

    def add(self, seconds: float | None) -> None:
        """Count one time; None, for what did not happen, is not counted."""
        if seconds is not None:
            self.counts[bisect_left(BOUNDS, seconds)] += 1
            self.total += seconds


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

    def add(self, record: RequestRecord) -> None:
        """Count one request."""
        self.statuses[record.status] += 1
        self.broken += not record.whole
        self.bytes_in += record.bytes_in
        self.bytes_out += record.bytes_out
        self.gateway.add(record.gateway_seconds)
        self.first_byte.add(record.first_byte_seconds)
        self.total.add(record.seconds)

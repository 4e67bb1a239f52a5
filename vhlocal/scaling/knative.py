"""Knative's autoscaler on concurrency, with its published defaults (K3).

Source: knative.dev, "Serving > Autoscaling", and knative/serving ``pkg/autoscaler/scaling``. Left out is what does not
exist here: scaling to zero, the activator and its burst capacity, and the panic after a restart of the autoscaler.
"""

from __future__ import annotations

import math

from vhlocal.errors import InputError
from vhlocal.scaling.look import Look, Range, Wanted, not_negative, positive
from vhlocal.values import dataclass


@dataclass(frozen=True)
class _Sample:
    """The average concurrency from ``start`` to ``end``."""

    start: float
    end: float
    concurrency: float


@dataclass(frozen=True)
class Memory:
    """What Knative's rule remembers.

    ``samples`` cover the stable window. ``panic_since`` is when the panic threshold was last passed, None in stable
    mode; ``panic_most`` what was wanted most since. ``wanted`` are (time, number) within the scale-down delay.
    """

    samples: tuple[_Sample, ...] = ()
    panic_since: float | None = None
    panic_most: int = 0
    wanted: tuple[tuple[float, int], ...] = ()


@dataclass(frozen=True)
class Knative:
    """Knative's rule. Times are in seconds, ``utilization`` and ``panic_window`` are shares of 1.

    ``target`` is how many requests a replica should have in flight, of which ``utilization`` is aimed at.
    ``panic_window`` is a share of the stable ``window``. With ``panic_threshold`` times the ready replicas wanted, the
    short window decides too and nothing is removed. In one look the ready replicas are multiplied by ``up_rate``
    or divided by ``down_rate`` at most.
    """

    target: float = 100.0
    utilization: float = 0.7
    window: float = 60.0
    panic_window: float = 0.1
    panic_threshold: float = 2.0
    up_rate: float = 1000.0
    down_rate: float = 2.0
    down_delay: float = 0.0
    interval: float = 2.0

    def __post_init__(self) -> None:
        for name in ("target", "utilization", "window", "panic_window", "panic_threshold", "interval"):
            positive(f"Knative's {name.replace('_', ' ')}", getattr(self, name))
        not_negative("Knative's down delay", self.down_delay)
        for name in ("up_rate", "down_rate"):
            if not 1 < getattr(self, name) < math.inf:
                raise InputError(
                    f"Knative's {name.replace('_', ' ')} cannot be {getattr(self, name):g}",
                    hint="give a number above 1: the replicas are multiplied or divided by it",
                )

    @property
    def horizon(self) -> float:
        """Seconds after which the past has no effect: a panic may last one window more than its samples."""
        return 2 * self.window + self.down_delay + self.interval

    def want(self, look: Look, within: Range, memory: Memory | None = None) -> Wanted[Memory]:
        """Return the wanted number, at the first look without a memory."""
        memory = memory or Memory()
        samples = (*memory.samples, _Sample(look.time - look.seconds, look.time, look.concurrency))
        samples = tuple(sample for sample in samples if sample.end > look.time - self.window)
        aim = self.target * self.utilization
        ready = max(1, look.ready)
        needed = _ceil(_average(samples, look.time - self.window) / aim)
        needed_now = _ceil(_average(samples, look.time - self.window * self.panic_window) / aim)
        most, least = _ceil(self.up_rate * ready), math.floor(ready / self.down_rate)

        since = memory.panic_since
        if needed_now / ready >= self.panic_threshold:
            since = look.time
        elif since is not None and since + self.window < look.time:
            since = None

        wanted, why = min(max(needed, least), most), "stable"
        panic_most = 0
        if since is not None:
            panic_most = max(wanted, min(max(needed_now, least), most), memory.panic_most)
            wanted, why = panic_most, "panic"
        recent: tuple[tuple[float, int], ...] = ()
        if self.down_delay:
            recent = (*memory.wanted, (look.time, wanted))
            recent = tuple((time, number) for time, number in recent if time > look.time - self.down_delay)
            delayed = max(number for _, number in recent)
            wanted, why = delayed, why if delayed == wanted else "scale-down delay"
        return Wanted(within.clamp(wanted), why, Memory(samples, since, panic_most, recent))


def _average(samples: tuple[_Sample, ...], begin: float) -> float:
    """Return the average over what of the samples lies after ``begin``; of the last where that is nothing."""
    weights = [max(0.0, sample.end - max(sample.start, begin)) for sample in samples]
    whole = math.fsum(weights)
    if not whole:
        return samples[-1].concurrency
    return math.fsum(w * sample.concurrency for w, sample in zip(weights, samples, strict=True)) / whole


def _ceil(number: float) -> int:
    """Round up, but not for what is only the binary fraction's error: 7 over 0.7 is 10, not 11."""
    return math.ceil(round(number, 9))

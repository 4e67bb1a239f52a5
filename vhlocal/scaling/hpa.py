"""Kubernetes' horizontal pod autoscaler, autoscaling/v2, with its published defaults (K3).

Source: kubernetes.io, "Horizontal Pod Autoscaling", and kubernetes/kubernetes ``pkg/controller/podautoscaler``. One
metric: a replica's CPU, or its requests in flight.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from vhlocal.errors import InputError
from vhlocal.scaling.look import Look, Range, Wanted, not_negative, positive
from vhlocal.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable

#: What a missing metric is taken for when the others say that there are too many: all that was requested.
_ALL_OF_ITS_CPU = 100.0


@dataclass(frozen=True)
class Policy:
    """How much may change within ``seconds``: ``amount`` replicas, or percent of those at the period's beginning."""

    amount: float
    seconds: float
    percent: bool = False

    def __post_init__(self) -> None:
        positive("a scaling policy's amount", self.amount)
        positive("a scaling policy's seconds", self.seconds)


@dataclass(frozen=True)
class Memory:
    """What the rule remembers: (time, number) that the metric asked for, and (time, change) that was made."""

    proposals: tuple[tuple[float, int], ...] = ()
    changes: tuple[tuple[float, int], ...] = ()


@dataclass(frozen=True)
class Hpa:
    """The HPA's rule. Times are in seconds, ``tolerance`` is a share of 1.

    ``target`` is a replica's CPU in percent of what it requested, or with ``cpu`` off its requests in flight. Of the
    policies of a direction the one that allows most counts. The windows are those of stabilization: up to the
    lowest, down to the highest number that was proposed within them.
    """

    target: float = 80.0
    cpu: bool = True
    tolerance: float = 0.1
    up_window: float = 0.0
    down_window: float = 300.0
    up: tuple[Policy, ...] = (Policy(100, 15, percent=True), Policy(4, 15))
    down: tuple[Policy, ...] = (Policy(100, 15, percent=True),)
    interval: float = 15.0

    def __post_init__(self) -> None:
        positive("the HPA's target", self.target)
        positive("the HPA's interval", self.interval)
        for name in ("tolerance", "up_window", "down_window"):
            not_negative(f"the HPA's {name.replace('_', ' ')}", getattr(self, name))
        if not (self.up and self.down):
            raise InputError(
                "the HPA needs a scaling policy for each direction", hint="leave them out for the defaults"
            )

    @property
    def horizon(self) -> float:
        """Seconds after which the past has no effect."""
        return max(self.up_window, self.down_window, *(each.seconds for each in (*self.up, *self.down))) + self.interval

    def want(self, look: Look, within: Range, memory: Memory | None = None) -> Wanted[Memory]:
        """Return the wanted number, at the first look without a memory.

        What a look has besides ``replicas`` and ``time`` does not count. A number outside of the range is
        brought into it at once; without any metric nothing changes.
        """
        memory = memory or Memory()
        current = len(look.replicas)
        if current != within.clamp(current):
            return self._answer(look, within.clamp(current), "range", memory)
        proposal = self._proposal(look)
        if proposal is None:
            return self._answer(look, current, "no metric", memory)
        recent = _after(look.time - max(self.up_window, self.down_window), memory.proposals)
        lowest = min([proposal, *(number for _, number in _after(look.time - self.up_window, recent))])
        highest = max([proposal, *(number for _, number in _after(look.time - self.down_window, recent))])
        stable = min(max(current, lowest), highest)
        allowed = within.clamp(self._allowed(current, stable, look.time, memory.changes))
        why = "metric"
        if allowed != proposal:
            why = "stabilization" if stable != proposal else "policy"
            why = "range" if allowed == within.clamp(stable) != stable else why
        return self._answer(look, allowed, why, Memory((*recent, (look.time, proposal)), memory.changes))

    def _answer(self, look: Look, wanted: int, why: str, memory: Memory) -> Wanted[Memory]:
        change = wanted - len(look.replicas)
        longest = max(policy.seconds for policy in (*self.up, *self.down))
        changes = _after(look.time - longest, memory.changes)
        return Wanted(wanted, why, Memory(memory.proposals, (*changes, (look.time, change)) if change else changes))

    def _proposal(self, look: Look) -> int | None:
        """Return what the metric asks for; None where no ready replica has one."""
        current = len(look.replicas)
        known = [replica.load for replica in look.replicas if replica.ready and replica.load is not None]
        missing = sum(replica.ready and replica.load is None for replica in look.replicas)
        unready = current - len(known) - missing
        if not known:
            return None
        ratio = self._ratio(known)
        if not missing and not (unready and ratio > 1):
            return current if self._is_near(ratio) else _ceil(ratio * len(known))
        if ratio < 1:  # a scale-down: what is not known is thought busy
            known += [max(self.target, _ALL_OF_ITS_CPU) if self.cpu else self.target] * missing
        elif ratio > 1:  # a scale-up: what is not known, and what is not ready, is thought idle
            known += [0.0] * (missing + unready)
        again = self._ratio(known)
        number = _ceil(again * len(known))
        turned = (ratio < 1 < again) or (again < 1 < ratio)
        if self._is_near(again) or turned or (again < 1 and number > current) or (again > 1 and number < current):
            return current
        return number

    def _ratio(self, loads: list[float]) -> float:
        average = math.fsum(loads) / len(loads)
        # Kubernetes' utilization is a whole number of percent.
        return (math.floor(round(average, 9)) if self.cpu else average) / self.target

    def _is_near(self, ratio: float) -> bool:
        return abs(round(1.0 - ratio, 9)) <= self.tolerance

    def _allowed(self, current: int, wanted: int, now: float, changes: tuple[tuple[float, int], ...]) -> int:
        """Return the number nearest to the wanted one that the direction's policies allow."""
        if wanted > current:
            limit = max(_limit(policy, current, now, changes, 1) for policy in self.up)
            return max(current, min(wanted, limit))
        if wanted < current:
            limit = min(_limit(policy, current, now, changes, -1) for policy in self.down)
            return min(current, max(wanted, limit))
        return wanted


def _limit(policy: Policy, current: int, now: float, changes: tuple[tuple[float, int], ...], sign: int) -> int:
    """Return how many replicas a policy allows, counted from those that there were when its period began."""
    begun = current - sum(change for _, change in _after(now - policy.seconds, changes))
    if policy.percent:
        number = begun * (1 + sign * policy.amount / 100)
        return _ceil(number) if sign > 0 else math.floor(round(number, 9))
    return math.floor(begun + sign * policy.amount)


def _after(time: float, entries: Iterable[tuple[float, int]]) -> tuple[tuple[float, int], ...]:
    return tuple(entry for entry in entries if entry[0] > time)


def _ceil(number: float) -> int:
    """Round up, but not for what is only the binary fraction's error."""
    return math.ceil(round(number, 9))

"""What a scaling rule sees and what it answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from vhlocal.errors import InputError
from vhlocal.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable

M = TypeVar("M")


@dataclass(frozen=True)
class Replica:
    """One replica at one moment. ``load`` is its metric (see ``Look``), None where nothing was measured."""

    load: float | None
    ready: bool = True


@dataclass(frozen=True)
class Look:
    """What is known of an endpoint at ``time``, in seconds of any clock that never goes back.

    A replica's load is its average over the last ``seconds``: requests in flight, those in its own queue included, or
    CPU in percent of what it requested. ``waiting`` is the average number of requests that no replica had.
    Replicas that are being drained are left out.
    """

    time: float
    seconds: float
    replicas: tuple[Replica, ...]
    waiting: float = 0.0

    @property
    def ready(self) -> int:
        """How many replicas take requests."""
        return sum(replica.ready for replica in self.replicas)

    @property
    def concurrency(self) -> float:
        """All requests in flight, where the loads are that."""
        return self.waiting + sum(replica.load or 0.0 for replica in self.replicas)


@dataclass(frozen=True)
class Range:
    """How few and how many replicas there may be, both counted in; ``InputError`` unless 1 <= least <= most (K3)."""

    least: int
    most: int

    def __post_init__(self) -> None:
        if self.least < 1:
            raise InputError(
                f"{self.least} replicas cannot answer requests",
                hint="use 1 or more: Valohai's endpoints do not scale to zero",
            )
        if self.most < self.least:
            raise InputError(f"the range {self.least}-{self.most} is reversed", hint=f"write {self.most}-{self.least}")

    def __str__(self) -> str:
        return f"{self.least}-{self.most}" if self.least != self.most else str(self.least)

    def clamp(self, number: int) -> int:
        """Return the nearest number within the range."""
        return min(max(number, self.least), self.most)


@dataclass(frozen=True)
class Wanted(Generic[M]):
    """A rule's answer: how many replicas, why in a few words, and what it has to be given back at the next look."""

    replicas: int
    why: str
    memory: M


class Rule(Protocol[M]):
    """A pure function from an endpoint's history to a number of replicas within its range.

    The history is what was looked at so far: each answer's ``memory`` holds what the next needs of it. A rule is asked
    every ``interval`` seconds. What lies longer than ``horizon`` seconds back has no effect any more.
    """

    @property
    def interval(self) -> float: ...
    @property
    def horizon(self) -> float: ...
    @property
    def want(self) -> Callable[[Look, Range, M | None], Wanted[M]]: ...


def positive(name: str, value: float) -> None:
    """Raise InputError unless a setting of a rule is a number above zero."""
    if not 0 < value < float("inf"):
        raise InputError(f"{name} cannot be {value:g}", hint="give a number above zero")


def not_negative(name: str, value: float) -> None:
    """Raise InputError where a setting of a rule is below zero, or endless."""
    if not 0 <= value < float("inf"):
        raise InputError(f"{name} cannot be {value:g}", hint="give zero or more")

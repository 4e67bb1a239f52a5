"""The metrics of a run, within a bound. Pure; from any thread.

However many values come, a series takes 50 KB in its first hour and, once a month has passed, 170 KB. With ``MOST`` of
them, and the texts, a run's metrics stay below 50 MB.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import field
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

from vhlocal.series.buckets import Series
from vhlocal.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from vhlocal.model import ServedAt
    from vhlocal.series.buckets import Bucket

#: Series of numbers that are kept, and as many of texts: one for each name of each replica.
MOST = 200
#: Characters that a name may have.
NAME = 100
#: Texts of one name of one replica that are kept.
TEXTS = 50

#: Seconds after which one that has had no value leaves for a new one.
_LEAVES = 3600.0


class Key(NamedTuple):
    """Whose it is, and its name."""

    at: ServedAt
    name: str


@dataclass
class Texts:
    """The texts of one name of one replica: the last ones, the oldest first, each with its time; and how many came."""

    kept: deque[tuple[float, str]] = field(default_factory=lambda: deque(maxlen=TEXTS))
    count: int = 0

    @property
    def last(self) -> float:
        """When the last one came."""
        return self.kept[-1][0]


@dataclass(frozen=True)
class Answer:
    """What is known of one series; ``buckets`` are ``step`` seconds wide, none where none were asked for."""

    key: Key
    count: int
    first: float
    last: float
    value: float
    least: float
    most: float
    total: float
    step: int = 0
    buckets: tuple[Bucket, ...] = ()


K = TypeVar("K", Series, Texts)


class _Bounded(Generic[K]):
    """So many of one kind by their keys; one that has been silent for long leaves for a new one."""

    def __init__(self) -> None:
        self.kept: dict[Key, K] = {}

    def find(self, key: Key, time: float, make: Callable[[], K]) -> K | None:
        found = self.kept.get(key)
        if found is None and len(key.name) <= NAME and self._has_room(time):
            found = self.kept[key] = make()
        return found

    def _has_room(self, time: float) -> bool:
        if len(self.kept) < MOST:
            return True
        silent = min(self.kept, key=lambda key: self.kept[key].last)
        if time - self.kept[silent].last < _LEAVES:
            return False
        del self.kept[silent]
        return True


class Store:
    """See the module."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._numbers: _Bounded[Series] = _Bounded()
        self._texts: _Bounded[Texts] = _Bounded()
        #: How many values were left out, since there were too many names or their name was too long.
        self.left_out = 0

    def add(self, at: ServedAt, time: float, numbers: Mapping[str, float], texts: Mapping[str, str]) -> None:
        """Take in what a line has, which came at ``time``, in epoch seconds."""
        with self._lock:
            for name, value in numbers.items():
                series = self._numbers.find(Key(at, name), time, lambda: Series(time))
                if series is None:
                    self.left_out += 1
                else:
                    series.add(time, value)
            for name, text in texts.items():
                found = self._texts.find(Key(at, name), time, Texts)
                if found is None:
                    self.left_out += 1
                else:
                    found.kept.append((time, text))
                    found.count += 1

    def has(self, at: ServedAt, names: tuple[str, ...]) -> bool:
        """Tell whether all these names of a replica have been collected."""
        with self._lock:
            return all(Key(at, name) in self._numbers.kept or Key(at, name) in self._texts.kept for name in names)

    def series(
        self, wanted: Callable[[Key], bool] = lambda _: True, *, since: float | None = None, step: int | None = None
    ) -> list[Answer]:
        """Return those series that are ``wanted``; with buckets from ``since`` on where a ``step`` is given."""
        with self._lock:
            return [
                _answer(key, series, None if step is None else series.buckets(since, step))
                for key, series in self._numbers.kept.items()
                if wanted(key)
            ]

    def texts(self, wanted: Callable[[Key], bool] = lambda _: True) -> list[tuple[Key, Texts]]:
        """Return the texts that are ``wanted``, as they are now."""
        with self._lock:
            return [
                (key, Texts(texts.kept.copy(), texts.count)) for key, texts in self._texts.kept.items() if wanted(key)
            ]


def _answer(key: Key, series: Series, buckets: tuple[int, list[Bucket]] | None) -> Answer:
    step, found = buckets or (0, ())
    return Answer(
        key,
        series.count,
        series.first,
        series.last,
        series.value,
        series.least,
        series.most,
        series.total,
        step,
        tuple(found),
    )

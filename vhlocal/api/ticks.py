"""What a run's servers do at this moment, once a second, as long as somebody wants to know."""

from __future__ import annotations

import threading
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

from vhlocal.model import State
from vhlocal.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from vhlocal.model import RequestRecord, ServedAt
    from vhlocal.session.view import View

_SECOND = 1.0

#: A look at the servers' memory is paid for by a pause of so many times as long, in which the last one's word stands.
_TIMES_ITS_COST = 20.0

_ERROR = 500


@dataclass(frozen=True)
class _Passed:
    """Requests to one replica that ended in one tick: their seconds in order, and how many were errors."""

    seconds: list[float]
    errors: int

    def at(self, share: float) -> float | None:
        """Return the seconds within which so much of them ended."""
        return self.seconds[min(len(self.seconds) - 1, int(share * len(self.seconds)))] if self.seconds else None


class Ticks:
    """Samples in a thread of its own between ``start`` and ``stop``; ``tell`` is given each tick."""

    def __init__(self, view: View, tell: Callable[[dict[str, Any]], None]) -> None:
        self._view = view
        self._tell = tell
        self._lock = threading.Lock()
        self._records: list[tuple[RequestRecord, ...]] = []
        self._ending: threading.Event | None = None
        self._memory: dict[ServedAt, int] = {}

    def start(self) -> None:
        """Begin, where it has not begun."""
        with self._lock:
            if self._ending is None:
                self._ending = ending = threading.Event()
                threading.Thread(target=self._run, args=(ending,), name="vhlocal-ticks", daemon=True).start()

    def stop(self) -> None:
        """Leave off."""
        with self._lock:
            if self._ending is not None:
                self._ending.set()
            self._ending = None
            self._records.clear()

    def add(self, records: tuple[RequestRecord, ...]) -> None:
        """Take in requests that ended."""
        with self._lock:
            if self._ending is not None:
                self._records.append(records)

    def _run(self, ending: threading.Event) -> None:
        due = look = time.monotonic()
        while not ending.wait(max(0.0, due - time.monotonic())):
            began = time.monotonic()
            due = max(due + _SECOND, began)
            if began >= look:
                self._memory = dict(self._view.memory())
                look = time.monotonic() + (time.monotonic() - began) * _TIMES_ITS_COST
            self._tell(self._tick())

    def _tick(self) -> dict[str, Any]:
        with self._lock:
            records, self._records = self._records, []
        passed = _by_replica(record for some in records for record in some)
        statuses = self._view.board.statuses()
        ready = Counter((each.at.version, each.endpoint) for each in statuses if each.state is State.READY)
        found = []
        for status in statuses:
            at, its = status.at, passed.get((status.at.version, status.at.endpoint, status.at.replica), _NOTHING)
            found.append(
                {
                    "endpoint": at.endpoint,
                    "version": at.version,
                    "replica": at.replica,
                    "memory": self._memory.get(at),
                    "limit": status.memory.limit if status.memory else None,
                    "requests": len(its.seconds),
                    "errors": its.errors,
                    "in_flight": self._view.in_flight(at),
                    "p50": its.at(0.5),
                    "p95": its.at(0.95),
                    "replicas": ready[at.version, at.endpoint],
                }
            )
        return {"time": time.time(), "endpoints": found}


_NOTHING = _Passed([], 0)


def _by_replica(records: Iterable[RequestRecord]) -> dict[tuple[str, str, int], _Passed]:
    by_whose: dict[tuple[str, str, int], list[RequestRecord]] = {}
    for record in records:
        if record.endpoint:
            by_whose.setdefault((record.version, record.endpoint, record.replica or 1), []).append(record)
    return {
        whose: _Passed(sorted(one.seconds for one in some), sum(one.status >= _ERROR for one in some))
        for whose, some in by_whose.items()
    }

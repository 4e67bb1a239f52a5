"""What a scaling rule would have made of recorded requests: a simulation of events, pure (K3)."""

from __future__ import annotations

import heapq
import math
from bisect import bisect_right
from collections import deque
from typing import TYPE_CHECKING, Any

from vhlocal.errors import InputError
from vhlocal.scaling.look import Look, Replica, not_negative
from vhlocal.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from vhlocal.scaling.look import Range, Rule
    from vhlocal.scaling.traffic import Request

#: What happens at one moment happens in this order.
_FINISHED, _READY, _ARRIVED, _ASKED = range(4)


@dataclass(frozen=True)
class Servers:
    """How replicas serve: seconds until a new one is ready, and how many requests each answers at a time.

    Requests go to the ready replicas strictly in turn, as the ingress sends them, and wait in the queue of the one that
    they came to. With ``one_queue`` they wait for whichever is free first: as a constant number of replicas that is
    an M/G/N queue, the best that any way of sending them could do.
    """

    ready_seconds: float
    at_once: int = 1
    one_queue: bool = False

    def __post_init__(self) -> None:
        not_negative("the seconds until a replica is ready", self.ready_seconds)
        if self.at_once < 1:
            raise InputError(f"a replica cannot answer {self.at_once} requests at once", hint="give 1 or more")


@dataclass(frozen=True)
class Outcome:
    """What came of it. ``steps`` are (seconds since the first arrival, ready replicas) at each change.

    ``waits`` are the seconds that each request waited, by arrival; ``cold`` counts those that waited while a replica
    was getting ready. ``replica_seconds`` are those of all replicas from their start to their end; ``seconds`` lie
    between the first arrival and the last answer.
    """

    steps: tuple[tuple[float, int], ...]
    waits: tuple[float, ...]
    cold: int
    replica_seconds: float
    seconds: float

    def wait(self, share: float) -> float:
        """Return the wait that this share of all requests did not exceed (nearest rank)."""
        return sorted(self.waits)[max(0, math.ceil(share * len(self.waits)) - 1)]

    @property
    def most(self) -> int:
        """The most replicas that were ready at once."""
        return max(count for _, count in self.steps)

    @property
    def average(self) -> float:
        """How many replicas there were on average, those that were getting ready or drained included."""
        return self.replica_seconds / self.seconds if self.seconds else float(self.steps[0][1])


def simulate(requests: Sequence[Request], rule: Rule[Any], within: Range, servers: Servers) -> Outcome:
    """Replay requests, in the order of their arrivals, with as many replicas as the rule wants of the range.

    It begins with the least number, ready, and asks the rule each ``interval`` from the first arrival on. A replica
    that is taken away gets no more requests, and ends with its last. A replica's CPU is taken for the share of time
    in which it answers. InputError where there is no request.
    """
    if not requests:
        raise InputError("there is no request to replay", hint="record some: vhlocal up --access-log FILE")
    return _Simulation(requests, rule, within, servers).run()


class _Server:
    """One replica: what it answers and what waits for it, with their sums over time since the last look."""

    def __init__(self, begun: float, *, ready: bool) -> None:
        self.begun = begun
        self.ready = ready
        self.drained = False
        self.busy = 0
        self.queue: deque[int] = deque()
        self.flying = 0.0
        self.working = 0.0


class _Simulation:
    def __init__(self, requests: Sequence[Request], rule: Rule[Any], within: Range, servers: Servers) -> None:
        self._requests, self._rule, self._within, self._servers = requests, rule, within, servers
        # To the microsecond, as they were recorded: the binary fractions of epoch seconds are no waits.
        self._arrivals = [round(request.arrival - requests[0].arrival, 6) for request in requests]
        self._now = 0.0
        self._number = 0
        self._events: list[tuple[float, int, int, Any]] = []
        self._replicas = [_Server(0.0, ready=True) for _ in range(within.least)]
        self._drained: list[_Server] = []
        self._queue: deque[int] = deque()
        self._turn = 0
        self._begun: list[float | None] = [None] * len(requests)
        self._left = len(requests)
        self._starts: list[tuple[float, float]] = []
        self._steps = [(0.0, within.least)]
        self._used = 0.0
        self._memory: Any = None
        self._looked = 0.0
        self._idle_since = 0.0

    def run(self) -> Outcome:
        """Let everything happen."""
        self._at(0.0, _ARRIVED, 0)
        self._at(self._rule.interval, _ASKED, None)
        happen: dict[int, Callable[[Any], None]]
        happen = {_FINISHED: self._finish, _READY: self._get_ready, _ARRIVED: self._arrive, _ASKED: self._ask}
        while self._left:
            time, kind, _, what = heapq.heappop(self._events)
            self._pass(time)
            happen[kind](what)
        for replica in (*self._replicas, *self._drained):
            self._used += self._now - replica.begun
        waits = tuple(
            round((begun or 0.0) - arrival, 6) for begun, arrival in zip(self._begun, self._arrivals, strict=True)
        )
        return Outcome(tuple(self._steps), waits, self._cold(waits), self._used, self._now)

    def _at(self, time: float, kind: int, what: Any) -> None:
        self._number += 1
        heapq.heappush(self._events, (time, kind, self._number, what))

    def _pass(self, time: float) -> None:
        gone = time - self._now
        waiting = len(self._queue) / max(1, self._count())
        for replica in self._replicas:
            replica.flying += gone * (replica.busy + len(replica.queue) + (waiting if replica.ready else 0.0))
            replica.working += gone * replica.busy
        self._now = time

    def _arrive(self, index: int) -> None:
        if index + 1 < len(self._requests):
            self._at(self._arrivals[index + 1], _ARRIVED, index + 1)
        ready = [replica for replica in self._replicas if replica.ready]
        if self._servers.one_queue:
            free = next((replica for replica in ready if replica.busy < self._servers.at_once), None)
            self._queue.append(index)
            if free is not None:
                self._begin(free, self._queue)
            return
        self._turn = (self._turn + 1) % len(ready)
        chosen = ready[self._turn]
        chosen.queue.append(index)
        if chosen.busy < self._servers.at_once:
            self._begin(chosen, chosen.queue)

    def _begin(self, replica: _Server, queue: deque[int]) -> None:
        index = queue.popleft()
        replica.busy += 1
        self._begun[index] = self._now
        self._at(self._now + self._requests[index].seconds, _FINISHED, replica)

    def _finish(self, replica: _Server) -> None:
        replica.busy -= 1
        self._left -= 1
        if replica.queue:
            self._begin(replica, replica.queue)
        elif self._queue and not replica.drained:
            self._begin(replica, self._queue)
        elif replica.drained and not replica.busy:
            self._drained.remove(replica)
            self._used += self._now - replica.begun
        if not self._flying():
            self._idle_since = self._now

    def _get_ready(self, replica: _Server) -> None:
        if replica not in self._replicas:
            return  # taken away before
        replica.ready = True
        self._step()
        while self._queue and replica.busy < self._servers.at_once:
            self._begin(replica, self._queue)

    def _ask(self, _: None) -> None:
        seconds = self._now - self._looked
        self._looked = self._now
        seen = tuple(Replica(self._load(each, seconds), each.ready) for each in self._replicas)
        for replica in self._replicas:
            replica.flying = replica.working = 0.0
        answer = self._rule.want(Look(self._now, seconds, seen), self._within, self._memory)
        self._memory = answer.memory
        self._scale(answer.replicas)
        self._at(self._next_look(), _ASKED, None)

    def _load(self, replica: _Server, seconds: float) -> float | None:
        if not replica.ready:
            return None
        if getattr(self._rule, "cpu", False):
            return 100 * replica.working / (seconds * self._servers.at_once)
        return replica.flying / seconds

    def _next_look(self) -> float:
        """Return when the rule is asked next; while nothing comes for so long that it forgets, it need not be."""
        interval = self._rule.interval
        idle = not self._flying() and all(replica.ready for replica in self._replicas)
        if not idle or len(self._replicas) > self._within.least or self._now - self._idle_since <= self._rule.horizon:
            return self._now + interval
        following = min(time for time, kind, _, _ in self._events if kind == _ARRIVED)
        return self._now + interval * max(1, math.floor((following - self._now) / interval))

    def _scale(self, wanted: int) -> None:
        while len(self._replicas) < wanted:
            replica = _Server(self._now, ready=False)
            self._replicas.append(replica)
            self._starts.append((self._now, self._now + self._servers.ready_seconds))
            self._at(self._now + self._servers.ready_seconds, _READY, replica)
        while len(self._replicas) > wanted:
            # As Kubernetes chooses: first what is not ready yet, then the youngest, which is the last in both cases.
            replica = self._replicas.pop()
            replica.drained = True
            if replica.busy:
                self._drained.append(replica)
            else:
                self._used += self._now - replica.begun
        self._step()

    def _step(self) -> None:
        if self._steps[-1][1] != self._count():
            self._steps.append((self._now, self._count()))

    def _count(self) -> int:
        return sum(replica.ready for replica in self._replicas)

    def _flying(self) -> bool:
        return bool(self._queue) or any(each.busy for each in (*self._replicas, *self._drained))

    def _cold(self, waits: Sequence[float]) -> int:
        """Count the requests that waited, for some of that time, beside a replica that was getting ready."""
        merged: list[tuple[float, float]] = []
        for begin, end in self._starts:
            if begin == end:
                continue
            if merged and begin <= merged[-1][1]:
                merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
            else:
                merged.append((begin, end))
        ends = [end for _, end in merged]
        cold = 0
        for arrival, wait in zip(self._arrivals, waits, strict=True):
            place = bisect_right(ends, arrival)
            cold += bool(wait > 0 and place < len(merged) and merged[place][0] < arrival + wait)
        return cold

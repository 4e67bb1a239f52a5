"""Has the number of an endpoint's replicas follow its load, by one of the published rules (K3)."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from vhlocal.events import Scaled
from vhlocal.scaling.look import Look, Replica
from vhlocal.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from vhlocal.events import Bus
    from vhlocal.model import ServedAt
    from vhlocal.scaling.look import Range, Rule

    Measure = Callable[[float], Awaitable[tuple[Replica, ...]]]

#: Seconds between two counts of the requests in flight.
_BETWEEN_COUNTS = 0.1


class Spent(NamedTuple):
    """How many seconds of CPU a ``server`` has used since its start; None where that cannot be asked."""

    server: str
    seconds: float | None


@dataclass(frozen=True)
class Following:
    """One endpoint that follows its load: ``within`` which range, by which ``rule``.

    ``measure`` looks at the replicas that are wanted for so many seconds, and returns what it has seen of each, by
    number; none while there is none. ``scale`` has another number of replicas.
    """

    at: ServedAt
    within: Range
    rule: Rule[Any]
    measure: Measure
    scale: Callable[[int], None]


async def follow(endpoint: Following, bus: Bus) -> None:
    """Measure the load, and ask the rule at its own interval; never returns."""
    memory: Any = None
    while True:
        began = time.monotonic()
        replicas = await endpoint.measure(endpoint.rule.interval)
        if not replicas:
            continue
        look = Look(time.monotonic(), time.monotonic() - began, replicas)
        wanted = endpoint.rule.want(look, endpoint.within, memory)
        memory = wanted.memory
        if wanted.replicas != len(replicas):
            endpoint.scale(wanted.replicas)
            bus.publish(Scaled(endpoint.at, len(replicas), wanted.replicas, wanted.why))


def requests_in_flight(count: Callable[[], Sequence[int | None]]) -> Measure:
    """Measure requests in flight; ``count`` returns those at each replica now, None at one that takes none yet."""

    async def measure(seconds: float) -> tuple[Replica, ...]:
        began = time.monotonic()
        counts: list[Sequence[int | None]] = []
        while (spent := time.monotonic() - began) < seconds:
            counts.append(count())
            await asyncio.sleep(min(_BETWEEN_COUNTS, seconds - spent))
        return _averages(counts)

    return measure


def cpu_utilization(spent: Callable[[], Awaitable[Sequence[Spent | None]]], requested: float) -> Measure:
    """Measure CPU in percent of the cores that a replica has ``requested``, as Kubernetes does (K1).

    ``spent`` returns what each replica has used so far, None for one that takes no requests. One that was not there all
    the time is not ready: so it is for the HPA, too, whose measurement began before it was.
    """

    async def measure(seconds: float) -> tuple[Replica, ...]:
        began, before = time.monotonic(), await spent()
        await asyncio.sleep(seconds)
        ended, after = time.monotonic(), await spent()
        whole = 100 / (ended - began) / requested
        earlier = [*before, *[None] * len(after)]
        return tuple(_used(one, other, whole) for one, other in zip(earlier, after, strict=False))

    return measure


def _used(before: Spent | None, after: Spent | None, percent: float) -> Replica:
    """Return a replica by what it had used before and after, in ``percent`` for each second."""
    if before is None or after is None or before.server != after.server:
        return Replica(None, ready=False)
    if before.seconds is None or after.seconds is None:
        return Replica(None)
    # A process may go that nobody waits for: nothing reports what it had used.
    return Replica(max(0.0, after.seconds - before.seconds) * percent)


def _averages(counts: Sequence[Sequence[int | None]]) -> tuple[Replica, ...]:
    """Return each replica's average load over some counts; of as many replicas as there are at the end."""
    found = []
    for number, last in enumerate(counts[-1]):
        known = [count[number] for count in counts if len(count) > number and count[number] is not None]
        load = sum(each for each in known if each is not None) / len(counts) if known else None
        found.append(Replica(load, ready=last is not None))
    return tuple(found)

"""Has the number of an endpoint's replicas follow its load, by one of the published rules (K3)."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from vhlocal.events import Scaled
from vhlocal.scaling.look import Look, Replica
from vhlocal.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from vhlocal.events import Bus
    from vhlocal.model import ServedAt
    from vhlocal.scaling.look import Range, Rule

#: Seconds between two counts of the requests in flight.
_BETWEEN_COUNTS = 0.1


@dataclass(frozen=True)
class Following:
    """One endpoint that follows its load: ``within`` which range, by which ``rule``.

    ``load`` counts the requests in flight at each replica that is wanted, None at one that takes none yet, by number.
    ``scale`` has another number of replicas.
    """

    at: ServedAt
    within: Range
    rule: Rule[Any]
    load: Callable[[], Sequence[int | None]]
    scale: Callable[[int], None]


async def follow(endpoint: Following, bus: Bus) -> None:
    """Count the requests in flight, and ask the rule at its own interval; never returns."""
    memory: Any = None
    while True:
        began = time.monotonic()
        counts: list[Sequence[int | None]] = []
        while (spent := time.monotonic() - began) < endpoint.rule.interval:
            counts.append(endpoint.load())
            await asyncio.sleep(min(_BETWEEN_COUNTS, endpoint.rule.interval - spent))
        replicas = _averages(counts)
        look = Look(time.monotonic(), time.monotonic() - began, replicas)
        wanted = endpoint.rule.want(look, endpoint.within, memory)
        memory = wanted.memory
        if wanted.replicas != len(replicas):
            endpoint.scale(wanted.replicas)
            bus.publish(Scaled(endpoint.at, len(replicas), wanted.replicas, wanted.why))


def _averages(counts: Sequence[Sequence[int | None]]) -> tuple[Replica, ...]:
    """Return each replica's average load over some counts; of as many replicas as there are at the end."""
    found = []
    for number, last in enumerate(counts[-1]):
        known = [count[number] for count in counts if len(count) > number and count[number] is not None]
        load = sum(each for each in known if each is not None) / len(counts) if known else None
        found.append(Replica(load, ready=last is not None))
    return tuple(found)

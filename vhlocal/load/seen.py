"""What was seen of the replicas while they were under load: pure, from what the run reports of them now and then."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

from vhlocal.load.figures import Serving
from vhlocal.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True)
class Replica:
    """One replica, by the name that people see; ``throttled`` is a part of the time. None is for what is not known.

    ``cpu_limit`` is in cores, memory in bytes.
    """

    name: str
    memory_peak: int | None
    memory_limit: int | None
    cpu_limit: float | None
    throttled: float | None
    workers: int | None
    threads: int | None


def replicas(looks: Sequence[Sequence[Mapping[str, Any]]]) -> tuple[Replica, ...]:
    """Return what was seen of each replica, from several looks in turn, each an answer of the API's ``/api/use``.

    A replica that came or went meanwhile has what was seen of it.
    """
    by_number: dict[int, list[Mapping[str, Any]]] = {}
    for look in looks:
        for use in look:
            by_number.setdefault(int(use["replica"]), []).append(use)
    return tuple(_replica(uses) for _, uses in sorted(by_number.items()))


def serving(seen: Sequence[Replica]) -> Serving:
    """Return the replicas as one: by the fullest, and the one that was held back most."""
    slots = {(each.workers, each.threads) for each in seen}
    workers, threads = next(iter(slots)) if len(slots) == 1 else (None, None)
    fullest = max(seen, key=_fullness, default=None)
    throttled = [each.throttled for each in seen if each.throttled is not None]
    return Serving(
        workers=workers,
        threads=threads,
        replicas=len(seen),
        throttled=max(throttled, default=None),
        memory_peak=fullest.memory_peak if fullest else None,
        memory_limit=fullest.memory_limit if fullest else None,
    )


def _fullness(replica: Replica) -> float:
    return (replica.memory_peak or 0) / (replica.memory_limit or float("inf"))


def _replica(uses: Sequence[Mapping[str, Any]]) -> Replica:
    last = uses[-1]
    used = [each["memory"]["used"] for each in uses if each["memory"]["used"] is not None]
    return Replica(
        name=str(last["name"]),
        memory_peak=max(used, default=None),
        memory_limit=last["memory"]["limit"],
        cpu_limit=last["cpu"]["limit"],
        throttled=_throttled([each["cpu"] for each in uses]),
        workers=last["workers"],
        threads=last["threads"],
    )


def _throttled(cpus: Sequence[Mapping[str, Any]]) -> float | None:
    """Return in which part of its periods the limit was reached; counts begin anew with each server."""
    periods = held = 0
    known = [(each["periods"], each["throttled"]) for each in cpus if each["periods"] is not None]
    for before, after in pairwise(known):
        if after[0] >= before[0] and after[1] >= before[1]:
            periods += after[0] - before[0]
            held += after[1] - before[1]
    return held / periods if periods else None

"""VH605 and VH606: all replicas together need more memory than there is, or than is set aside for them (K1, K3)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from vhlocal.checks.rule import Rule
from vhlocal.checks.server.evidence import place_of
from vhlocal.checks.server.memory import enough
from vhlocal.contract.limits import MEBIBYTE, container_limits
from vhlocal.findings import Definition, Example, Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vhlocal.checks.server.evidence import Replicas, Together

MACHINE = Definition(
    code="VH605",
    title="The replicas together may need more memory than this machine has",
    severity=Severity.WARNING,
    why="Each replica may use its own `resources.memory.max` or, if it has no limit, as much as one replica has used "
    "so far. If they all come near that, this machine kills some of them, or stalls. Production spreads replicas "
    "over several machines, and each machine has to hold at least one.",
    remedy={
        "": "Run fewer replicas here: `vhlocal scale ENDPOINT=1`. If the limit is far above what a replica needs, "
        "lower `resources.memory.max`.",
    },
    example=Example("yaml", "resources:\n  memory:\n    max: 4000000", "resources:\n  memory:\n    max: 512"),
    rows=("K1", "K3"),
)
SET_ASIDE = Definition(
    code="VH606",
    title="The replicas use more memory than they reserve",
    severity=Severity.NOTICE,
    why="Kubernetes chooses a machine for each replica by `resources.memory.min`, and reserves only that much. With "
    "each further replica, the machines hold more than was reserved. A machine that runs short of memory first "
    "kills the replicas that use more than they requested.",
    remedy={"": "Raise `resources.memory.min` to what one replica uses, as measured."},
    example=Example("yaml", "resources:\n  memory:\n    min: 1", "resources:\n  memory:\n    min: 256"),
    rows=("K1", "K3"),
)


def find(together: Together) -> Iterator[Finding]:
    """Yield what is too much of all replicas together; of endpoints with one server each there is nothing to say."""
    several = [each for each in together.wanted if each.number > 1]
    if not several:
        return
    whole = sum(_most(each) for each in together.wanted)
    largest = max(several, key=_most)
    if together.machine is not None and whole > together.machine and _most(largest):
        yield _too_much(largest, whole, together.machine)
    for each in several:
        requested = container_limits(each.endpoint.resources).memory_reservation
        if requested and each.peak is not None and each.peak > requested:
            yield _more_than_requested(each, requested, each.peak)


def _most(replicas: Replicas) -> int:
    """Return the bytes that all replicas of an endpoint may use, as far as that is known."""
    return replicas.number * (container_limits(replicas.endpoint.resources).memory or replicas.peak or 0)


def _too_much(replicas: Replicas, whole: int, machine: int) -> Finding:
    endpoint, number = replicas.endpoint, replicas.number
    each = f"{number} times {_most(replicas) // number // MEBIBYTE:,} MiB of {endpoint.name}"
    return Finding(
        MACHINE,
        place_of(endpoint, "resources.memory"),
        f"all replicas may use {whole // MEBIBYTE:,} MiB, {each} among them: this machine has "
        f"{machine // MEBIBYTE:,} MiB",
        f"run fewer here, such as with `vhlocal scale {endpoint.name}={number // 2}`",
        endpoint.name,
    )


def _more_than_requested(replicas: Replicas, requested: int, peak: int) -> Finding:
    endpoint, number = replicas.endpoint, replicas.number
    needed = min(enough(peak), endpoint.resources.memory_max or math.inf)
    return Finding(
        SET_ASIDE,
        place_of(endpoint, "resources.memory"),
        f"{number} replicas, of which one has used {peak // MEBIBYTE:,} MiB, may use "
        f"{number * peak // MEBIBYTE:,} MiB: {number * requested // MEBIBYTE:,} MiB are reserved",
        f"raise resources.memory.min to {needed:g}",
        endpoint.name,
    )


RULE = Rule((MACHINE, SET_ASIDE), find)

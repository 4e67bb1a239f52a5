"""VH507 and VH601: the server needs more memory than it may have, or nearly so (K1, K2)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from vhlocal.checks.rule import Rule
from vhlocal.checks.server.evidence import NEAR, place_of
from vhlocal.contract.limits import MEBIBYTE
from vhlocal.findings import Definition, Example, Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vhlocal.checks.server.evidence import Ended, Measured

OUT_OF_MEMORY = Definition(
    code="VH507",
    title="The server needs more memory than its limit",
    severity=Severity.ERROR,
    why="The kernel kills a server that exceeds `resources.memory.max`: `OOMKilled`. Clients that wait for an answer "
    "get a 502, and the server is restarted, after a longer pause each time.",
    remedy={
        "": "Raise `resources.memory.max`, or let the server use less: load a model once instead of once for each "
        "worker, and read large inputs piece by piece. It is not known how much a killed server would have needed: "
        "measure again after you raise the limit.",
    },
    example=Example("yaml", "resources:\n  memory:\n    max: 64", "resources:\n  memory:\n    max: 256"),
    rows=("K1", "K2"),
)
NEAR_LIMIT = Definition(
    code="VH601",
    title="The server is near its memory limit",
    severity=Severity.WARNING,
    why="Production's inputs, and several requests at once, need more memory than a trial on your own machine. A "
    "server that uses over four fifths of `resources.memory.max` here is likely to exceed it there, and to be "
    "killed: `OOMKilled`.",
    remedy={"": "Raise `resources.memory.max` to the measured amount plus a quarter, or let the server use less."},
    example=Example("yaml", "resources:\n  memory:\n    max: 128", "resources:\n  memory:\n    max: 192"),
    rows=("K1", "K2"),
)

#: How much more than the peak a limit is to be, and to how many mebibytes it is rounded up: finely where it is small.
_HEADROOM = 1.25
_FINE, _COARSE, _LARGE = 64, 256, 1024


def enough(peak: int) -> int:
    """Return a limit in mebibytes that would do for a peak in bytes, with headroom."""
    needed = peak * _HEADROOM / MEBIBYTE
    step = _FINE if needed <= _LARGE else _COARSE
    return math.ceil(needed / step) * step


def find_ended(ended: Ended) -> Iterator[Finding]:
    """Yield that a server was ended for its memory: the limit, when, and what would do."""
    if not ended.out_of_memory:
        return
    endpoint, limit = ended.endpoint, ended.endpoint.resources.memory_max
    within = f"its memory limit of {limit:g} MiB" if limit else "the memory of this machine"
    when = f" {ended.when}" if ended.when else ""
    during = f", with {', '.join(ended.requests)} in flight" if ended.requests else ""
    peak = max(ended.peak or 0, int((limit or 0) * MEBIBYTE))
    change = "raise resources.memory.max, or make the server use less"
    if limit:
        needed = f"it needed over {peak / MEBIBYTE:.0f} MiB when it was ended"
        change = f"raise resources.memory.max to {enough(peak)} at least ({needed}), or make the server use less"
    yield Finding(
        OUT_OF_MEMORY,
        place_of(endpoint, "resources.memory"),
        f"OOMKilled: the server exceeded {within}{when}{during}",
        change,
        endpoint.name,
    )


def find_measured(measured: Measured) -> Iterator[Finding]:
    """Yield that a server has passed its limit where the kernel does not keep that, or has come near it."""
    endpoint, peak, limit = measured.endpoint, measured.peak, measured.limit
    place, allowed = place_of(endpoint, "resources.memory"), f"{limit / MEBIBYTE:.0f} MiB"
    if peak > limit and not measured.kept:
        yield Finding(
            OUT_OF_MEMORY,
            place,
            f"production would kill it (OOMKilled): it uses {peak / MEBIBYTE:.0f} MiB, its limit is {allowed}",
            f"raise resources.memory.max to {enough(peak)}, or make the server use less; with `--strict`, vhlocal "
            f"kills it too",
            endpoint.name,
        )
    elif peak > NEAR * limit:
        yield Finding(
            NEAR_LIMIT,
            place,
            f"it has used over {NEAR:.0%} of its memory limit of {allowed}",
            f"raise resources.memory.max to {enough(peak)}: it used up to {peak / MEBIBYTE:.0f} MiB",
            endpoint.name,
        )


ENDED = Rule((OUT_OF_MEMORY,), find_ended)
MEASURED = Rule((OUT_OF_MEMORY, NEAR_LIMIT), find_measured)

"""Whether what is wanted fits into this machine's memory. Pure but for the machine's size."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from vhlocal.contract.limits import MEBIBYTE
from vhlocal.events import Notice

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vhlocal.session.wanted.desired import Desired


def machine_memory() -> int | None:
    """Return how many bytes of memory this machine has; None where that cannot be asked."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return None


def too_much(wanted: Iterable[tuple[Desired, int]], machine: int | None) -> Notice | None:
    """Return what is told where the limits of all replicas together pass the machine's memory (K1, K3).

    ``wanted`` has how many replicas there are of each. None where each endpoint has one server, which is the user's
    own business, and where it fits.
    """
    limited = [(item, number, item.spec.limits.memory) for item, number in wanted if item.spec.limits.memory]
    together = sum(number * limit for _, number, limit in limited if limit is not None)
    if machine is None or together <= machine or all(number == 1 for _, number, _ in limited):
        return None
    item, number, limit = max(limited, key=lambda each: each[1] * (each[2] or 0))
    parts = f"{number} times {(limit or 0) // MEBIBYTE:,} MiB of {item.at}"
    return Notice(
        f"all replicas together may use {together // MEBIBYTE:,} MiB, {parts} among them: this machine has "
        f"{machine // MEBIBYTE:,} MiB",
        item.endpoint.place("resources.memory"),
        f"run fewer here, such as vhlocal scale {item.endpoint.name}={max(1, number // 2)}",
        item.at.name,
    )

"""What several gateways spend on the same requests, asked at the same time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import psutil

from benchmarks.peers import loads

if TYPE_CHECKING:
    from collections.abc import Mapping


def side_by_side(
    peers: Mapping[str, tuple[int, int]], path: str, connections: int, rounds: int
) -> dict[str, list[float]]:
    """Return the µs of CPU that each of ``peers`` spends on a request, by rounds of a second; each is port and process.

    What else the machine does changes what a request costs, and so meets all of them alike.
    """
    spent: dict[str, list[float]] = {name: [] for name in peers}
    for _ in range(rounds):
        with ThreadPoolExecutor(len(peers)) as pool:
            costs = pool.map(lambda peer: _cost(peer, path, connections), peers.values())
            for name, cost in zip(peers, costs, strict=True):
                spent[name].append(cost)
    return spent


def _cost(peer: tuple[int, int], path: str, connections: int) -> float:
    port, process = peer
    before = _cpu(process)
    total = loads.small(port, path, connections, 1).total
    return (_cpu(process) - before) / total * 1e6


def _cpu(process: int) -> float:
    """Return the CPU seconds that a process has spent so far."""
    times = psutil.Process(process).cpu_times()
    return times.user + times.system

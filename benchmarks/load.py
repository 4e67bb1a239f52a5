"""The load generator beside ``wrk``, which asks again only when it was answered.

``python -m benchmarks.load [--quick]``

The rate that it keeps up beside half of what ``wrk`` has answered; the half of answers' time at a low load, of a server
that takes 5 ms; and what each of them says of a server that stands still for one of some seconds.

Half of ``wrk``'s rate was 50,000 requests/s on a quiet machine of two cores: 20 µs for each. The generator takes 12 of
them, half of that in the system, to send and to read.
"""

from __future__ import annotations

import http.client
import os
import statistics
import sys
import threading
import time
from typing import TYPE_CHECKING

from benchmarks.peers import loads
from benchmarks.peers.processes import python_peer
from benchmarks.report import Goal, conclude, print_table
from vhlocal.exchanges import Request
from vhlocal.load.figures import Step, figures, not_to_be_trusted, percentile
from vhlocal.load.generate import Generator, wire

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vhlocal.load.figures import Window

_CONNECTIONS = 16
_LOW = 50.0
#: Seconds for which a server is asked that stalls meanwhile.
_STALLED = 5

Samples = dict[str, list[float]]


def measure() -> Sequence[Goal]:
    """Alternate between the two generators and return the goals."""
    rounds, seconds = (3, 2) if "--quick" in sys.argv else (9, 5)
    with python_peer("stalling") as (port, _):
        return [_rate(port, rounds, seconds), _low(port, rounds, seconds), *_stall(port, rounds)]


def _rate(port: int, rounds: int, seconds: int) -> Goal:
    rates: Samples = {"wrk": [], "half of it": [], "kept up": []}
    ratios = []
    for _ in range(rounds):
        rates["wrk"].append(loads.small(port, "/", _CONNECTIONS, seconds).per_second)
        half = rates["wrk"][-1] / 2
        began = time.perf_counter()
        window = _shoot(port, "/", Step(half, seconds))
        rates["half of it"].append(half)
        rates["kept up"].append((window.asked - window.failed) / (time.perf_counter() - began))
        ratios.append(rates["kept up"][-1] / half)
    print_table(f"answered, wrk at {_CONNECTIONS} connections", "requests/s", rates)
    # What was due last is answered a moment later.
    return Goal("requests/s kept up/half of wrk's", statistics.median(ratios), ">=", 0.98)


def _low(port: int, rounds: int, seconds: int) -> Goal:
    halves: Samples = {"wrk": [], "generator": []}
    for _ in range(rounds):
        halves["wrk"].append(loads.small(port, "/model", 1, seconds).half_within / 1e3)
        window = _shoot(port, "/model", Step(_LOW, seconds))
        halves["generator"].append(figures(window).half * 1e3)
        if doubt := not_to_be_trusted(window, os.cpu_count() or 1):
            print(doubt)
    print_table("half of the answers within, at a low load", "ms", halves)
    generator, wrk = (statistics.median(halves[name]) for name in ("generator", "wrk"))
    return Goal("p50 at low load, generator/wrk", generator / wrk, "<=", 1.2)


def _stall(port: int, rounds: int) -> Sequence[Goal]:
    late: Samples = {"generator": [], "asks when answered": []}
    for _ in range(rounds):
        threading.Timer(1, _get, (port, "/stall")).start()
        late["generator"].append(figures(_shoot(port, "/model", Step(_LOW, _STALLED))).p99 * 1e3)
        threading.Timer(1, _get, (port, "/stall")).start()
        late["asks when answered"].append(_closed(port, _STALLED) * 1e3)
    print_table(f"p99 of a server that stalls for one of {_STALLED} s", "ms", late)
    shown, hidden = (statistics.median(values) for values in late.values())
    return [
        Goal("p99 that shows a stall of one second, ms", shown, ">=", 500),
        Goal("p99 of who asks when it was answered, ms", hidden, "<=", 100),
    ]


def _shoot(port: int, path: str, step: Step) -> Window:
    with Generator("127.0.0.1", port, wire(Request("GET", path), "127.0.0.1", port)) as generator:
        return generator.run(step)


def _closed(port: int, seconds: float) -> float:
    """Ask for one answer after the other, and return the time within which 99 of 100 came."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    times = []
    end = time.perf_counter() + seconds
    while (began := time.perf_counter()) < end:
        connection.request("GET", "/model")
        connection.getresponse().read()
        times.append(time.perf_counter() - began)
    connection.close()
    return percentile(sorted(times), 0.99)


def _get(port: int, path: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("GET", path)
    connection.getresponse().read()
    connection.close()


if __name__ == "__main__":
    conclude(measure)

"""What the times of many answers say. Pure: seconds in, seconds and sentences out."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from vhlocal.values import dataclass

if TYPE_CHECKING:
    from array import array
    from collections.abc import Mapping, Sequence

#: The knee is where a step answers less of what was asked, fails more, or takes more times as long as the first.
_ANSWERED, _FAILED, _SLOWER = 0.95, 0.01, 3.0
#: The generator may be late by this part of the half of answers' time, or by so many seconds.
_LATE_PART, _LATE = 0.1, 0.001
_NEARLY_FULL, _THROTTLED = 0.9, 0.1
#: By so many, and the root of how many there are, the number of those that wait changes by chance.
_CHANCE = 3
#: Requests wait for one another for sure where so many times as many are on their way as are answered at once: the
#: gateway's share of a request's time is among what is seen.
_WAITING = 1.5


class Step(NamedTuple):
    """So many requests a second for so many seconds."""

    rate: float
    seconds: float


@dataclass(frozen=True)
class Window:
    """What came of a step. Times are in seconds: ``latencies`` from when a request was due until its answer was whole,
    ``ends`` from the step's beginning until then.

    What never came counts as long as it was waited for. ``lateness`` is how long after it was due a request was begun.
    ``errors`` are by reason; an answer of status 400 or more is one, and no latency.
    """

    step: Step
    latencies: array[float]
    ends: array[float]
    lateness: array[float]
    errors: Mapping[str, int]

    @property
    def asked(self) -> int:
        """How many requests were due."""
        return len(self.lateness)

    @property
    def failed(self) -> int:
        """How many of them had no answer of status below 400."""
        return sum(self.errors.values())


class Figures(NamedTuple):
    """A window in figures; rates in requests/s, times in seconds.

    ``answered`` is how many are answered well while others are asked: where more and more wait, less than what was
    asked. ``in_flight`` is a mean over the time in which was asked.
    """

    rate: float
    answered: float
    half: float
    p90: float
    p95: float
    p99: float
    most: float
    in_flight: float


@dataclass(frozen=True)
class Serving:
    """What an endpoint is served with, and what was seen of it meanwhile; None where it is not known.

    ``throttled`` is the part of the time in which the CPU limit held it back; memory in bytes, of one replica.
    """

    workers: int | None = None
    threads: int | None = None
    replicas: int = 1
    throttled: float | None = None
    memory_peak: int | None = None
    memory_limit: int | None = None

    @property
    def slots(self) -> int | None:
        """How many requests are answered at once."""
        return None if self.workers is None or self.threads is None else self.workers * self.threads * self.replicas


def percentile(ordered: Sequence[float], part: float) -> float:
    """Return the time within which this part of the answers came (nearest rank); ``ordered`` ascends, 0 if empty."""
    if not ordered:
        return 0.0
    rank = max(1, -(-len(ordered) * part // 1))
    return ordered[min(len(ordered), int(rank)) - 1]


def figures(window: Window) -> Figures:
    """Return a window's figures."""
    ordered = sorted(window.latencies)
    seconds = window.step.seconds
    on_their_way = [(end - took, min(end, seconds)) for end, took in zip(window.ends, window.latencies, strict=True)]
    p50, p90, p95, p99 = (percentile(ordered, part) for part in (0.5, 0.9, 0.95, 0.99))
    return Figures(
        rate=window.step.rate,
        answered=_keeping_up(window) * (window.asked - window.failed) / max(1, window.asked),
        half=p50,
        p90=p90,
        p95=p95,
        p99=p99,
        most=ordered[-1] if ordered else 0.0,
        in_flight=sum(max(0.0, end - due) for due, end in on_their_way) / seconds,
    )


def _keeping_up(window: Window) -> float:
    """Return the rate that is kept up, by how the number of those that wait grows in the second half of the time."""
    half, seconds = window.step.seconds / 2, window.step.seconds

    def waiting(at: float) -> int:
        return sum(end - took <= at < end for end, took in zip(window.ends, window.latencies, strict=True))

    before = waiting(half)
    grown = waiting(seconds) - before
    return window.step.rate - grown / half if grown > _CHANCE + math.sqrt(before) else window.step.rate


def ramp(first: float = 5.0, factor: float = 1.5, seconds: float = 3.0, most: float = 50_000.0) -> Sequence[Step]:
    """Return steps of growing rates; whoever sends them stops at the knee."""
    rates = [first]
    while rates[-1] * factor <= most:
        rates.append(rates[-1] * factor)
    return [Step(rate, seconds) for rate in rates]


def past_the_knee(windows: Sequence[Window]) -> str:
    """Say why the last window is past the knee, "" where it is not."""
    last, first = windows[-1], windows[0]
    now, then = figures(last), figures(first)
    if last.failed > last.asked * _FAILED:
        return f"{last.failed} of {last.asked} requests failed ({_most(last.errors)})"
    if now.answered < now.rate * _ANSWERED:
        return f"{now.answered:.0f} of {now.rate:.0f} requests/s were answered"
    # While hardly one is on its way, none waits for another: what is slower then is this machine's noise.
    if now.p95 > then.p95 * _SLOWER and now.in_flight >= 1:
        return f"p95 grew from {ms(then.p95)} to {ms(now.p95)}"
    return ""


def not_to_be_trusted(window: Window, cores: int) -> str:
    """Say why a window's times are the generator's as well, "" where they are the server's."""
    late = percentile(sorted(window.lateness), 0.99)
    if late <= max(_LATE, figures(window).half * _LATE_PART):
        return ""
    return (
        f"the generator itself was late by up to {ms(late)} (p99): it and the servers share {cores} cores, so these "
        f"times are longer than the servers' own"
    )


def advice(window: Window, serving: Serving) -> str:
    """Return one sentence: what holds the endpoint back at this rate, and what to change.

    It gives no advice that could be wrong: if it is not known how many requests are answered at once, or what was
    seen has several possible reasons, it says only that.
    """
    found = figures(window)
    peak, limit = serving.memory_peak, serving.memory_limit
    if peak is not None and limit is not None and peak >= limit * _NEARLY_FULL:
        fewer = ", or use fewer workers" if (serving.workers or 1) > 1 else ""
        return f"Memory is nearly full ({mb(peak)} of {mb(limit)}): raise resources.memory.max{fewer}."
    if serving.throttled is not None and serving.throttled > _THROTTLED:
        return (
            f"The CPU limit throttled it {serving.throttled:.0%} of the time: raise resources.cpu.max, or add "
            "replicas: more workers would share that limit."
        )
    if serving.slots is not None and found.in_flight > serving.slots * _WAITING:
        return (
            f"Requests wait for one another: {found.in_flight:.1f} were in flight, and {_slots(serving)} answer "
            f"{serving.slots} at once: {_more(serving)}."
        )
    if window.failed:
        return (
            f"{window.failed} of {window.asked} requests failed ({_most(window.errors)}): look at `vhlocal logs` first."
        )
    return f"{_seen(window, found)}: {found.in_flight:.1f} requests were in flight{_of_slots(serving)}."


def _seen(window: Window, found: Figures) -> str:
    if found.answered < found.rate * _ANSWERED:
        return f"It answered {found.answered:.0f} of {found.rate:.0f} requests/s (p99 {ms(found.p99)})"
    return f"It keeps up with {found.rate:.0f} requests/s (p99 {ms(found.p99)})"


def _of_slots(serving: Serving) -> str:
    if serving.slots is None:
        return ", and how many it can answer at once is not known"
    return f"; {_slots(serving)} answer {serving.slots} at once"


def _more(serving: Serving) -> str:
    peak, limit, workers = serving.memory_peak, serving.memory_limit, serving.workers or 1
    where = "add threads where the code waits for others"
    if peak is None or limit is None:
        return f"{where}, workers where it computes and cores are free, or replicas"
    room = int(limit * _NEARLY_FULL // max(1, -(-peak // workers)))
    if room > workers:
        return f"{where}, workers where it computes and cores are free (memory has room for {room}), or replicas"
    return f"{where}, or replicas, because another worker would not fit into {mb(limit)}"


def _slots(serving: Serving) -> str:
    words = [slots(serving.workers or 1, serving.threads or 1)]
    return " × ".join([*words, _count(serving.replicas, "replica")] if serving.replicas > 1 else words)  # noqa: RUF001


def slots(workers: int, threads: int) -> str:
    """Return what answers requests, as people read it."""
    return f"{_count(workers, 'worker')} × {_count(threads, 'thread')}"  # noqa: RUF001


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


def _most(errors: Mapping[str, int]) -> str:
    return max(errors, key=lambda reason: errors[reason])


def ms(seconds: float) -> str:
    """Return a time as people read it."""
    return f"{seconds * 1000:.3g} ms" if seconds < 1 else f"{seconds:.3g} s"


def mb(size: int) -> str:
    """Return bytes as people read them."""
    return f"{size / 1048576:.0f} MB"

"""What the times of many answers say. Pure: seconds in, seconds and sentences out."""

from __future__ import annotations

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


class Step(NamedTuple):
    """So many requests a second for so many seconds."""

    rate: float
    seconds: float


@dataclass(frozen=True)
class Window:
    """What came of a step. Times are in seconds: ``latencies`` from when a request was due until its answer was whole.

    What never came counts as long as it was waited for. ``lateness`` is how long after it was due a request was begun.
    ``errors`` are by reason; an answer of status 400 or more is one, and no latency.
    """

    step: Step
    latencies: array[float]
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
    """A window in figures; rates in requests/s, times in seconds, ``in_flight`` as a mean over the step."""

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

    workers: int
    threads: int
    replicas: int = 1
    throttled: float | None = None
    memory_peak: int | None = None
    memory_limit: int | None = None

    @property
    def slots(self) -> int:
        """How many requests are answered at once."""
        return self.workers * self.threads * self.replicas


def percentile(ordered: Sequence[float], part: float) -> float:
    """Return the time within which this part of the answers came (nearest rank); ``ordered`` ascends, 0 if empty."""
    if not ordered:
        return 0.0
    rank = max(1, -(-len(ordered) * part // 1))
    return ordered[min(len(ordered), int(rank)) - 1]


def figures(window: Window) -> Figures:
    """Return a window's figures."""
    ordered = sorted(window.latencies)
    good = window.asked - window.failed
    p50, p90, p95, p99 = (percentile(ordered, part) for part in (0.5, 0.9, 0.95, 0.99))
    return Figures(
        rate=window.step.rate,
        answered=good / window.step.seconds,
        half=p50,
        p90=p90,
        p95=p95,
        p99=p99,
        most=ordered[-1] if ordered else 0.0,
        in_flight=sum(ordered) / window.step.seconds,
    )


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
    if now.p95 > then.p95 * _SLOWER:
        return f"p95 grew from {_ms(then.p95)} to {_ms(now.p95)}"
    return ""


def not_to_be_trusted(window: Window, cores: int) -> str:
    """Say why a window's times are the generator's as well, "" where they are the server's."""
    late = percentile(sorted(window.lateness), 0.99)
    if late <= max(_LATE, figures(window).half * _LATE_PART):
        return ""
    return (
        f"the generator itself was late by up to {_ms(late)} (p99): it and the servers share {cores} cores, "
        "so that these times are longer than the servers' own"
    )


def advice(window: Window, serving: Serving) -> str:
    """Return one sentence: what holds the endpoint back at this rate, and what to change."""
    found = figures(window)
    peak, limit = serving.memory_peak, serving.memory_limit
    full = peak is not None and limit is not None and peak >= limit * _NEARLY_FULL
    if full and peak is not None and limit is not None:
        return f"Memory is nearly full ({_mb(peak)} of {_mb(limit)}): raise resources.memory.max, or use fewer workers."
    if serving.throttled is not None and serving.throttled > _THROTTLED:
        return (
            f"The CPU limit held it back {serving.throttled:.0%} of the time: raise resources.cpu.max, or add "
            "replicas: more workers would share that limit."
        )
    if found.in_flight > serving.slots:
        return (
            f"Requests wait for one another: {found.in_flight:.1f} were on their way, and {_slots(serving)} answer "
            f"{serving.slots} at once: {_more(serving)}."
        )
    if window.failed:
        return (
            f"{window.failed} of {window.asked} requests failed ({_most(window.errors)}): look at `vhlocal logs` first."
        )
    return (
        f"It keeps up with {found.rate:.0f} requests/s (p99 {_ms(found.p99)}): {found.in_flight:.1f} requests were on "
        f"their way of the {serving.slots} that {_slots(serving)} answer at once."
    )


def _more(serving: Serving) -> str:
    peak, limit = serving.memory_peak, serving.memory_limit
    if peak is None or limit is None:
        return "add threads where the code waits for others, workers where it computes"
    room = int(limit * _NEARLY_FULL // max(1, peak // serving.workers))
    if room > serving.workers:
        return f"its memory has room for {room} workers (threads do where the code waits for others)"
    return f"add replicas, since another worker would not fit into {_mb(limit)}"


def _slots(serving: Serving) -> str:
    words = [_count(serving.workers, "worker"), _count(serving.threads, "thread")]
    return " × ".join([*words, _count(serving.replicas, "replica")] if serving.replicas > 1 else words)  # noqa: RUF001


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


def _most(errors: Mapping[str, int]) -> str:
    return max(errors, key=lambda reason: errors[reason])


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.3g} ms" if seconds < 1 else f"{seconds:.3g} s"


def _mb(size: int) -> str:
    return f"{size / 1048576:.0f} MB"

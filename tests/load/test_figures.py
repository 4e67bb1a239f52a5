"""Percentiles, the knee, and the sentence of advice."""

from __future__ import annotations

from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vhlocal.load.figures import (
    Serving,
    Step,
    Window,
    advice,
    figures,
    not_to_be_trusted,
    past_the_knee,
    percentile,
    ramp,
)

MB = 1024 * 1024


def window(
    latencies: list[float], rate: float = 10, errors: dict[str, int] | None = None, lateness: float = 0.0
) -> Window:
    """A step in which each was asked when it was due."""
    errors = errors or {}
    asked = len(latencies) + sum(errors.values())
    ends = array("d", [number / rate + took for number, took in enumerate(latencies)])
    return Window(Step(rate, asked / rate), array("d", latencies), ends, array("d", [lateness] * asked), errors)


def overloaded(rate: float, answers: float, seconds: float = 10) -> Window:
    """A server that answers one after the other, so many a second, while more are asked."""
    return window([(number + 1) / answers - number / rate for number in range(int(rate * seconds))], rate)


def test_percentiles_are_of_answers_that_were():
    ordered = [float(number) for number in range(1, 101)]
    assert [percentile(ordered, part) for part in (0.5, 0.9, 0.99, 1.0)] == [50.0, 90.0, 99.0, 100.0]
    assert percentile([], 0.5) == 0.0
    assert percentile([3.0], 0.01) == percentile([3.0], 0.99) == 3.0


@given(st.lists(st.floats(0, 100), min_size=1), st.floats(0.001, 1))
def test_so_many_answers_came_within_a_percentile(latencies, part):
    value = percentile(sorted(latencies), part)
    assert value in latencies
    assert sum(one <= value for one in latencies) >= len(latencies) * part


def test_figures_of_a_window():
    found = figures(window([0.1] * 90 + [1.0] * 10, rate=10, errors={"status 500": 25}))
    assert list(found) == [10, pytest.approx(8), 0.1, 0.1, 1.0, 1.0, 1.0, pytest.approx(19 / 12.5, rel=0.01)]


def test_what_is_answered_once_nobody_asks_any_more_does_not_count():
    """Half of the requests wait when the last was asked: all come, and are as many as were asked."""
    found = figures(overloaded(20, answers=10))
    assert found.rate == 20
    assert found.answered == pytest.approx(10, rel=0.05)
    assert found.in_flight == pytest.approx(50, rel=0.05)  # from none to a hundred


@pytest.mark.parametrize("latencies", [[2.0] * 50, [0.01, 2.0] * 25, [0.01] * 49 + [9.0], [0.0] * 50])
def test_slow_answers_are_answers(latencies):
    """However long each takes, and whichever the last ones are: no more wait than did before."""
    assert figures(window(latencies, rate=5)).answered == 5


def test_rates_of_a_ramp_grow():
    rates = [step.rate for step in ramp(10, 2, 1, 100)]
    assert rates == [10, 20, 40, 80]


@pytest.mark.parametrize(
    ("last", "why"),
    [
        (window([0.1] * 100), ""),
        (window([0.29] * 100), ""),
        (window([0.4] * 100), "p95 grew from 100 ms to 400 ms"),
        (window([0.01] * 90 + [0.4] * 10), ""),
        (window([0.1] * 96, errors={"status 503": 3, "reset": 1}), "4 of 100 requests failed (status 503)"),
        (overloaded(10, 5, seconds=20), "5 of 10 requests/s were answered"),
    ],
)
def test_the_knee_is_where_answers_fail_lag_or_slow_down(last, why):
    assert past_the_knee([window([0.1] * 100), last]) == why


def test_times_are_not_trusted_where_the_generator_was_late():
    assert not_to_be_trusted(window([0.1] * 100, lateness=0.009), 2) == ""
    assert not_to_be_trusted(window([0.001] * 100, lateness=0.0009), 2) == ""
    told = not_to_be_trusted(window([0.1] * 100, lateness=0.02), 2)
    assert told.startswith("the generator itself was late by up to 20 ms (p99): it and the servers share 2 cores")


BUSY = window([0.8] * 100, rate=10)  # some eight on their way
ONE = Serving(workers=1, threads=1)


@pytest.mark.parametrize(
    ("seen", "serving", "told"),
    [
        (
            BUSY,
            Serving(1, 1, memory_peak=490 * MB, memory_limit=512 * MB, throttled=0.5),
            "Memory is nearly full (490 MB of 512 MB): raise resources.memory.max.",
        ),
        (
            BUSY,
            Serving(2, 1, memory_peak=490 * MB, memory_limit=512 * MB),
            "Memory is nearly full (490 MB of 512 MB): raise resources.memory.max, or use fewer workers.",
        ),
        (
            BUSY,
            Serving(1, 1, throttled=0.4),
            "The CPU limit throttled it 40% of the time: raise resources.cpu.max, or add replicas: "
            "more workers would share that limit.",
        ),
        (
            BUSY,
            ONE,
            "Requests wait for one another: 7.7 were in flight, and 1 worker × 1 thread answer 1 at once: "  # noqa: RUF001
            "add threads where the code waits for others, workers where it computes and cores are free, or replicas.",
        ),
        (
            BUSY,
            Serving(2, 2, memory_peak=200 * MB, memory_limit=512 * MB),
            "Requests wait for one another: 7.7 were in flight, and 2 workers × 2 threads answer 4 at once: "  # noqa: RUF001
            "add threads where the code waits for others, workers where it computes and cores are free "
            "(memory has room for 4), or replicas.",
        ),
        (
            BUSY,
            Serving(1, 1, memory_peak=300 * MB, memory_limit=512 * MB),
            "Requests wait for one another: 7.7 were in flight, and 1 worker × 1 thread answer 1 at once: "  # noqa: RUF001
            "add threads where the code waits for others, or replicas, because another worker would not fit into "
            "512 MB.",
        ),
        (
            window([0.01] * 90, errors={"status 500": 10}),
            ONE,
            "10 of 100 requests failed (status 500): look at `vhlocal logs` first.",
        ),
        (
            window([0.05] * 100),
            Serving(1, 4, replicas=2, throttled=0.0),
            "It keeps up with 10 requests/s (p99 50 ms): 0.5 requests were in flight; "
            "1 worker × 4 threads × 2 replicas answer 8 at once.",  # noqa: RUF001
        ),
        (
            BUSY,
            Serving(),
            "It keeps up with 10 requests/s (p99 800 ms): 7.7 requests were in flight, and how many it can answer "
            "at once is not known.",
        ),
        (
            overloaded(10, 5),
            Serving(4, 4, memory_peak=1, memory_limit=MB),
            "Requests wait for one another: 26.0 were in flight, and 4 workers × 4 threads answer 16 at once: "  # noqa: RUF001
            "add threads where the code waits for others, workers where it computes and cores are free "
            "(memory has room for 943718), or replicas.",
        ),
        (
            overloaded(10, 5),
            Serving(),
            "It answered 5 of 10 requests/s (p99 10 s): 26.0 requests were in flight, and how many it can answer "
            "at once is not known.",
        ),
        (
            window([0.12] * 100),
            ONE,
            "It keeps up with 10 requests/s (p99 120 ms): 1.2 requests were in flight; "
            "1 worker × 1 thread answer 1 at once.",  # noqa: RUF001
        ),
    ],
)
def test_the_advice_is_one_sentence_of_what_holds_it_back(seen, serving, told):
    assert advice(seen, serving) == told

"""Knative's rule against the numbers of its own tests and pages (K3)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vhlocal.errors import InputError
from vhlocal.scaling.knative import Knative, Memory
from vhlocal.scaling.look import Look, Range, Replica

WIDE = Range(1, 100_000)


def look(ready, *, time=0.0, concurrency=0.0, seconds=2.0):
    return Look(time, seconds, (Replica(None),) * ready, waiting=concurrency)


def rule(target=10.0, **settings):
    """As Knative's own tests set it: the target is met in full, ten times up and down in one step."""
    return Knative(target=target, utilization=1, **{"up_rate": 10, "down_rate": 10, **settings})


def asked(knative, ready, stable, panic, memory=None, time=0.0):
    """Ask after a minute of such averages: the stable one over all of it, the panic one over its last six seconds."""
    rest = (60 * stable - 6 * panic) / 54
    before = knative.want(look(ready, time=time - 6, concurrency=rest, seconds=54), WIDE)
    memory = replace(memory or Memory(), samples=before.memory.samples)
    return knative.want(look(ready, time=time, concurrency=panic, seconds=6), WIDE, memory)


def steady(knative, ready, concurrency):
    return knative.want(look(ready, concurrency=concurrency), WIDE)


@pytest.mark.parametrize(
    ("knative", "ready", "stable", "panic", "wanted"),
    [
        (rule(), 1, 50, 50, 5),
        (rule(), 5, 50, 50, 5),
        (rule(), 1, 50, 10, 5),
        (rule(), 1, 100, 10, 10),
        (rule(), 8, 100, 100, 10),
        (rule(), 8, 50, 50, 5),
        (rule(181), 1, 21, 26, 1),
        (rule(), 1, 50, 100, 10),  # panic: the short window counts
        (rule(1), 10, 11, 25, 25),
        (rule(1, up_rate=1.1), 2, 3, 3.1, 3),  # by one at least, however small the rate
        (rule(down_rate=1.1), 100, 1, 1, 90),
        (rule(), 1, 1000, 1001, 10),  # a hundred are needed, ten times as many come
        (rule(), 10, 1000, 1001, 100),
        (rule(), 100, 1, 1, 10),
        (rule(), 10, 1, 1, 1),
        (rule(), 0, 1000, 888, 10),  # none ready counts as one
    ],
)
def test_the_sources_own_numbers(knative, ready, stable, panic, wanted):
    assert asked(knative, ready, stable, panic).replicas == wanted


@pytest.mark.parametrize(
    ("limit", "share", "concurrency", "wanted"), [(10, 0.7, 100, 15), (10, 0.7, 7, 1), (1, 1, 3, 3)]
)
def test_the_formula_of_the_pages(limit, share, concurrency, wanted):
    """In flight over (target times utilization), rounded up: 100 / (10 x 0.7) = 15."""
    assert steady(Knative(target=limit, utilization=share), 1, concurrency).replicas == wanted


def test_the_published_defaults():
    assert Knative() == Knative(
        target=100,
        utilization=0.7,
        window=60,
        panic_window=0.1,
        panic_threshold=2,
        up_rate=1000,
        down_rate=2,
        down_delay=0,
        interval=2,
    )


def test_a_fraction_of_the_binary_kind_adds_no_replica():
    """7 / 0.7 is 10.000000000000002 in binary."""
    assert steady(Knative(target=1, utilization=0.7), 10, 7).replicas == 10


def test_in_panic_nothing_is_removed_until_a_window_later():
    first = asked(rule(), 10, 100, 1000)
    assert (first.replicas, first.why) == (100, "panic")
    later = asked(rule(), 10, 1, 1, first.memory, time=30)
    assert (later.replicas, later.why) == (100, "panic")
    end = asked(rule(), 10, 1, 1, later.memory, time=61)
    assert (end.replicas, end.why) == (1, "stable")


def test_a_slow_increase_ends_the_panic_and_a_further_surge_prolongs_it():
    first = asked(rule(1), 10, 11, 25)
    slow = asked(rule(1), 40, 30, 41, first.memory, time=30)
    assert (slow.replicas, slow.memory.panic_since) == (41, 0)
    end = asked(rule(1), 55, 50, 56, slow.memory, time=62)
    assert (end.replicas, end.memory.panic_since) == (50, None)
    surge = asked(rule(1), 40, 30, 80, first.memory, time=30)
    assert (surge.replicas, surge.memory.panic_since) == (80, 30)


@pytest.mark.parametrize(("stable", "wanted"), [(50, 50), (20, 30)])
def test_in_panic_the_larger_of_the_two_windows_counts(stable, wanted):
    since = Memory(panic_since=-5, panic_most=5)
    assert asked(rule(1), 5, stable, 30, since).replicas == wanted


def test_exponential_growth_is_tracked_until_it_ends():
    memory = None
    for ready, time in ((1, 0), (6, 1), (36, 2), (216, 3)):
        answer = asked(rule(1), ready, ready * 6, ready * 6, memory, time=time)
        assert answer.replicas == ready * 6
        memory = answer.memory
    assert asked(rule(1), 1296, 1296, 1296, memory, time=4).replicas == 1296


def test_a_scale_down_waits_for_its_delay():
    """4, 3 and none in turn: each leaves five minutes after it was wanted, not before."""
    knative = rule(panic_threshold=100, down_delay=300, window=2)
    memory, wanted = None, []
    for minute, concurrency in ((0, 40), (1, 30), (2, 10), (4.99, 10), (5, 10), (6, 10), (7, 10)):
        answer = knative.want(look(1, time=minute * 60, concurrency=concurrency), WIDE, memory)
        memory = answer.memory
        wanted.append((answer.replicas, answer.why))
    late = "scale-down delay"
    assert wanted == [(4, "stable"), (4, late), (4, late), (4, late), (3, late), (1, "stable"), (1, "stable")]


def test_a_scale_down_without_a_delay_is_at_once():
    first = rule(panic_threshold=100, window=0.1).want(look(1, concurrency=40), WIDE)
    then = rule(panic_threshold=100, window=0.1).want(look(1, time=0.5, concurrency=20), WIDE, first.memory)
    assert (first.replicas, then.replicas) == (4, 2)


def test_long_looks_count_for_more_than_short_ones():
    knative = rule(1, panic_threshold=1000)
    memory = knative.want(look(1, time=50, concurrency=2, seconds=50), WIDE).memory
    assert knative.want(look(1, time=60, concurrency=8, seconds=10), WIDE, memory).replicas == 3


def test_of_a_look_that_reaches_out_of_the_window_only_what_is_in_it_counts():
    knative = rule(1, panic_threshold=1000, window=10)
    memory = knative.want(look(1, time=50, concurrency=2, seconds=50), WIDE).memory
    assert knative.want(look(1, time=55, concurrency=4, seconds=5), WIDE, memory).replicas == 3


@pytest.mark.parametrize(
    "settings",
    [
        {"target": 0},
        {"target": float("nan")},
        {"target": float("inf")},
        {"utilization": -1},
        {"window": 0},
        {"interval": 0},
        {"up_rate": 1},
        {"down_rate": 0.5},
        {"down_delay": -1},
    ],
)
def test_settings_that_mean_nothing_are_refused(settings):
    with pytest.raises(InputError) as refused:
        Knative(**settings)
    assert next(iter(settings)).replace("_", " ") in refused.value.message
    assert refused.value.hint


ranges = st.tuples(st.integers(1, 9), st.integers(0, 9)).map(lambda pair: Range(pair[0], sum(pair)))
loads = st.floats(0, 1e6, allow_nan=False)
rules = st.builds(
    Knative,
    target=st.floats(0.1, 200),
    utilization=st.floats(0.1, 1),
    window=st.floats(1, 100),
    up_rate=st.floats(1.01, 1000),
    down_rate=st.floats(1.01, 10),
    down_delay=st.sampled_from([0, 5, 50]),
)
histories = st.lists(st.tuples(st.floats(0.1, 30), st.integers(0, 9), loads), min_size=1, max_size=20)


def answers(knative, within, history):
    time, memory = 0.0, None
    for seconds, ready, load in history:
        time += seconds
        answer = knative.want(look(ready, time=time, concurrency=load, seconds=seconds), within, memory)
        memory = answer.memory
        yield answer


@settings(deadline=None)
@given(rules, ranges, histories)
def test_the_number_is_within_the_range_and_in_panic_never_falls(knative, within, history):
    before = None
    for answer in answers(knative, within, history):
        assert within.least <= answer.replicas <= within.most
        if before and before.memory.panic_since is not None and answer.memory.panic_since is not None:
            assert answer.replicas >= before.replicas
        before = answer


@settings(deadline=None)
@given(rules, ranges, histories, st.floats(1, 10))
def test_more_load_at_every_moment_never_means_fewer(knative, within, history, factor):
    heavier = [(seconds, ready, load * factor) for seconds, ready, load in history]
    for lighter, heavy in zip(answers(knative, within, history), answers(knative, within, heavier), strict=True):
        assert heavy.replicas >= lighter.replicas


@settings(deadline=None)
@given(rules, ranges, histories, loads)
def test_what_is_older_than_the_horizon_does_not_count(knative, within, history, load):
    *_, last = answers(knative, within, history)
    time = last.memory.samples[-1].end + knative.horizon + knative.interval
    memory = last.memory
    for step in range(3):  # a panic ends at the first look after it
        now = look(3, time=time + step * 200, concurrency=0, seconds=200)
        memory = knative.want(now, within, memory).memory
    later = look(3, time=time + 1000, concurrency=load, seconds=500)
    assert knative.want(later, within, memory).replicas >= knative.want(later, within, None).replicas

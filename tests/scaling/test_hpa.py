"""The HPA's rule against the numbers of Kubernetes' own tests and pages (K3)."""

from __future__ import annotations

import functools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vhlocal.errors import InputError
from vhlocal.scaling.hpa import Hpa, Memory, Policy
from vhlocal.scaling.look import Look, Range, Replica

WIDE = Range(1, 100_000)
AT_ONCE = functools.partial(Hpa, up=(Policy(1e6, 15),), down_window=0)


def look(*loads, time=0.0, ready=None):
    """Loads of replicas, None for a missing one; ``ready`` tells for each, all unless given."""
    ready = ready or (True,) * len(loads)
    return Look(time, 15.0, tuple(Replica(load, is_ready) for load, is_ready in zip(loads, ready, strict=True)))


T, F = True, False


@pytest.mark.parametrize(
    ("target", "loads", "ready", "wanted"),
    [
        (30, (30, 50, 70), None, 5),
        (30, (30, 50, 70), (F, T, T), 4),  # twice as many for the ready ones, the other is thought idle
        (30, (40, 50, 70), (T, F, F), 3),  # would turn round
        (50, (10, 30, 50, 25, 25), None, 3),
        (50, (10, 30, 50, 25, 25), (T, T, T, F, F), 2),
        (100, (101, 103, 102), None, 3),  # within the tolerance
        (100, (40, 9.5, None, None), None, 3),  # missing ones are thought busy
        (100, (100, None), None, 2),
        (100, (190, None), None, 2),  # missing ones are thought idle
        (100, (60, None), None, 2),
        (50, (10, 45, None), (F, T, T), 3),
        (50, (10,), None, 1),
        (300, (40, 9.5, None, None), None, 3),  # busy is what was aimed at, where that is more than all
        (100, (200, 100), None, 3),
    ],
)
def test_cpu_as_the_sources_own_tests_have_it(target, loads, ready, wanted):
    assert AT_ONCE(target=target).want(look(*loads, ready=ready), WIDE).replicas == wanted


@pytest.mark.parametrize(
    ("load", "wanted"), [(200, 8), (50, 2), (100, 4), (109, 4), (110, 4), (111, 5), (90, 4), (89, 4), (74, 3)]
)
def test_the_formula_and_the_tolerance_of_the_page(load, wanted):
    """Twice the target doubles, half of it halves, a tenth more or less changes nothing."""
    assert AT_ONCE(target=100, cpu=False).want(look(*[load] * 4), WIDE).replicas == wanted


def test_fifty_at_ninety_of_seventy_five_are_sixty():
    assert AT_ONCE(target=75).want(look(*[90] * 50), WIDE).replicas == 60


def test_missing_requests_in_flight_are_thought_at_the_target():
    hpa = AT_ONCE(target=10, cpu=False)
    assert hpa.want(look(4, 4, None, None), WIDE).replicas == 3  # (4 + 4 + 10 + 10) / 4 is 0.7 of the target
    assert hpa.want(look(40, 40, None, None), WIDE).replicas == 8


def test_without_any_metric_nothing_changes():
    for each in (look(None, None), look(50, 50, ready=(F, F))):
        answer = Hpa().want(each, WIDE)
        assert (answer.replicas, answer.why) == (2, "no metric")


@pytest.mark.parametrize(("there", "wanted"), [(2, 3), (10, 5), (0, 3)])
def test_what_is_outside_of_the_range_comes_in_at_once(there, wanted):
    answer = Hpa(target=90).want(look(*[90] * there), Range(3, 5))
    assert (answer.replicas, answer.why) == (wanted, "range")


def test_the_published_defaults():
    assert Hpa() == Hpa(
        target=80,
        cpu=True,
        tolerance=0.1,
        up_window=0,
        down_window=300,
        up=(Policy(100, 15, percent=True), Policy(4, 15)),
        down=(Policy(100, 15, percent=True),),
        interval=15,
    )


@pytest.mark.parametrize(("there", "allowed"), [(1, 5), (3, 7), (4, 8), (5, 10), (100, 200)])
def test_by_default_four_come_at_once_or_as_many_again(there, allowed):
    answer = Hpa(target=1).want(look(*[1000] * there), WIDE)
    assert (answer.replicas, answer.why) == (allowed, "policy")


def test_the_default_policies_count_what_came_within_their_period():
    hpa = Hpa(target=1, cpu=False)
    first = hpa.want(look(1000), WIDE)
    assert first.replicas == 5
    soon = hpa.want(look(*[1000] * 5, time=10), WIDE, first.memory)
    assert soon.replicas == 5
    after = hpa.want(look(*[1000] * 5, time=15), WIDE, soon.memory)
    assert after.replicas == 10


def test_seven_hundred_percent_are_eight_times_as_many():
    hpa = Hpa(target=10, up=(Policy(700, 60, percent=True),))
    assert hpa.want(look(100, 200, 300), Range(1, 100)).replicas == 24
    assert hpa.want(look(100, 200, 300), Range(1, 20)).replicas == 20


def test_four_or_ten_percent_per_minute_as_the_page_counts_them():
    """80 replicas leave by 8, 8, 7 and so on, each a tenth rounded up, until 4 at a time are more."""
    hpa = Hpa(target=50, down_window=0, down=(Policy(4, 60), Policy(10, 60, percent=True)))
    there, memory, left = 80, None, []
    for minute in range(12):
        answer = hpa.want(look(*[1] * there, time=minute * 60.0), Range(10, 100), memory)
        left.append(there - answer.replicas)
        there, memory = answer.replicas, answer.memory
    assert left == [8, 8, 7, 6, 6, 5, 4, 4, 4, 4, 4, 4]


def test_down_to_the_highest_of_five_minutes_and_up_at_once():
    hpa = Hpa(target=1, cpu=False)
    memory, wanted, there = None, [], 4
    for time, load in ((0, 1), (15, 0.5), (299, 0.5), (300, 0.5), (315, 2)):
        answer = hpa.want(look(*[load] * there, time=time), WIDE, memory)
        wanted.append(answer.replicas)
        there, memory = answer.replicas, answer.memory
    assert wanted == [4, 4, 4, 2, 4]
    waiting = hpa.want(look(*[0.5] * 4, time=15), WIDE, Memory(((0, 4),)))
    assert (waiting.replicas, waiting.why) == (4, "stabilization")


def test_up_to_the_lowest_of_the_window_where_there_is_one():
    hpa = Hpa(target=1, cpu=False, up_window=60, down_window=0)
    assert hpa.want(look(*[2] * 4, time=30), WIDE, Memory(((0, 5),))).replicas == 5
    assert hpa.want(look(*[2] * 4, time=60), WIDE, Memory(((0, 5),))).replicas == 8


@pytest.mark.parametrize(
    "make",
    [
        lambda: Hpa(target=0),
        lambda: Hpa(target=float("nan")),
        lambda: Hpa(tolerance=-0.1),
        lambda: Hpa(down_window=-1),
        lambda: Hpa(interval=0),
        lambda: Hpa(up=()),
        lambda: Policy(0, 15),
        lambda: Policy(1, 0),
    ],
)
def test_settings_that_mean_nothing_are_refused(make):
    with pytest.raises(InputError) as refused:
        make()
    assert refused.value.hint


ranges = st.tuples(st.integers(1, 9), st.integers(0, 9)).map(lambda pair: Range(pair[0], sum(pair)))
loads = st.none() | st.floats(0, 1e4)
rules = st.builds(
    Hpa,
    target=st.floats(0.5, 200),
    cpu=st.booleans(),
    tolerance=st.sampled_from([0, 0.1, 0.5]),
    up_window=st.sampled_from([0, 30]),
    down_window=st.sampled_from([0, 60, 300]),
)
replicas = st.lists(st.tuples(loads, st.booleans()), max_size=9)
histories = st.lists(st.tuples(st.floats(1, 60), replicas), min_size=1, max_size=12)


@settings(deadline=None)
@given(rules, ranges, histories)
def test_the_number_is_within_the_range_whatever_is_seen(hpa, within, history):
    time, memory = 0.0, None
    for seconds, seen in history:
        time += seconds
        answer = hpa.want(look(*(x for x, _ in seen), time=time, ready=[r for _, r in seen]), within, memory)
        assert within.least <= answer.replicas <= within.most
        memory = answer.memory


@settings(deadline=None)
@given(rules, ranges, st.lists(st.floats(0, 1e4), min_size=1, max_size=9), st.floats(1, 10))
def test_more_load_never_means_fewer(hpa, within, seen, factor):
    heavier = [load * factor for load in seen]
    assert hpa.want(look(*heavier), within).replicas >= hpa.want(look(*seen), within).replicas


@settings(deadline=None)
@given(rules, ranges, replicas)
def test_what_is_not_known_never_makes_the_change_larger(hpa, within, seen):
    """Missing and unready replicas only ever hold a change back, towards the number that there is."""
    there = len(seen)
    known = [(load, ready) for load, ready in seen if ready and load is not None]
    if there != within.clamp(there) or not known:
        return
    average = sum(load for load, _ in known) / len(known)
    blind = hpa.want(look(*(x for x, _ in seen), ready=[r for _, r in seen]), within).replicas
    sighted = hpa.want(look(*[average] * there), within).replicas
    if sighted > there:
        assert there <= blind <= sighted

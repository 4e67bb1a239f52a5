"""The simulation against queues that can be reckoned by hand (K3)."""

from __future__ import annotations

import heapq

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vhlocal.errors import InputError
from vhlocal.scaling.hpa import Hpa
from vhlocal.scaling.knative import Knative
from vhlocal.scaling.look import Range
from vhlocal.scaling.simulate import Servers, simulate
from vhlocal.scaling.traffic import Request

RULES = (Knative(target=1), Hpa(), Hpa(target=1, cpu=False))


def requests(*pairs):
    return [Request(1_000_000 + arrival, seconds) for arrival, seconds in pairs]


#: Two servers, one queue: at 0 both get busy, the third waits until 3, the fourth until 4, the fifth for neither.
BY_HAND = requests((0, 3), (0, 5), (1, 1), (2, 4), (9, 1))


@pytest.mark.parametrize("rule", RULES)
def test_a_constant_number_with_one_queue_is_an_m_g_n_queue(rule):
    found = simulate(BY_HAND, rule, Range(2, 2), Servers(5, one_queue=True))
    assert found.waits == (0, 0, 2, 2, 0)
    assert (found.steps, found.cold, found.seconds, found.replica_seconds) == (((0, 2),), 0, 10, 20)
    assert (found.wait(0.5), found.wait(0.95), found.most, found.average) == (0, 2, 2, 2)


@pytest.mark.parametrize("rule", RULES)
def test_in_turn_a_request_waits_for_the_one_before_it_at_its_replica(rule):
    """The third follows the first, which ends at 3; the fourth the second, until 5; the fifth finds nobody."""
    found = simulate(BY_HAND, rule, Range(2, 2), Servers(5))
    assert found.waits == (0, 0, 2, 3, 0)


def test_several_at_once_are_as_many_servers():
    found = simulate(BY_HAND, Hpa(), Range(1, 1), Servers(5, at_once=2))
    assert found.waits == (0, 0, 2, 2, 0)


def test_a_surge_brings_replicas_that_serve_once_they_are_ready():
    """One comes each second and takes three. In flight are 1, 2, 3, 3, 4, 5, 5 and 6, second by second.

    Of the first four seconds that is 2.25 on average, over 2 makes two replicas: one is started at 4, and ready at 7.
    Of those from 2 to 8, 4.33: the third is started at 8.
    """
    surge = requests(*((second, 3) for second in range(12)))
    found = simulate(surge, Knative(target=2, utilization=1), Range(1, 3), Servers(3))
    assert found.steps == ((0, 1), (7, 2), (11, 3))
    assert found.waits[:4] == (0, 2, 4, 6)
    assert found.cold == 8  # who waited between 4 and 11: the third to the seventh, the ninth to the eleventh
    alone = simulate(surge, Knative(target=2), Range(1, 1), Servers(3))
    assert (alone.waits, alone.cold) == (tuple(2 * second for second in range(12)), 0)


def test_after_the_load_it_returns_to_the_least_and_a_long_pause_costs_nothing():
    """A month without requests is passed over, and what follows it is as after a quarter of an hour."""
    burst = [(0.1 * number, 1) for number in range(100)]
    short = [*burst, *((1020 + arrival, seconds) for arrival, seconds in burst)]
    long = [*burst, *((2_592_000 + arrival, seconds) for arrival, seconds in burst)]
    for rule in RULES:
        few, many = (simulate(requests(*each), rule, Range(1, 4), Servers(2)) for each in (short, long))
        assert few.waits[100:] == pytest.approx(many.waits[100:], abs=1e-3)
        assert (few.most, few.cold) == (many.most, many.cold)
        assert few.most > 1
        assert any(count == 1 for _, count in few.steps[1:])


def test_a_replica_that_is_taken_away_ends_its_requests_first():
    """The number falls while requests of eight minutes are answered, and each of them is."""
    pairs = [*((0.01 * number, 0.1) for number in range(50)), (0.6, 500), (0.6, 500), (0.6, 500), (1000, 1)]
    found = simulate(requests(*pairs), Knative(target=1, utilization=1, window=10), Range(1, 4), Servers(0))
    assert len(found.waits) == len(pairs)
    assert found.seconds >= 1001
    assert any(10 < time < 500 and count < 4 for time, count in found.steps)


def test_what_cannot_be_replayed_is_refused():
    with pytest.raises(InputError, match="no request"):
        simulate([], Hpa(), Range(1, 2), Servers(1))
    for bad in ({"ready_seconds": -1}, {"ready_seconds": float("nan")}, {"ready_seconds": 1, "at_once": 0}):
        with pytest.raises(InputError):
            Servers(**bad)
    for least, most in ((0, 1), (-1, 2), (3, 2)):
        with pytest.raises(InputError) as refused:
            Range(least, most)
        assert refused.value.hint


arrivals = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 20)), min_size=1, max_size=25).map(sorted)


def first_free(pairs, number):
    """The waits of a queue before so many servers, by the usual recursion."""
    free = [0] * number
    waits = []
    for arrival, seconds in pairs:
        begin = max(arrival, heapq.heappop(free))
        waits.append(begin - arrival)
        heapq.heappush(free, begin + seconds)
    return waits


@settings(deadline=None)
@given(arrivals, st.integers(1, 4), st.sampled_from(RULES))
def test_any_constant_number_waits_as_the_recursion_says(pairs, number, rule):
    zero = pairs[0][0]
    pairs = [(arrival - zero, seconds) for arrival, seconds in pairs]
    found = simulate([Request(*pair) for pair in pairs], rule, Range(number, number), Servers(1, one_queue=True))
    assert list(found.waits) == first_free(pairs, number)


@settings(deadline=None)
@given(
    arrivals, st.sampled_from(RULES), st.integers(1, 3), st.integers(0, 3), st.sampled_from([0, 1, 30]), st.booleans()
)
def test_whatever_comes_each_is_answered_within_the_range(pairs, rule, least, more, ready, one_queue):
    found = simulate([Request(*pair) for pair in pairs], rule, Range(least, least + more), Servers(ready, 1, one_queue))
    assert all(wait >= 0 for wait in found.waits)
    assert all(least <= count <= least + more for _, count in found.steps)
    times = [time for time, _ in found.steps]
    assert times == sorted(times)
    assert found.replica_seconds >= least * found.seconds - 1e-6
    assert 0 <= found.cold <= sum(wait > 0 for wait in found.waits)
    if ready == 0 or not more:
        assert found.cold == 0

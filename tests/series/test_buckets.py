"""A series' buckets say what a list of all its values says, as far back as their width is kept."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vhlocal.series.buckets import MOST, WIDTHS, Series

START = 1_764_140_400.0  # a full hour


def filled(values):
    series = Series(values[0][0])
    for time, value in values:
        series.add(time, value)
    return series


def grouped(values, step):
    """The buckets as they are to be: count, least, most and sum by start."""
    found = {}
    for time, value in values:
        found.setdefault(int(time // step * step), []).append(value)
    return {start: (len(some), min(some), max(some), sum(some)) for start, some in found.items()}


TIMES = st.floats(0, 590)


@given(
    st.lists(st.tuples(TIMES, st.integers(-1000, 1000)), min_size=1, max_size=50),
    st.sampled_from([1, 2, 7, 10, 15, 60, 90, 3600]),
)
def test_buckets_are_what_a_list_of_all_values_says(offsets, step):
    """Also where a clock was set back meanwhile."""
    values = [(START + offset, float(value)) for offset, value in offsets]
    got, buckets = filled(values).buckets(min(time for time, _ in values), step)
    assert got == step
    assert {each.time: tuple(each)[1:] for each in buckets if each.time >= 0} == grouped(values, step)


def test_a_mean_is_the_sum_by_the_count():
    _, (bucket,) = filled([(START, 1.0), (START + 0.5, 2.0)]).buckets()
    assert (bucket.number, bucket.least, bucket.most, bucket.total, bucket.mean) == (2, 1.0, 2.0, 3.0, 1.5)


def test_what_lies_further_back_comes_in_wider_buckets():
    """Nothing is lost by that: counts and sums stay whole."""
    values = [(START + second, 1.0) for second in range(4 * 3600)]
    series = filled(values)
    step, buckets = series.buckets(START, 1)
    assert step == 60
    assert [each.number for each in buckets] == [60] * 240
    step, buckets = series.buckets(values[-1][0] - 3000, 1)
    assert (step, len(buckets)) == (10, 301)
    step, buckets = series.buckets(values[-1][0] - 60, 1)
    assert (step, len(buckets)) == (1, 61)
    step, buckets = series.buckets(values[-1][0] - 60, 86400)
    assert step == 86400
    assert sum(each.number for each in buckets) <= len(values)


def test_no_answer_has_too_many_buckets():
    series = filled([(START + minute * 60, 1.0) for minute in range(1440)])
    for step in (1, 10, 60):
        got, buckets = series.buckets(START, step)
        assert len(buckets) <= MOST
        assert got % step == 0
        assert sum(each.number for each in buckets) == 1440


def test_a_month_is_kept_in_a_bounded_number_of_buckets():
    series = filled([(START + hour * 3600 + part, 1.0) for hour in range(24 * 40) for part in (0, 1800)])
    for column, (width, kept) in zip(series._columns, WIDTHS, strict=True):
        assert column.width == width
        assert len(column._slots) <= kept * 9 // 8
    assert series.count == 24 * 40 * 2
    late = START + 60
    series.add(late, 7.0)  # older than all that is kept: it counts to the oldest
    _, buckets = series.buckets(START, 3600)
    assert buckets[0].most == 7.0
    assert [each.time for each in buckets] == sorted(each.time for each in buckets)


@pytest.mark.parametrize("value", [1.7e308, -1.7e308])
def test_a_sum_that_overflows_does_no_harm(value):
    _, (bucket,) = filled([(START, value), (START, value)]).buckets()
    assert math.isinf(bucket.total)
    assert (bucket.least, bucket.most) == (value, value)

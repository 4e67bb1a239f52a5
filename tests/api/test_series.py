"""What ``/api/series`` and ``/metrics`` answer with of what servers have printed (K6)."""

from __future__ import annotations

import json

import pytest

from tests.served import at
from tests.test_schemas import validator
from vhlocal.api.series import COLUMNS, listing, samples
from vhlocal.errors import InputError
from vhlocal.events import MetricsPrinted
from vhlocal.series.store import Store

START = 1_764_140_400.0
WEB, SECOND, DIGITS = at("web"), at("web", 2), at("digits", version="v2")


@pytest.fixture
def store():
    found = Store()
    for second in range(20):
        found.add(WEB, START + second, {"a": second, "b": -1.5}, {"best": f"dog {second}"})
    found.add(SECOND, START, {"a": 100.0}, {})
    found.add(DIGITS, START, {"a": 1e308, "huge": 1e308}, {})
    found.add(DIGITS, START, {"huge": 1e308}, {})
    return found


def found(store, **asked):
    answer = listing(store, asked, [WEB, SECOND, DIGITS])
    validator("series").validate(answer)
    json.dumps(answer, allow_nan=False)
    return answer


def names(answer):
    return [(each["endpoint"], each["replica"], each["name"]) for each in answer["series"]]


def test_k6_all_series_are_told_with_their_sums(store):
    """K6: count, minimum, maximum, mean and sum."""
    answer = found(store)
    assert names(answer) == [
        ("web", 1, "a"),
        ("web", 1, "b"),
        ("web", 2, "a"),
        ("digits", 1, "a"),
        ("digits", 1, "huge"),
    ]
    first = answer["series"][0]
    assert {name: first[name] for name in ("count", "value", "min", "max", "mean", "sum", "first", "last")} == {
        "count": 20,
        "value": 19.0,
        "min": 0.0,
        "max": 19.0,
        "mean": 9.5,
        "sum": 190.0,
        "first": START,
        "last": START + 19,
    }
    assert "buckets" not in first
    assert (answer["series"][-1]["sum"], answer["series"][-1]["mean"], answer["series"][-1]["max"]) == (
        None,
        None,
        1e308,
    )


def test_buckets_come_in_the_columns_that_are_named(store):
    answer = found(store, step="10", endpoint="web", replica="1", name="a")
    (series,) = answer["series"]
    assert answer["columns"] == list(COLUMNS) == ["time", "count", "min", "max", "mean", "sum"]
    assert series["step"] == 10
    assert series["buckets"] == [[START, 10, 0.0, 9.0, 4.5, 45.0], [START + 10, 10, 10.0, 19.0, 14.5, 145.0]]


def test_what_is_older_is_left_out_but_the_last_text(store):
    answer = found(store, step="1", since=str(START + 15), endpoint="web", replica="1")
    assert [bucket[0] - START for bucket in answer["series"][0]["buckets"]] == [15, 16, 17, 18, 19]
    (texts,) = answer["texts"]
    assert (texts["count"], [each["text"] for each in texts["texts"]]) == (20, [f"dog {n}" for n in range(15, 20)])
    (texts,) = found(store, since=str(START + 60))["texts"]
    assert [each["text"] for each in texts["texts"]] == ["dog 19"]


def test_what_has_gone_can_be_asked_for_as_long_as_it_is_kept(store):
    assert len(listing(store, {"version": "v2"}, [WEB])["series"]) == 2


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"endpoint": "wbe"}, "no endpoint `wbe`"),
        ({"version": "v3"}, "no version `v3`"),
        ({"replica": "3"}, "no replica `3`"),
        ({"step": "0"}, "`step` must be a number of seconds, at least 1"),
        ({"step": "1e99"}, "`step` must be a number of seconds, at least 1"),
        ({"step": "nan"}, "`step` must be a number of seconds, at least 1"),
        ({"step": "-5"}, "`step` must be a number of seconds, at least 1"),
        ({"since": "yesterday"}, "`since` must be a number of seconds, at least 1"),
        ({"since": "inf"}, "`since` must be a number of seconds, at least 1"),
    ],
)
def test_what_there_is_not_is_an_error_that_says_so(store, asked, said):
    with pytest.raises(InputError) as error:
        listing(store, asked, [WEB, SECOND, DIGITS])
    assert error.value.message == said
    assert error.value.hint


def test_a_name_that_nothing_has_is_an_empty_answer(store):
    answer = found(store, name="other", step="1")
    assert (answer["series"], answer["texts"]) == ([], [])


def test_a_line_is_told_value_by_value():
    printed = MetricsPrinted(SECOND, START, {"a": 1.5}, {"best": "dog"})
    whose = {"endpoint": "web", "version": SECOND.version, "replica": 2, "served": "web"}
    assert list(samples(printed)) == [
        {**whose, "name": "a", "time": START, "value": 1.5},
        {**whose, "name": "best", "time": START, "text": "dog"},
    ]

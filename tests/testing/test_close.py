"""``assert_close``: what is the same, what is not, and how it is told."""

from __future__ import annotations

import math

import pytest

from vhlocal.comparison.paths import PathError
from vhlocal.exchanges import Answer, whole
from vhlocal.testing import assert_close
from vhlocal.testing.client import Reply


class Array:
    """Has what NumPy's arrays and numbers have."""

    def __init__(self, value):
        self.value = value

    def tolist(self):
        return self.value


def reply(body, kind="application/json"):
    return Reply(Answer(200, (("Content-Type", kind),), whole(body)), "http://127.0.0.1:1/o/p/d/v/e")


@pytest.mark.parametrize(
    ("answer", "expected", "more"),
    [
        ({"p": 0.9980000001}, {"p": 0.998}, {}),
        ({"p": 0.99}, {"p": 1.0}, {"rtol": 0.02}),
        ({"n": 99}, {"n": 100}, {"rtol": 0.02}),
        ({"n": 99}, {"n": 100}, {"atol": 1}),
        ([1.0, [2.0]], (1.0, (2.0,)), {}),
        ({"scores": [0.25, 0.75]}, {"scores": Array([0.25, 0.75])}, {}),
        ({"score": 0.25}, {"score": Array(0.25)}, {}),
        ({"p": math.nan}, {"p": math.nan}, {}),
        ({"id": 1, "digit": 7}, {"id": 2, "digit": 7}, {"ignore": ["$.id"]}),
        ({"labels": ["a", "b"]}, {"labels": ["b", "a"]}, {"sets": ["$.labels"]}),
        (reply(b'{"digit": 7}'), {"digit": 7}, {}),
        (reply(b"[1]", "text/html"), [1], {}),
    ],
)
def test_what_is_close(answer, expected, more):
    assert_close(answer, expected, **more)


@pytest.mark.parametrize(
    ("answer", "expected", "more", "told"),
    [
        ({"p": 0.871}, {"p": 0.998}, {}, "not as expected: $.p 0.998 → 0.871"),
        ({"id": 10000001}, {"id": 10000000}, {}, "not as expected: $.id 10000000 → 10000001"),
        ({"p": 0.9980000001}, {"p": 0.998}, {"rtol": 0}, "not as expected: $.p 0.998 → 0.9980000001"),
        ({"n": True}, {"n": 1}, {"rtol": 1}, "not as expected: $.n 1 → true"),
        ({}, {"p": 1}, {}, "not as expected: $.p 1 → missing"),
        ({"p": 1, "more": 2}, {"p": 1}, {}, "not as expected: $.more missing → 2"),
        ([1, 2], [1, 2, 3], {}, "not as expected: $ 3 → 2 items"),
        ({"p": math.nan}, {"p": 1.0}, {"rtol": 1}, "not as expected: $.p 1 → nan"),
        ({"a": [0.1] * 9, "b": 1}, {"a": [0.2] * 9, "b": 2}, {}, "not as expected: $.b 2 → 1\n  $.a[0] 0.2 → 0.1\n"),
        (reply(b"<h1>", "text/html"), {}, {}, "the answer is not JSON: <200, 4 bytes of text/html>: <h1>"),
    ],
)
def test_what_is_not_is_told_shortest_first(answer, expected, more, told):
    with pytest.raises(AssertionError) as caught:
        assert_close(answer, expected, **more)
    assert str(caught.value).startswith(told)


def test_of_many_differences_the_first_are_told():
    with pytest.raises(AssertionError) as caught:
        assert_close(list(range(100)), [-1] * 100)
    assert len(str(caught.value).splitlines()) == 12
    assert str(caught.value).endswith("… and 89 more")


@pytest.mark.parametrize("more", [{"rtol": -1}, {"atol": math.nan}, {"rtol": math.inf}])
def test_a_tolerance_that_is_none_is_refused(more):
    with pytest.raises(ValueError, match="is a number from 0 on"):
        assert_close({}, {}, **more)


@pytest.mark.parametrize("more", [{"ignore": "$.id"}, {"sets": ["labels"]}])
def test_a_path_that_is_none_is_refused(more):
    with pytest.raises(PathError):
        assert_close({}, {}, **more)

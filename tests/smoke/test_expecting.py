"""What can be expected of an answer, and how what differs is told."""

from __future__ import annotations

import math

import pytest

from tests.exchanges import answered, sent
from vhlocal.comparison.rules import Tolerance
from vhlocal.smoke.expecting import Equal, Header, Near, Quick, Status, UnreadableError, expectation, unmet


@pytest.mark.parametrize(
    ("comment", "expected"),
    [
        ("expect 200", Status(200)),
        (" expect  404 ", Status(404)),
        ("expect $.digit == 7", Equal(("digit",), 7)),
        ("expect $ == []", Equal((), [])),
        ("expect $.a[0].b==true", Equal(("a", 0, "b"), True)),
        ('expect $["a b"] == "x == y"', Equal(("a b",), "x == y")),
        ('expect $.a == {"b": null}', Equal(("a",), {"b": None})),
        ("expect $.p ~ 0.99 ± 0.01", Near(("p",), 0.99, Tolerance(0.0, 0.01, integers=True))),
        ("expect $.p ~ -1e3 +/- 5", Near(("p",), -1000.0, Tolerance(0.0, 5.0, integers=True))),
        ("expect $.p ~ 7+-1", Near(("p",), 7.0, Tolerance(0.0, 1.0, integers=True))),
        ("expect $.p ~ 0.99", Near(("p",), 0.99, Tolerance(integers=True))),
        ("expect header content-type: application/json", Header("content-type", "application/json")),
        ("expect header X-A:", Header("X-A", "")),
        ("expect < 500 ms", Quick(0.5)),
        ("expect <2s", Quick(2.0)),
        ("a comment", None),
        ("expected to be slow", None),
        ("inspect 300 items", None),
        ("takes 200 ms", None),
        ("expect nothing of this", None),
        ("we expect 200 here", None),
    ],
)
def test_an_expectation_is_read(comment, expected):
    if comment == "expect nothing of this":
        with pytest.raises(UnreadableError):
            expectation(comment)
    else:
        assert expectation(comment) == expected


@pytest.mark.parametrize(
    "comment",
    [
        "expect",
        "expect 2xx",
        "expect 600",
        "expect 200 OK",
        "expects 200",
        "Expect 200",
        "expected: $.digit == 7",
        "exepct 200",
        "expct $.digit == 7",
        "except header a: b",
        "Assert: 200",
        "expect: 200",
        "expect $.digit = 7",
        "expect $.digit",
        "expect $.digit == seven",
        "expect $.digit == ",
        "expect $..digit == 7",
        "expect $.items[*].id == 7",
        "expect $.p ~ high",
        "expect $.p ~ 0.9 ± -1",
        "expect $.p ~ nan",
        "expect $.p ~ 1 ± inf",
        "expect $.p ~ 1 ± 2 ± 3",
        "expect digit == 7",
        "expect < 500",
        "expect > 5 ms",
        "expect header content-type",
    ],
)
def test_what_is_meant_as_an_expectation_and_is_none_is_never_passed_over(comment):
    with pytest.raises(UnreadableError):
        expectation(comment)


BODY = {"digit": 7, "p": 0.995, "name": "seven", "all": [{"n": 1}, {"n": 2}], "yes": True, "none": None}


@pytest.mark.parametrize(
    ("comment", "told"),
    [
        ("expect 200", []),
        ("expect 201", ["status 201 → 200"]),
        ("expect $.digit == 7", []),
        ("expect $.digit == 7.0", []),
        ("expect $.digit == 8", ["$.digit 8 → 7"]),
        ("expect $.p == 0.995", []),
        ("expect $.p == 0.9950001", ["$.p 0.9950001 → 0.995"]),
        ("expect $.yes == 1", ["$.yes 1 → true"]),
        ("expect $.none == null", []),
        ("expect $.nothing == null", ["$.nothing null → missing"]),
        ('expect $.all == [{"n": 1}, {"n": 2}]', []),
        ('expect $.all == [{"n": 1}, {"n": 3}, 4]', ["$.all[1].n 3 → 2", "$.all 3 → 2 items"]),
        ("expect $.p ~ 0.99 ± 0.01", []),
        ("expect $.p ~ 0.9 ± 0.01", ["$.p 0.9 ± 0.01 → 0.995"]),
        ("expect $.digit ~ 8 ± 1", []),
        ("expect $.p ~ 0.985 ± 0.01", []),
        ("expect $.digit ~ 8", ["$.digit 8 → 7"]),
        ("expect $.yes ~ 1", ["$.yes 1 → true"]),
        ("expect $.name ~ 1", ['$.name 1 → "seven"']),
        ("expect $.p[0] ~ 1", ["$.p[0] 1.0 → missing"]),
        ("expect header content-type: application/json", []),
        ("expect header content-type: text/html", ['content-type "text/html" → "application/json; charset=utf-8"']),
        ("expect header Content-Type: application/json; charset=utf-8", []),
        ("expect header x-model: 1", ['x-model "1" → missing']),
        ("expect < 300 ms", []),
        ("expect < 250 ms", ["time < 250 ms → 250 ms"]),
    ],
)
def test_what_differs_from_what_is_expected_is_told(comment, told):
    answer = answered(BODY, Content_Type="application/json; charset=utf-8")
    expected = expectation(comment)
    assert expected is not None
    assert [str(one) for one in unmet(expected, answer, 0.25)] == told


def test_a_body_that_is_no_json_is_told():
    assert [str(one) for one in unmet(Equal(("a",), 1), sent(b"busy", "text/plain"), 0)] == [
        "body JSON → text, 4 bytes"
    ]


def test_a_value_that_is_no_number_is_near_to_none():
    assert unmet(Near((), 1.0, Tolerance()), sent(b"NaN", "application/json"), 0)
    assert math.isnan(float("nan"))


def test_a_value_that_is_nested_too_deeply_is_told():
    with pytest.raises(UnreadableError, match="nested too deeply"):
        expectation(f"expect $.a == {'[' * 200_000}{']' * 200_000}")

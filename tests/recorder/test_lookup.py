"""Requests by the beginning of their id."""

from __future__ import annotations

import pytest

from tests.exchanges import exchange
from vhlocal.errors import InputError
from vhlocal.recorder.lookup import not_recorded, the_one


def test_the_one_that_begins_so_is_returned():
    one = exchange(id="ab12")
    assert the_one([one], "ab") is one


def test_none_and_several_are_told_with_what_to_do():
    with pytest.raises(InputError, match="no recorded request has an id that begins with `ab`") as caught:
        the_one([], "ab")
    assert "vhlocal requests" in caught.value.hint
    several = [exchange(id=f"ab{number}{'0' * 29}") for number in range(5)]
    with pytest.raises(InputError, match=r"5 recorded requests .* `ab`: ab000000, ab100000, ab200000$") as caught:
        the_one(several, "ab")
    assert caught.value.hint == "give more of the id"


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        ({"replayed": True, "endpoint": "web"}, "vhlocal sent it itself, for a replay, a load or a check"),
        ({"replayed": False, "endpoint": ""}, "it went to no endpoint"),
        ({"replayed": False, "endpoint": "web"}, "later requests took its place"),
    ],
)
def test_why_a_request_that_is_listed_is_not_recorded(facts, why):
    error = not_recorded({"id": "0123456789abcdef", **facts})
    assert error.message == f"request 01234567 is listed, but not recorded: {why}"

"""Paths into JSON."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vhlocal.comparison.paths import PathError, lookup, parse, parse_one, written


@settings(deadline=None)
@given(st.lists(st.one_of(st.text(), st.integers(0, 10**6))).map(tuple))
def test_what_is_written_is_read_as_the_same(path):
    assert parse(written(path)) == parse_one(written(path)) == path


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("$", ()),
        ("$.a.b", ("a", "b")),
        ("$[0][12]", (0, 12)),
        ("$.a[*].b.*", ("a", None, "b", None)),
        ("""$["a b"]['c"d']""", ("a b", 'c"d')),
        ("$.größe", ("größe",)),
        ("$.with-dash", ("with-dash",)),
    ],
)
def test_each_form_of_a_step_is_read(text, steps):
    assert parse(text) == steps


@pytest.mark.parametrize(
    "text", ["", "digit", ".a", "$a", "$..a", "$.", "$[", "$[-1]", "$[?(@.a)]", '$["a]', "$.a[0:2]", "$ "]
)
def test_what_is_no_path_is_told_with_what_is(text):
    with pytest.raises(PathError, match=r"begins with \$|a path is made of"):
        parse(text)


def test_a_name_in_quotes_with_an_escape_that_is_none_is_told():
    with pytest.raises(PathError, match=r'^"\\q" is not a name: Invalid \\escape'):
        parse(r'$["\q"]')


def test_names_are_written_in_their_own_letters():
    assert written(("größe", 0, "a b", "c")) == '$["größe"][0]["a b"].c'


def test_one_value_has_no_star():
    with pytest.raises(PathError, match="matches many values"):
        parse_one("$.items[*].id")


@pytest.mark.parametrize(
    ("text", "step"), [("$.b", "b"), ("$.a[2]", 2), ("$.a.b", "b"), ("$[0]", 0), ("$.a[0][3]", 3), ("$.s[0]", 0)]
)
def test_what_is_not_there_is_no_value(text, step):
    with pytest.raises(KeyError) as caught:
        lookup({"a": [1, None], "s": "text"}, parse_one(text))
    assert caught.value.args == (step,)


def test_what_is_there_is_found():
    assert lookup({"a": [1, None]}, parse_one("$.a[1]")) is None

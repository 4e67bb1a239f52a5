"""What holds of every comparison, whatever is compared."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.exchanges import sent
from vhlocal.comparison.differences import differences, noise
from vhlocal.comparison.rules import Rules, Tolerance

if TYPE_CHECKING:
    from vhlocal.exchanges import Answer

SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 3), st.integers(), st.floats(), st.sampled_from(["", "a", "b"])
)
NAMES = st.sampled_from(["a", "b", "c"])
DOCUMENTS = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(NAMES, inner, max_size=3)),
    max_leaves=12,
)
PATTERNS = st.lists(st.one_of(NAMES, st.integers(0, 2), st.none()), max_size=3).map(tuple)
TOLERANCES = st.builds(
    Tolerance, relative=st.sampled_from([0, 1e-6, 0.1, 1.0]), absolute=st.sampled_from([0, 0.5]), integers=st.booleans()
)
RULES = st.builds(
    Rules,
    tolerance=TOLERANCES,
    tolerances=st.lists(st.tuples(PATTERNS, TOLERANCES), max_size=2).map(tuple),
    ignored=st.lists(PATTERNS, max_size=2).map(tuple),
    sets=st.lists(PATTERNS, max_size=2).map(tuple),
)


def of(document: Any) -> Answer:
    return sent(json.dumps(document).encode(), "application/json")


@settings(deadline=None)
@given(DOCUMENTS, DOCUMENTS, RULES)
def test_a_comparison_says_the_same_either_way_round(one, other, rules):
    there = sorted((str(d.location), d.before, d.after) for d in differences(of(one), of(other), rules))
    back = sorted((str(d.location), d.after, d.before) for d in differences(of(other), of(one), rules))
    assert [where for where, _, _ in there] == [where for where, _, _ in back]
    assert [was.removesuffix(" items") for _, was, _ in there] == [was.removesuffix(" items") for _, was, _ in back]


@settings(deadline=None)
@given(DOCUMENTS, RULES)
def test_what_is_the_same_does_not_differ(document, rules):
    spaced = sent(json.dumps(document, indent=2).encode(), "application/json")
    assert differences(of(document), spaced, rules) == ()


@settings(deadline=None)
@given(DOCUMENTS, DOCUMENTS, RULES)
def test_nothing_at_or_below_an_ignored_path_is_told(one, other, rules):
    def within(path: tuple[Any, ...]) -> bool:
        return any(
            len(pattern) <= len(path) and all(p is None or p == s for p, s in zip(pattern, path, strict=False))
            for pattern in rules.ignored
        )

    assert [d for d in differences(of(one), of(other), rules) if within(d.location[2:])] == []


@settings(deadline=None)
@given(DOCUMENTS, DOCUMENTS, st.lists(NAMES, min_size=1, max_size=2).map(tuple), RULES)
def test_what_is_at_an_ignored_path_never_counts(one, other, path, rules):
    """Whatever is put there."""

    def with_value(value: Any) -> Any:
        for step in reversed(path):
            value = {step: value}
        return value

    ignoring = Rules(ignored=(path,), sets=rules.sets, tolerance=rules.tolerance)
    assert differences(of(with_value(one)), of(with_value(other)), ignoring) == ()


@settings(deadline=None)
@given(DOCUMENTS, DOCUMENTS, DOCUMENTS, RULES)
def test_what_two_old_answers_differ_by_is_never_told(old, again, new, rules):
    quiet = noise(of(old), of(again), rules)
    told = {d.location for d in differences(of(old), of(new), rules, quiet)}
    assert told.isdisjoint(quiet)
    assert differences(of(old), of(again), rules, quiet) == ()
    # What is not noisy is told as without noise.
    everything = {d.location for d in differences(of(old), of(new), rules)}
    assert told == {where for where in everything if not any(where[:n] in quiet for n in range(1, len(where) + 1))}


@settings(deadline=None)
@given(st.lists(st.floats(allow_nan=False), max_size=20), st.randoms())
def test_a_set_is_the_same_in_every_order(numbers, random):
    mixed = list(numbers)
    random.shuffle(mixed)
    assert differences(of(numbers), of(mixed), Rules(sets=((),))) == ()


@settings(deadline=None)
@given(
    st.binary(max_size=64),
    st.binary(max_size=64),
    st.sampled_from(["application/json", "text/plain", "image/png", "x"]),
)
def test_whatever_bytes_come_something_is_said_of_them(one, other, kind):
    found = differences(sent(one, kind), sent(other, kind))
    assert all(str(difference) for difference in found)
    assert not (one == other and found)

"""Patterns match as ``gitignorant``'s own do, which the platform's client uses, and none takes long."""

from __future__ import annotations

import re
import time

import gitignorant
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from vhlocal.errors import InputError
from vhlocal.model import Place
from vhlocal.project.ignoring import PatternError, rules_of
from vhlocal.project.packaged_paths import Ignored

PATTERNS = st.lists(st.sampled_from(["*", "**", "a", "b", "/", "?", "[ab]", "[^a]", "[a-b]", ".", "!"]), max_size=12)
PATHS = st.lists(st.sampled_from(["a", "b", "/", ".", "\n", "ab"]), max_size=8)


@settings(max_examples=1000, derandomize=True)
@given(pattern=PATTERNS.map("".join), path=PATHS.map("".join), is_dir=st.booleans())
@example("**/a/*/**/b", "a/x/b", False)
@example("/*a*b*/", "xaybz", True)
@example("a**/*b*", "a/b\n", False)
def test_a_pattern_matches_as_the_clients_own_does(pattern, path, is_dir):
    try:
        theirs = [gitignorant.check_match([rule], path, is_dir) for rule in gitignorant.parse_gitignore_file([pattern])]
    except re.error:
        with pytest.raises(PatternError):
            rules_of([pattern])
        return
    assert [gitignorant.check_match([rule], path, is_dir) for rule in rules_of([pattern])] == theirs


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("*a" * 20 + "b", "a" * 200),
        ("**/a/" * 20 + "b", "/".join("a" * 200)),
        ("**/*a*/" * 10 + "b", "/".join(["aaaa"] * 50)),
        ("*" + "?*" * 50 + "b", "a" * 200),
        ("**[a]" * 20 + "b", "a" * 200),
    ],
)
def test_no_pattern_takes_long(pattern, path):
    """A regular expression would not end within a lifetime."""
    (rule,) = rules_of([pattern])
    began = time.process_time()
    assert not rule.matches(path)
    assert rule.matches(path + ("/b" if pattern.endswith("/b") else "b"))
    assert time.process_time() - began < 2


@pytest.mark.parametrize("pattern", ["[z-a]", "a*[z-a]*b*c"])
def test_a_pattern_that_cannot_be_read_is_reported_with_its_line(project, pattern):
    file = project.write(".vhignore", f"# these\n\n{pattern}\n")
    with pytest.raises(InputError, match="this pattern cannot be read") as caught:
        Ignored(file)
    assert caught.value.place == Place(file, 3)


def test_many_patterns_are_read_once():
    rules = rules_of(f"p{number}*/x" for number in range(3000))
    began = time.process_time()
    assert not any(gitignorant.check_match(rules, f"y{number}") for number in range(100))
    assert time.process_time() - began < 5

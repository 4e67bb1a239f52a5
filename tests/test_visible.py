"""What a terminal would obey is shown, whatever it stands in."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vhlocal.visible import SGR, coloured, json_text, one_line, visible

#: Each of them makes a terminal, or who reads its output, do something.
OBEYED = [
    "\x1b]0;title\x07",
    "\x1b]8;;http://other/\x1b\\link\x1b]8;;\x1b\\",
    "\x1b]52;c;aGk=\x07",
    "\x1b[2J",
    "\x1b[1A",
    "\x1b[?1049h",
    "\x1b[6n",
    "\x1bP+q\x1b\\",
    "\x1bc",
    "\x9b2J",
    "\x9d0;title\x9c",
    "\x07",
    "\x08\x08",
    "\r",
    "\x0b",
    "\x7f",
    "\u2028",
    "\u202egnp.exe",
    "\u2066",
    "\ud800",
]


@pytest.mark.parametrize("text", OBEYED, ids=ascii)
def test_what_a_terminal_would_obey_is_written_out(text):
    for shown in (visible(f"a{text}b"), one_line(f"a{text}b"), coloured(f"a{text}b")):
        assert all(letter.isprintable() for letter in shown)
        assert shown[0] + shown[-1] == "ab"


@pytest.mark.parametrize("text", ["", "plain", "\tindented", "ä 中 😀 é", "two\nlines"])
def test_all_other_text_stays_as_it_is(text):
    assert visible(text) == coloured(text) == text


def test_a_line_end_in_a_name_is_none():
    assert one_line("a\n::error::b") == "a\\n::error::b"


@pytest.mark.parametrize("colour", ["\x1b[31m", "\x1b[m", "\x1b[1;38;5;200m", "\x1b[4:3m", "\x1b[0m"])
def test_colours_stay_where_they_may(colour):
    assert coloured(f"a{colour}b\x1b[2J") == f"a{colour}b\\x1b[2J"
    assert visible(f"a{colour}b").startswith("a\\x1b[")


@given(st.text())
def test_nothing_but_colours_is_left(text):
    shown = SGR.sub("", coloured(text))
    assert all(letter.isprintable() or letter in "\n\t" or letter.isspace() or ord(letter) > 0xA0 for letter in shown)
    assert "\x1b" not in shown


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda values: st.lists(values)))
def test_json_is_read_as_what_it_was(value):
    text = json_text(value)
    assert json.loads(text) == value
    assert visible(text) == text

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vhlocal.runtime.lines import LONGEST, Lines


def lines_of(*chunks):
    found = []
    lines = Lines(found.append)
    for chunk in chunks:
        lines.feed(chunk)
    lines.end()
    return found


@pytest.mark.parametrize(
    ("chunks", "expected"),
    [
        ([b"one\ntwo\n"], ["one", "two"]),
        ([b"on", b"e\ntw", b"o"], ["one", "two"]),
        ([b"10%\r20%\r\n"], ["10%", "20%"]),
        ([b"caf\xc3", b"\xa9\n"], ["café"]),
        ([b"\xff\n"], ["\ufffd"]),
        ([b""], []),
    ],
)
def test_chunks_become_lines(chunks, expected):
    assert lines_of(*chunks) == expected


@given(st.text(alphabet="ab\n", max_size=60), st.integers(1, 7))
def test_how_it_is_cut_makes_no_difference(text, size):
    data = text.encode()
    chunks = [data[at : at + size] for at in range(0, len(data), size)]
    assert lines_of(*chunks) == lines_of(data)


def test_output_without_line_ends_does_not_pile_up():
    found = lines_of(b"x" * (2 * LONGEST + 1))
    assert [len(line) for line in found] == [LONGEST, LONGEST, 1]

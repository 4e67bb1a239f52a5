"""Where answers end, however their bytes come."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vhlocal.load.answers import AnswerError, Reader

WHOLE = [
    ("GET", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, False),
    ("GET", b"HTTP/1.1 200 OK\r\ncontent-length:0\r\nConnection: close\r\n\r\n", 200, True),
    ("GET", b"HTTP/1.1 204 No Content\r\n\r\n", 204, False),
    ("HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", 200, False),
    ("GET", b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Made\r\nContent-Length: 1\r\n\r\nx", 201, False),
    (
        "GET",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nA;x=y\r\n0123\r\n\r\n\r\n\r\n0\r\n\r\n",
        200,
        False,
    ),
    ("GET", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\nX: y\r\n\r\n", 200, False),
    ("GET", b"HTTP/1.0 404 None\r\nContent-Length: 2\r\n\r\nno", 404, True),
]


@settings(deadline=None)
@given(st.sampled_from(WHOLE), st.lists(st.integers(1, 30), min_size=1, max_size=60))
def test_an_answer_ends_with_its_last_byte_however_it_is_cut(case, sizes):
    method, data, status, closes = case
    reader, place = Reader(method), 0
    for size in [*sizes, len(data)]:
        part, place = data[place : place + size], place + size
        if part:
            assert reader.feed(part) == (place >= len(data))
    assert (reader.status, reader.closes) == (status, closes)
    assert not Reader(method).end()


def test_an_answer_without_a_length_ends_with_the_connection():
    reader = Reader("GET")
    assert not reader.feed(b"HTTP/1.1 200 OK\r\n\r\nso much")
    assert not reader.feed(b" and more")
    assert reader.closes
    assert reader.end()


def test_an_answer_that_breaks_off_is_not_whole():
    reader = Reader("GET")
    assert not reader.feed(WHOLE[0][1][:-1])
    assert not reader.end()


@pytest.mark.parametrize(
    "data",
    [
        b"SSH-2.0-x\r\n\r\n",
        b"HTTP/1.1\r\n\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 200\r\nTransfer-Encoding: chunked\r\n\r\nz\r\n",
    ],
)
def test_what_is_no_answer_is_told(data):
    with pytest.raises(AnswerError):
        Reader("GET").feed(data)

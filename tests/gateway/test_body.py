"""Framing of bodies, without sockets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vhlocal.gateway.body import LAST_CHUNK, BodyError, ChunkedReader, Framing, body_reader, chunk

PIECES = st.lists(st.binary(min_size=1, max_size=50), max_size=5)
CUTS = st.lists(st.integers(1, 30), max_size=30)


def feed_in_pieces(reader, stream: bytes, cuts: list[int]) -> tuple[bytes, bytes]:
    """Feed the stream cut anywhere; return the payload and what followed the body."""
    payload = b""
    while stream and not reader.done:
        size = cuts.pop() if cuts else len(stream)
        part, rest = reader.feed(stream[:size])
        payload += part
        stream = rest + stream[size:]
    return payload, stream


@given(PIECES, st.sampled_from([b"", b"X-Sum: 1 2\r\nY:\r\n"]), CUTS, st.binary(max_size=20))
def test_a_chunked_body_reads_alike_however_it_is_cut(pieces, trailers, cuts, after):
    reader = ChunkedReader()
    stream = b"".join(map(chunk, pieces)) + LAST_CHUNK[:-2] + trailers + b"\r\n"
    assert feed_in_pieces(reader, stream + after, cuts) == (b"".join(pieces), after)
    assert reader.done
    assert reader.has_trailers == bool(trailers)


@pytest.mark.parametrize("body", [b"", b"5\r\nhello\r\n"])
def test_a_last_chunk_ends_a_body_once(body):
    """What follows is the next request's, whatever it looks like."""
    reader = ChunkedReader()
    assert reader.feed(body + b"0\r\n\r\n" + b"0\r\n\r\n") == (body[3:8], b"0\r\n\r\n")
    assert reader.done


@given(st.binary(max_size=60), CUTS, st.binary(max_size=20))
def test_a_body_of_known_length_ends_where_it_should(body, cuts, after):
    reader = body_reader(Framing.LENGTH, len(body))
    assert feed_in_pieces(reader, body + after, cuts) == (body, after)


def test_a_body_until_close_is_never_done():
    reader = body_reader(Framing.CLOSE, 0)
    assert reader.feed(b"abc") == (b"abc", b"")
    assert not reader.done
    assert body_reader(Framing.NONE, 0).done


def test_extensions_leading_zeros_and_capitals_are_understood():
    reader = ChunkedReader()
    assert reader.feed(b'000A;name="v";x\r\n0123456789\r\n00 ;y\r\n\r\nnext') == (b"0123456789", b"next")


@pytest.mark.parametrize("zeros", [0, 1, 15, 16, 40, 400])
def test_a_size_may_begin_with_any_zeros(zeros):
    """As with nginx."""
    reader = ChunkedReader()
    stream = b"0" * zeros + b"5\r\nhello\r\n" + b"0" * zeros + b"0\r\n\r\n"
    assert reader.feed(stream + b"next") == (b"hello", b"next")
    assert reader.done


@pytest.mark.parametrize("size", [2**63 - 6, 2**60, 2**60 - 1])
def test_a_size_may_be_as_large_as_for_nginx(size):
    reader = ChunkedReader()
    assert reader.feed(b"%x\r\nhello" % size) == (b"hello", b"")
    assert not reader.done


@pytest.mark.parametrize("size", [2**63 - 5, 2**63 - 1, 2**63, 2**64 - 1, 2**64])
def test_a_size_that_nginx_cannot_count_is_refused(size):
    for zeros in (b"", b"000"):
        with pytest.raises(BodyError, match="a chunk's size is malformed"):
            ChunkedReader().feed(zeros + b"%x\r\nhello\r\n0\r\n\r\n" % size)


@pytest.mark.parametrize(
    "stream",
    [
        b"\r\n",
        b"g\r\n",
        b"0x5\r\nhello\r\n",
        b"-1\r\n",
        b"+5\r\nhello\r\n",
        b" 5\r\nhello\r\n",
        b"5\nhello\n0\n\n",
        b"5\r\nhello0\r\n\r\n",
        b"5\r\nhello\n0\r\n\r\n",
        b"5;a\nb\r\nhello\r\n",
        b"5;a\rb\r\nhello\r\n",
        b"5\x00\r\nhello\r\n",
        b"5 5\r\nhello\r\n",
        b"11111111111111111\r\n",
        b"5" * 5000,
        b"0\r\nno colon\r\n\r\n",
        b"0\r\nA : b\r\n\r\n",
        b"0\r\n A: b\r\n\r\n",
        b"0\r\nA: b\x00\r\n\r\n",
        b"0\r\n" + b"A: 1234567890\r\n" * 2000 + b"\r\n",
    ],
    ids=lambda stream: repr(stream[:24]),
)
def test_malformed_chunks_are_refused(stream):
    for cuts in ([], [1] * len(stream)):
        with pytest.raises(BodyError):
            feed_in_pieces(ChunkedReader(), stream, cuts)


@given(st.binary(max_size=100))
def test_no_bytes_make_the_chunked_reader_fail_otherwise(noise):
    reader = ChunkedReader()
    try:
        reader.feed(noise)
    except BodyError:
        return
    assert not reader.done or reader.feed(b"") == (b"", b"")

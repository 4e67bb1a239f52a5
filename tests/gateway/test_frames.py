"""WebSocket frames, judged by the ``websockets`` package's own."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Close, Frame, Opcode
from websockets.protocol import Protocol, Side, State

from vhlocal.gateway.frames import SERVICE_RESTART, FrameReader, close_frame

#: Around each border between the three forms of a length.
SIZES = st.one_of(st.integers(0, 300), st.sampled_from([125, 126, 127, 65_535, 65_536, 70_000]))


@st.composite
def frames(draw: st.DrawFn) -> list[bytes]:
    """Some frames of either side, none of which closes, as bytes."""
    mask = draw(st.booleans())
    kinds = st.sampled_from([Opcode.TEXT, Opcode.BINARY, Opcode.CONT, Opcode.PING, Opcode.PONG])
    made = []
    for kind in draw(st.lists(kinds, max_size=5)):
        size = draw(st.integers(0, 125) if kind in (Opcode.PING, Opcode.PONG) else SIZES)
        frame = Frame(kind, b"\x88" * size, draw(st.booleans()) or kind in (Opcode.PING, Opcode.PONG))
        made.append(frame.serialize(mask=mask))
    return made


def pieces(draw: st.DrawFn, data: bytes) -> list[bytes]:
    """Return ``data`` cut at places of its own."""
    cuts = sorted(draw(st.lists(st.integers(0, len(data)), max_size=8)))
    return [data[start:end] for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True)]


@given(frames(), st.data())
def test_a_reader_is_between_frames_exactly_where_one_ends(made, data):
    stream = b"".join(made)
    ends, at = {0}, 0
    for frame in made:
        at += len(frame)
        ends.add(at)
    reader, at = FrameReader(), 0
    for piece in pieces(data.draw, stream):
        reader.feed(piece)
        at += len(piece)
        assert reader.between is (at in ends)
        assert not reader.closing


@given(frames(), st.data())
def test_what_is_left_of_a_frame_ends_where_the_frame_does(made, data):
    """From wherever it begins, and however the rest arrives."""
    stream = b"".join(made)
    begin = data.draw(st.integers(0, len(stream)))
    ends = [sum(len(frame) for frame in made[:count]) for count in range(len(made) + 1)]
    end = next(end for end in ends if end >= begin)
    reader = FrameReader()
    reader.feed(stream[:begin])
    taken = sum(reader.finish(piece) for piece in pieces(data.draw, stream[begin:]))
    assert taken == end - begin
    assert reader.between


@given(st.binary(max_size=200), st.data())
def test_any_bytes_are_read_alike_however_they_come(stream, data):
    whole, cut = FrameReader(), FrameReader()
    whole.feed(stream)
    for piece in pieces(data.draw, stream):
        cut.feed(piece)
    assert (cut.between, cut.closing) == (whole.between, whole.closing)


@given(st.sampled_from([1000, 1001, SERVICE_RESTART, 4999]), st.text(max_size=130), st.booleans())
def test_a_close_frame_is_what_the_other_side_expects(code, reason, masked):
    peer = Protocol(Side.SERVER if masked else Side.CLIENT, state=State.OPEN)
    frame = close_frame(code, reason, mask=masked)
    peer.receive_data(frame)
    peer.receive_eof()
    assert peer.parser_exc is None
    assert peer.close_rcvd is not None
    assert peer.close_rcvd.code == code
    assert reason.startswith(peer.close_rcvd.reason)
    assert len(reason.encode()) > 119 or peer.close_rcvd.reason == reason
    reader = FrameReader()
    reader.feed(frame)
    assert (reader.between, reader.closing) == (True, True)


def test_a_close_frame_is_seen_among_others():
    reader = FrameReader()
    reader.feed(Frame(Opcode.TEXT, b"\x88\x00").serialize(mask=False))
    assert not reader.closing
    reader.feed(Frame(Opcode.CLOSE, Close(1000, "").serialize()).serialize(mask=True)[:2])
    assert not reader.closing, "its head is not there yet"
    reader.feed(bytes(4))
    assert reader.closing
    assert not reader.between

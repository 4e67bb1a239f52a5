"""What is kept of a body: the bytes that went in come out, wherever they lay meanwhile."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vhlocal.gateway.spool import Spool, SpoolRoom


def taken(spool: Spool) -> bytes:
    return b"".join(iter(spool.take, b""))


PIECES = st.lists(st.binary(min_size=1, max_size=40), max_size=12)


@given(PIECES, st.integers(0, 100), st.integers(0, 99), st.integers(0, 99))
def test_what_goes_in_comes_out_as_often_as_wanted_and_the_room_is_given_back(pieces, each, memory, disk):
    room = SpoolRoom(each, memory, disk)
    spool = Spool(room)
    kept = b""
    for piece in pieces:
        try:
            spool.write(piece)
        except OSError:
            assert len(piece) > room.disk
            assert len(kept) + len(piece) > min(each, memory)
            break
        kept += piece
    assert room.disk >= 0
    assert memory - each <= room.memory <= memory
    for _ in range(2):
        spool.rewind()
        assert taken(spool) == kept
        assert taken(spool) == b""
    for _ in range(2):
        spool.close()
        assert (room.memory, room.disk) == (memory, disk)


def test_the_room_is_all_spools_together():
    room = SpoolRoom(each=4, memory=6, disk=10)
    one, two, three = (Spool(room) for _ in range(3))
    one.write(b"1234")
    two.write(b"1234")
    assert (room.memory, room.disk) == (2, 6), "the second is on disk, since both together have no place in memory"
    one.write(b"567890")
    with pytest.raises(OSError, match="the bodies of requests in flight fill the disk space"):
        two.write(b"5")
    assert (taken(one), room.disk) == (b"1234567890", 0)
    one.close()
    assert (room.memory, room.disk) == (6, 6)
    three.write(b"abcdef")
    assert taken(three) == b"abcdef"
    for spool in (two, three):
        spool.close()
    assert (room.memory, room.disk) == (6, 10)


def test_where_no_file_can_be_made_it_says_so_with_the_place(tmp_path):
    room = SpoolRoom(each=4, memory=100, disk=100, directory=str(tmp_path / "none"))
    spool = Spool(room)
    spool.write(b"1234")
    with pytest.raises(FileNotFoundError, match=str(tmp_path / "none")):
        spool.write(b"5")
    spool.close()
    assert (room.memory, room.disk) == (100, 100)


def test_a_large_body_is_given_out_in_pieces_and_its_file_has_no_name(tmp_path):
    spool = Spool(SpoolRoom(each=10, memory=10, disk=10**9, directory=str(tmp_path)))
    body = os.urandom(3_000_000)
    for at in range(0, len(body), 200_000):
        spool.write(body[at : at + 200_000])
    assert list(tmp_path.iterdir()) == []
    pieces = list(iter(spool.take, b""))
    assert max(map(len, pieces)) == 256 * 1024
    assert b"".join(pieces) == body
    spool.close()


def test_nothing_is_left_to_take_of_a_closed_spool():
    spool = Spool(SpoolRoom(each=2, memory=2, disk=5))
    for piece in (b"ab", b"cde", b"fg"):
        spool.write(piece)
    spool.close()
    assert spool.take() == b""


@pytest.mark.parametrize("memory", [0, 5])
def test_an_empty_end_is_no_piece(memory):
    spool = Spool(SpoolRoom(memory, memory, disk=5))
    for piece in (b"abc", b""):
        spool.write(piece)
    assert taken(spool) == b"abc"
    spool.close()

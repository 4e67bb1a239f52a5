"""What is kept of a body: the bytes that went in come out, wherever they lay meanwhile."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vhlocal.gateway.spool import Spool, SpoolRoom


def taken(spool: Spool) -> bytes:
    return b"".join(iter(spool.take, b""))


@given(st.lists(st.binary(min_size=1, max_size=40), max_size=12), st.integers(0, 100), st.integers(0, 150))
def test_what_goes_in_comes_out_in_order_and_the_room_is_given_back(pieces, memory, disk):
    room = SpoolRoom(memory, disk)
    spool = Spool(room)
    for piece in pieces:
        spool.write(piece)
    size = sum(map(len, pieces))
    assert room.disk >= 0
    assert spool.full == (size - (disk - room.disk) > memory) or size <= memory + disk
    assert taken(spool) == b"".join(pieces)
    assert taken(spool) == b""
    for _ in range(2):
        spool.close()
        assert room.disk == disk


def test_the_room_on_disk_is_all_spools_together():
    room = SpoolRoom(memory=4, disk=10)
    one, two = Spool(room), Spool(room)
    for spool in (one, two):
        spool.write(b"1234")
        spool.write(b"567890")
    assert (one.full, two.full, room.disk) == (False, True, 0)
    two.write(b"more")
    assert (taken(one), taken(two)) == (b"1234567890", b"1234567890more")
    one.close()
    assert room.disk == 6
    three = Spool(room)
    three.write(b"abcdef")
    assert not three.full
    assert taken(three) == b"abcdef"
    for spool in (two, three):
        spool.close()
    assert room.disk == 10


@pytest.mark.parametrize("disk", [0, 3])
def test_what_comes_to_a_full_one_stays_behind_what_was_there_though_there_is_room_again(disk):
    room = SpoolRoom(memory=4, disk=disk)
    spool = Spool(room)
    spool.write(b"12345")
    room.disk += 10
    for piece in (b"67", b"89"):
        spool.write(piece)
    assert spool.full
    assert taken(spool) == b"123456789"
    spool.close()


def test_where_no_file_can_be_made_nothing_is_lost(tmp_path):
    room = SpoolRoom(memory=4, disk=100, directory=str(tmp_path / "none"))
    spool = Spool(room)
    for piece in (b"1234", b"5", b"67"):
        spool.write(piece)
    assert (spool.full, room.disk) == (True, 100)
    assert taken(spool) == b"1234567"
    spool.close()


def test_a_large_body_is_given_out_in_small_pieces_and_its_file_has_no_name(tmp_path):
    spool = Spool(SpoolRoom(memory=10, disk=10**9, directory=str(tmp_path)))
    body = os.urandom(3_000_000)
    for at in range(0, len(body), 200_000):
        spool.write(body[at : at + 200_000])
    assert list(tmp_path.iterdir()) == []
    pieces = list(iter(spool.take, b""))
    assert max(map(len, pieces)) == 64 * 1024
    assert b"".join(pieces) == body
    spool.close()


def test_nothing_is_left_to_take_of_a_closed_spool():
    spool = Spool(SpoolRoom(memory=2, disk=3))
    for piece in (b"ab", b"cde", b"fg"):
        spool.write(piece)
    spool.close()
    assert spool.take() == b""


@pytest.mark.parametrize("memory", [0, 5])
def test_an_empty_end_is_no_piece(memory):
    spool = Spool(SpoolRoom(memory, disk=5))
    for piece in (b"abc", b""):
        spool.write(piece)
    assert not spool.full
    assert taken(spool) == b"abc"
    spool.close()

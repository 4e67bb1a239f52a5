"""Pinned requests: kept beyond the recorder's bound, and bounded themselves."""

from __future__ import annotations

import pytest

from tests.recorder.test_store import size_of, taken
from vhlocal.errors import InputError
from vhlocal.exchanges import Body
from vhlocal.recorder.pins import Pins
from vhlocal.recorder.store import Store


def test_what_is_pinned_is_found_after_it_has_left_the_recordings():
    store = Store(2 * size_of(taken()))
    store.take(*taken(1))
    store.pins.add(taken(1))
    for number in range(2, 20):
        store.take(*taken(number))
    assert int(store.last(100)[0].record.id, 16) > 1
    assert [one.record.id for one in store.find(f"{1:032x}")] == [f"{1:032x}"]
    store.pins.remove(f"{1:032x}")
    assert store.find(f"{1:032x}") == ()


def test_what_is_pinned_and_recorded_is_found_once():
    store = Store()
    store.take(*taken(1))
    store.pins.add(taken(1))
    store.pins.add(taken(1))
    assert len(store.find("0")) == len(store.pins.all()) == 1


def test_there_are_no_more_pins_than_the_most_and_one_has_to_go_first():
    pins = Pins(most=2)
    for number in (1, 2, 2):
        pins.add(taken(number))
    with pytest.raises(InputError, match="2 requests are pinned, which is the limit") as caught:
        pins.add(taken(3))
    assert "vhlocal requests unpin ID" in caught.value.hint
    pins.remove(f"{1:032x}")
    pins.add(taken(3))
    assert [int(one.record.id, 16) for one in pins.all()] == [2, 3]


def test_their_bodies_take_no_more_than_the_most():
    pins = Pins(most_bytes=2 * 1024 * 1024)
    pins.add(taken(1, body=b"x" * 1024 * 1024))
    with pytest.raises(InputError, match="would take more than 2 MiB"):
        pins.add(taken(2, body=b"x" * 1024 * 1024))
    assert len(pins.all()) == 1


def test_a_request_whose_body_was_not_kept_cannot_be_pinned():
    large = taken(1)._replace(request_body=Body(None, 5_000_000, "ab", "longer than 1048576 bytes"))
    with pytest.raises(InputError, match="cannot be pinned: its body was not kept, longer than 1048576 bytes"):
        Pins().add(large)

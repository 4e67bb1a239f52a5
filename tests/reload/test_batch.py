import pytest

from vhlocal.reload.batch import LONGEST, QUIET, Batch


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def test_an_empty_batch_has_nothing_to_wait_for():
    assert Batch(Clock()).remaining() is None


def test_a_batch_waits_for_quiet():
    clock = Clock()
    batch = Batch(clock)
    batch.add()
    assert batch.remaining() == pytest.approx(QUIET)
    clock.now += QUIET / 2
    batch.add()
    assert batch.remaining() == pytest.approx(QUIET)
    clock.now += QUIET
    assert batch.remaining() <= 0


def test_a_batch_does_not_wait_for_ever():
    clock = Clock()
    batch = Batch(clock)
    while clock.now < 100.0 + LONGEST:
        batch.add()
        clock.now += QUIET / 2
    assert batch.remaining() <= 0


def test_a_batch_that_was_taken_begins_anew():
    batch = Batch(Clock())
    batch.add()
    batch.take()
    assert batch.remaining() is None

from pathlib import Path

import pytest

from vhlocal.reload.batch import LONGEST, QUIET, Batch

ONE, TWO = Path("/project/one.py"), Path("/project/two.py")


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def test_an_empty_batch_has_nothing_to_wait_for():
    batch = Batch(Clock())
    assert batch.remaining() is None
    assert batch.take() == frozenset()


def test_a_batch_waits_for_quiet():
    clock = Clock()
    batch = Batch(clock)
    batch.add(ONE)
    assert batch.remaining() == pytest.approx(QUIET)
    clock.now += QUIET / 2
    batch.add(ONE)
    assert batch.remaining() == pytest.approx(QUIET)
    clock.now += QUIET
    assert batch.remaining() <= 0


def test_a_lone_save_waits_a_hundredth_of_a_second_however_many_events_it_is():
    batch = Batch(Clock())
    for _ in range(1000):
        batch.add(ONE)
        batch.add(TWO)
    assert batch.remaining() == pytest.approx(QUIET) == pytest.approx(0.005)


def test_quiet_lasts_longer_where_many_paths_are_touched():
    batch = Batch(Clock())
    waits = []
    for number in range(500):
        batch.add(Path(f"/project/{number}.py"))
        waits.append(batch.remaining())
    assert waits == sorted(waits)
    assert waits[10] == pytest.approx(0.1)
    assert waits[-1] == pytest.approx(0.3)


def test_a_batch_does_not_wait_for_ever():
    clock = Clock()
    batch = Batch(clock)
    while clock.now < 100.0 + LONGEST:
        batch.add(ONE)
        clock.now += QUIET / 2
    assert batch.remaining() <= 0


def test_a_batch_is_the_paths_that_were_touched_and_then_begins_anew():
    clock = Clock()
    batch = Batch(clock)
    for path in (ONE, TWO, ONE):
        batch.add(path)
        clock.now += 0.01
    assert batch.began == 100.0
    assert batch.take() == {ONE, TWO}
    assert batch.began is None
    assert batch.remaining() is None
    batch.add(TWO)
    assert batch.take() == {TWO}


def test_a_batch_in_which_anything_may_have_changed_is_none():
    batch = Batch(Clock())
    batch.add(ONE)
    batch.add(None)
    batch.add(TWO)
    assert batch.take() is None
    batch.add(ONE)
    assert batch.take() == {ONE}

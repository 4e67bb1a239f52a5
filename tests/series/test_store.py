"""What a run keeps of its metrics, and what it leaves out."""

import gc
import random
import tracemalloc

import pytest

from tests.served import at
from vhlocal.model import ServedAt
from vhlocal.series.reading import read
from vhlocal.series.store import MOST, NAME, TEXTS, Store

START = 1_764_140_400.0


def test_each_name_of_each_replica_is_a_series_of_its_own():
    store = Store()
    served = [ServedAt("v1", "web"), ServedAt("v2", "web"), ServedAt("v1", "web", 2), ServedAt("v1", "digits")]
    for number, one in enumerate(served):
        store.add(one, START + number, {"a": number, "b": 10.0}, {})
    assert [(each.key.at, each.key.name, each.value) for each in store.series()] == [
        (one, name, value) for number, one in enumerate(served) for name, value in (("a", number), ("b", 10.0))
    ]
    (found,) = store.series(lambda key: key.at.version == "v2" and key.name == "a")
    assert (found.count, found.first, found.last, found.least, found.most, found.total) == (
        1,
        START + 1,
        START + 1,
        1.0,
        1.0,
        1.0,
    )


def test_buckets_are_given_to_those_who_ask():
    store = Store()
    for second in range(20):
        store.add(at("web"), START + second, {"a": second}, {})
    (whole,) = store.series()
    assert (whole.step, whole.buckets) == (0, ())
    (found,) = store.series(since=START + 10, step=5)
    assert found.step == 5
    assert [(each.time - START, each.number, each.mean) for each in found.buckets] == [(10, 5, 12.0), (15, 5, 17.0)]


def test_the_last_texts_are_kept_and_all_counted():
    store = Store()
    for number in range(TEXTS + 7):
        store.add(at("web"), START + number, {}, {"best": f"dog {number}"})
    ((key, texts),) = store.texts()
    assert key.name == "best"
    assert texts.count == TEXTS + 7
    assert [text for _, text in texts.kept] == [f"dog {number}" for number in range(7, TEXTS + 7)]


def test_names_that_are_too_many_or_too_long_are_left_out_and_counted():
    store = Store()
    for number in range(MOST + 5):
        store.add(at("web"), START, {f"user {number}": 1.0}, {f"text {number}": "x"})
    store.add(at("web"), START, {"x" * (NAME + 1): 1.0, "user 0": 2.0}, {})
    assert len(store.series()) == len(store.texts()) == MOST
    assert store.left_out == 5 + 5 + 1
    (first,) = store.series(lambda key: key.name == "user 0")
    assert first.count == 2


def test_what_has_been_silent_for_an_hour_leaves_for_what_is_new():
    store = Store()
    for number in range(MOST):
        store.add(at("web"), START + number, {f"of version {number}": 1.0}, {})
    store.add(at("web"), START + 3599, {"new": 1.0}, {})
    assert store.left_out == 1
    store.add(at("web"), START + 3600, {"new": 1.0}, {})
    names = [each.key.name for each in store.series()]
    assert (store.left_out, len(names)) == (1, MOST)
    assert "new" in names
    assert "of version 0" not in names


def test_it_is_known_which_names_have_been_collected():
    store = Store()
    store.add(at("web"), START, {"a": 1.0}, {"best": "dog"})
    assert store.has(at("web"), ("a", "best"))
    assert not store.has(at("web"), ("a", "other"))
    assert not store.has(at("digits"), ("a",))


@pytest.mark.once
def test_k6_an_hour_of_a_hundred_lines_a_second_stays_within_the_bound():
    """K6: as the module says, for a series in its first hour. A tenth of the lines fills the same buckets."""
    store, random_ = Store(), random.Random(1)
    lines = [f'{{"vh_metadata": {{"a": {random_.random()}, "b": {random_.random()}}}}}' for _ in range(100)]
    read("stdout", lines[0])
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    for number in range(36_000):
        reading = read("stdout", lines[number % 100])
        store.add(at("web"), START + number / 10, reading.numbers, reading.texts)
    gc.collect()
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert [each.count for each in store.series()] == [36_000, 36_000]
    assert (after - before) / 2 < 50_000

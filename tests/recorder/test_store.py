"""What the recorder keeps, and that it stays within its bound."""

from __future__ import annotations

import hashlib
import tracemalloc

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.requests import PREFIX, ended
from vhlocal.exchanges import EMPTY, Body, whole
from vhlocal.recorder.store import BodyTap, Store, Taken


def taken(number: int = 0, endpoint: str = "predict", body: bytes = b"{}", **facts) -> Taken:
    """A recording; the number is in its id."""
    headers = [(b"Content-Type", b"application/json"), (b"X-Number", b"%d" % number)]
    record = ended(endpoint=endpoint, id=f"{number:032x}", **facts)
    return Taken(record, headers, whole(body), [(b"Content-Type", b"text/plain")], whole(b"7"))


def size_of(one: Taken) -> int:
    """What the store counts a recording as."""
    store = Store()
    store.take(*one)
    return store.bytes


def test_a_recording_is_read_as_an_exchange():
    found = taken(7, method="POST", target=f"{PREFIX}/digit?x=1", status=201).exchange()
    assert (found.request.method, found.request.target, found.request.body) == (
        "POST",
        f"{PREFIX}/digit?x=1",
        whole(b"{}"),
    )
    assert found.request.headers[1] == ("X-Number", "7")
    assert (found.answer.status, found.answer.body, found.answer.broke_off) == (201, whole(b"7"), "")
    assert (found.prefix, found.endpoint, found.revision, found.seconds) == (PREFIX, "predict", "r1", 0.25)
    assert found.time == 1_700_000_000.0 - 0.25


def test_an_answer_that_broke_off_says_why():
    assert taken(whole=False, reason="the server hung up").exchange().answer.broke_off == "the server hung up"
    assert taken(whole=False).exchange().answer.broke_off == "it broke off"


def test_the_last_are_told_in_their_order_over_all_endpoints_or_of_one():
    store = Store()
    for number, endpoint in enumerate(["a", "b", "a", "c", "b"]):
        store.take(*taken(number, endpoint))
    assert [one.record.endpoint for one in store.last(3)] == ["a", "c", "b"]
    assert [int(one.record.id, 16) for one in store.last(9, "b")] == [1, 4]
    assert store.last(0) == store.last(5, "none") == ()
    assert [one.record.endpoint for one in store.find(f"{3:032x}")] == ["c"]
    assert len(store.find("0000")) == 5
    assert store.find("f") == ()


def test_a_busy_endpoint_does_not_push_out_a_quiet_one():
    store = Store(10 * size_of(taken()))
    store.take(*taken(1, "quiet"))
    for number in range(1000):
        store.take(*taken(number, "busy"))
    assert len(store.last(100, "quiet")) == 1
    assert [int(one.record.id, 16) for one in store.last(100, "busy")][-1] == 999


STEPS = st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 3000)), max_size=40)


@settings(deadline=None)
@given(STEPS, st.integers(0, 30_000))
def test_it_never_keeps_more_than_its_bound_and_the_oldest_of_an_endpoint_leave_first(steps, most):
    store, given_ = Store(most), {}
    for number, (endpoint, length) in enumerate(steps):
        store.take(*taken(number, endpoint, b"x" * length))
        given_.setdefault(endpoint, []).append(number)
        kept = store.last(100)
        assert store.bytes == sum(map(size_of, kept)) <= most
        for name, numbers in given_.items():
            left = [int(one.record.id, 16) for one in store.last(100, name)]
            assert left == numbers[len(numbers) - len(left) :]


def test_what_is_kept_takes_no_more_memory_than_it_is_counted_as():
    store = Store()
    tracemalloc.start()
    try:
        for number in range(2000):
            headers = [(b"X-%d-%d" % (number, each), b"value %d" % each) for each in range(12)]
            record = ended(
                id=f"{number:032x}", target=f"{PREFIX}/{number}", client=f"10.0.0.{number}", time=number * 1.5
            )
            store.take(record, headers, whole(b"%d" % number), headers[:], whole(b"%d" % -number))
        used, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert used <= store.bytes


def test_neither_large_bodies_nor_large_heads_wait_to_be_kept():
    store = Store(1_000_000)
    tracemalloc.start()
    try:
        for number in range(40):
            store.take(ended(bytes_out=100_000), [], None, [], bytes(100_000))
            store.take(ended(bytes_in=100_000), [], part(bytes(100_000)), [], b"")
            store.take(ended(), [(b"X-%d" % each, b"%d" % number) for each in range(1000)], None, [], b"")
            used, _ = tracemalloc.get_traced_memory()
            assert used <= 1_100_000
    finally:
        tracemalloc.stop()
    assert 800_000 <= store.bytes <= 1_000_000


def test_bodies_are_kept_as_they_passed():
    store = Store()
    store.take(ended(), [], None, [], part(b"ans", b"wer"))
    store.take(ended(), [], part(b"question"), [], b"answer")
    assert [(one.request_body, one.answer_body) for one in store.last(2)] == [
        (EMPTY, whole(b"answer")),
        (whole(b"question"), whole(b"answer")),
    ]


def test_what_is_sent_again_is_not_recorded_again():
    store = Store()
    store.take(ended(replayed=True), [], None, [], b"")
    store.take(*taken(1))
    assert [int(one.record.id, 16) for one in store.last(2)] == [1]


def part(*data: bytes) -> BodyTap:
    """A body that has come in these parts."""
    tap = BodyTap()
    for each in data:
        tap.feed(each)
    return tap


@settings(deadline=None)
@given(st.lists(st.binary(max_size=50), max_size=20), st.integers(0, 200))
def test_a_body_is_kept_whole_or_as_its_length_and_hash(parts, most):
    tap = BodyTap(most)
    for part in parts:
        tap.feed(part)
    content = b"".join(parts)
    if len(content) <= most:
        assert tap.body() == whole(content)
    else:
        digest = hashlib.sha256(content).hexdigest()
        assert tap.body() == Body(None, len(content), digest, f"longer than {most} bytes")

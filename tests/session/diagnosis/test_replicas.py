"""When replicas are compared, and at which paths."""

from __future__ import annotations

from typing import Any

from vhlocal.model import RequestRecord, ServedAt
from vhlocal.session.diagnosis.doctor import path_of
from vhlocal.session.diagnosis.replicas import AskedOfReplicas

PREFIX = "/o/p/d/v/greet"


def asked(path: str = "/", method: str = "GET", status: int = 200, **more: Any) -> RequestRecord:
    record = RequestRecord(
        id="x", time=0.0, client="", endpoint="greet", revision="r", prefix=PREFIX, method=method,
        target=f"{PREFIX}{path}", status=status, bytes_in=0, bytes_out=0, gateway_seconds=0.0,
        first_byte_seconds=0.0, seconds=0.0, whole=True, reason="", version="v", replica=1,
    )  # fmt: skip
    return record._replace(**more)


def calls(kept: AskedOfReplicas, record: RequestRecord) -> bool:
    return kept.calls_for_comparison(record, path_of(record))


def test_a_new_path_and_what_may_change_something_call_for_one_comparison_at_a_time():
    kept, at = AskedOfReplicas(), ServedAt("v", "greet", 1)
    assert calls(kept, asked("/a"))
    assert not calls(kept, asked("/b"))
    assert kept.take(at, "r") == ("/a", "/b")
    assert not calls(kept, asked("/a"))
    assert calls(kept, asked("/files/1", "PUT", 201))
    assert not calls(kept, asked("/files/2", "PUT", 201))
    assert kept.take(at, "r") == ("/a", "/b", "/", "/files/1", "/files/2")
    assert calls(kept, asked("/a", revision="s"))
    assert kept.take(at, "s") == ("/a",)


def test_no_request_is_repeated_that_may_do_something():
    kept, at = AskedOfReplicas(), ServedAt("v", "greet", 1)
    for path in ("/increment", "/items/add"):
        calls(kept, asked(path))
    for path in ("/pay", "/train"):
        calls(kept, asked(path, "POST"))
    assert kept.take(at, "r") == ("/",)


def test_what_says_nothing_of_replicas_calls_for_none():
    kept = AskedOfReplicas()
    for record in (
        asked(replica=0),
        asked("/a?b=1"),
        asked(status=500),
        asked(status=401),
        asked(method="HEAD"),
        asked(reason="its server is away"),
        asked(endpoint=None),
    ):
        assert not calls(kept, record)


def test_comparisons_have_an_end():
    kept, at = AskedOfReplicas(), ServedAt("v", "greet", 1)
    count = 0
    for number in range(1000):
        count += calls(kept, asked(f"/{number}", "POST"))
        assert len(kept.take(at, "r")) <= 8
    assert count == 24

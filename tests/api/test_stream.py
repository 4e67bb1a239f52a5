"""The stream of a run's events, read over a real socket."""

import contextlib
import json
import threading

import pytest

from tests.api.following import Following
from tests.api.runs import Run
from tests.requests import ended, of_control
from tests.served import at
from tests.waiting import wait_for
from vhlocal.api import stream as module
from vhlocal.checks.server.ends import FAILED
from vhlocal.events import (
    Examined,
    Found,
    Left,
    LogLine,
    MetricsPrinted,
    Notice,
    PinsChanged,
    RequestsEnded,
    StatusChanged,
    Stopping,
    VersionsChanged,
)
from vhlocal.findings import Finding
from vhlocal.model import State, Status


@pytest.fixture
def follow(run):
    with contextlib.ExitStack() as opened:
        yield lambda kinds="status", last=None: opened.enter_context(Following(run.page, run.key, kinds, last))


def line(text):
    return LogLine(at("predict"), "stdout", text, 1.0)


def sampled(stream, samples):
    """Have a message in the stream, of any form."""
    stream._tell("metrics", "metrics", {"samples": samples})


def test_the_first_message_tells_all_that_the_api_does(run, follow):
    reader = follow()
    event, hello = reader.next()
    known = run.client().endpoints()
    assert reader.answer.headers["Content-Type"].startswith("text/event-stream")
    assert (event, hello.pop("id"), hello.pop("gap")) == ("hello", "run.1", False)
    assert hello == {**known, "page": f"{run.page}/"}
    assert run.key not in str(hello)


def test_it_is_for_who_has_the_key(run):
    assert run.of_page("/api/events", key=False)[0].status == 401
    assert run.get("/api/events", Authorization="Bearer token")[0].status == 404, "the gateway has none"


def test_an_unknown_kind_is_named(run):
    answer, body = run.of_page("/api/events?kinds=status,nope")
    assert answer.status == 400
    assert "no kind nope; there are: status, logs" in body


def test_what_becomes_of_an_endpoint_is_told(run, follow):
    reader = follow()
    reader.until("hello")
    run.bus.publish(StatusChanged(Status(at("predict"), State.READY, revision="one")))
    assert reader.until("status")["status"]["state"] == "ready"
    finding = Finding(FAILED, None, "it ended", "mend it", "predict", caveat="but ends")
    run.bus.publish(Found(finding, "one"))
    assert reader.until("status")["status"]["caveat"] == "but ends"
    assert [each["seen"] for each in reader.until("finding")["findings"]] == ["it ended"]
    run.bus.publish(Notice("<b>note</b>", hint="do"))
    assert reader.until("notice")["notice"]["text"] == "<b>note</b>"
    run.bus.publish(VersionsChanged())
    assert [each["version"] for each in reader.until("aliases")["versions"]] == ["20261124.0"]
    run.bus.publish(StatusChanged(Status(at("predict"), State.READY, revision="two")))
    assert reader.until("finding")["findings"] == [], "of code that is gone"
    run.bus.publish(Examined("predict", "two", "answers elsewhere"))
    assert reader.until("status")["status"]["caveat"] == "answers elsewhere"
    run.board.forget(at("predict"))
    run.bus.publish(Left(at("predict")))
    assert reader.until("gone") == {"endpoint": "predict", "version": "20261124.0", "replica": 1}


def test_a_kind_that_nobody_asked_for_is_not_told(run, follow):
    reader = follow("logs")
    reader.until("hello")
    run.bus.publish(StatusChanged(Status(at("predict"), State.READY)))
    run.bus.publish(line("one"))
    event, data = reader.next()
    assert (event, [each["text"] for each in data["lines"]], data["missed"]) == ("logs", ["one"], 0)


def test_of_a_flood_the_newest_come_and_the_others_are_counted(run, follow):
    reader = follow("logs,requests")
    reader.until("hello")
    for number in range(20_000):
        run.bus.publish(line(str(number)))
    got = missed = 0
    while got + missed < 20_000:
        data = reader.until("logs")
        assert len(data["lines"]) <= 200
        missed += data["missed"]
        assert [int(each["text"]) for each in data["lines"]] == list(
            range(got + missed, got + missed + len(data["lines"]))
        )
        got += len(data["lines"])
    assert missed
    run.bus.publish(RequestsEnded((of_control(), *(ended(target=f"/{number}") for number in range(300)))))
    data = reader.until("requests")
    assert (data["missed"], data["records"][0]["target"], data["records"][-1]["target"]) == (100, "/100", "/299")
    run.bus.publish(PinsChanged())
    assert reader.until("pins") == {"pins": []}


def test_who_was_away_for_a_moment_is_told_what_came_meanwhile(run, follow):
    reader = follow("logs")
    reader.until("hello")
    run.bus.publish(line("one"))
    reader.until("logs")
    last = reader.last
    run.bus.publish(line("two"))
    reader.until("logs")
    again = follow("logs", last)
    event, hello = again.next()
    assert (event, hello["gap"], hello["id"]) == ("hello", False, last)
    assert [each["text"] for each in again.until("logs")["lines"]] == ["two"]


def test_k6_what_servers_print_as_metrics_is_told_value_by_value(run, follow):
    """K6: of many the newest."""
    reader = follow("metrics")
    reader.until("hello")
    run.bus.publish(line("no metric"))
    run.bus.publish(MetricsPrinted(at("predict"), 1.5, {"a": 0.5}, {"best": "<b>dog</b>"}))
    whose = {"endpoint": "predict", "version": "20261124.0", "replica": 1, "served": "predict", "time": 1.5}
    assert reader.until("metrics")["samples"] == [
        {**whose, "name": "a", "value": 0.5},
        {**whose, "name": "best", "text": "<b>dog</b>"},
    ]
    for number in range(1000):
        run.bus.publish(MetricsPrinted(at("predict"), 2.0, {"a": number}, {}))
    told = []
    while not told or told[-1] != 999:
        samples = reader.until("metrics")["samples"]
        assert len(samples) <= 200
        told += [each["value"] for each in samples]
    assert told == sorted(told)


@pytest.mark.parametrize("last", ["another-run.0", "run.7", "run.-1", "run.x", "nonsense", ""])
def test_who_was_away_for_too_long_or_saw_another_run_is_told_of_the_gap(follow, last):
    event, hello = follow("logs", last).next()
    assert (event, hello["gap"]) == ("hello", True)


def test_who_is_slower_than_the_messages_begins_again(run, monkeypatch):
    monkeypatch.setattr(module, "_KEPT", 3)
    stream = module.Stream(run.view, lambda: {"all": "known"})
    reading = stream.follow({"reloads", "metrics"}, None)
    assert b'"gap": false' in next(reading)
    for number in range(5):
        sampled(stream, [{"number": number}])
    assert b'"gap": true' in next(reading)
    sampled(stream, [{"number": "last"}])
    assert b'"last"' in next(reading)
    reading.close()


def test_what_is_kept_is_bounded_by_bytes_too(run, monkeypatch):
    monkeypatch.setattr(module, "_KEPT_BYTES", 10_000)
    stream = module.Stream(run.view, dict)
    reading = stream.follow({"metrics"}, None)
    next(reading)
    for _ in range(100):
        sampled(stream, [{"text": "x" * 1000}])
    assert sum(len(each.text) for each in stream._ring) == stream._bytes <= 10_000
    reading.close()


def test_what_nobody_follows_costs_nothing(run, monkeypatch):
    monkeypatch.setattr(module, "_LINGER", 0.0)
    stream = module.Stream(run.view, dict)
    sampled(stream, [{}])
    assert not stream._ring
    reading = stream.follow({"logs", "ticks"}, None)
    next(reading)
    assert stream._live == {"logs", "ticks"}
    reading.close()
    assert not stream._live
    run.bus.publish(line("one"))
    assert not stream._pending._lines


def test_the_end_is_told_and_ends_the_stream(run, follow):
    reader = follow()
    reader.until("hello")
    run.bus.publish(Stopping("Ctrl-C"))
    assert reader.until("end") == {"reason": "Ctrl-C"}
    run.plane.stop()
    with pytest.raises(EOFError):
        reader.next()


def test_an_end_at_once_is_told_too():
    with contextlib.closing(Run()) as run, Following(run.page, run.key) as reader:
        reader.until("hello")
        run.bus.publish(Stopping("an error"))
        run.plane.stop()
        assert reader.until("end") == {"reason": "an error"}


def test_a_quiet_run_says_that_it_is_there(run, follow, monkeypatch):
    monkeypatch.setattr(module, "_HEARTBEAT", 0.05)
    reader = follow("reloads")
    reader.until("hello")
    wait_for(lambda: reader.answer.readline().startswith(b": "), "a comment")


def test_who_follows_what_is_quiet_hears_that_the_run_is_there_while_others_are_told_much(run, follow, monkeypatch):
    """A page that hears nothing gives its stream up; and by what is sent it is noticed that one has gone."""
    monkeypatch.setattr(module, "_HEARTBEAT", 0.2)
    busy, quiet = follow("logs"), follow("reloads")
    busy.until("hello")
    quiet.until("hello")
    with telling(run):
        wait_for(lambda: quiet.answer.readline().startswith(b": "), "a comment")
        busy.until("logs")


@contextlib.contextmanager
def telling(run):
    """Print lines all the time, faster than the run says that it is there."""
    ended = threading.Event()

    def tell():
        while not ended.wait(0.02):
            run.bus.publish(line("again"))

    thread = threading.Thread(target=tell)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


@pytest.mark.parametrize("others", ["", "status"])
def test_what_came_while_nobody_followed_a_kind_is_a_gap_although_no_message_of_it_is_missing(run, monkeypatch, others):
    monkeypatch.setattr(module, "_LINGER", 0.0)
    stream = module.Stream(run.view, dict)
    other = stream.follow({"status"}, None) if others else None
    if other is not None:
        next(other)
    reading = stream.follow({"status", "logs"}, None)
    last = hello(reading)["id"]
    reading.close()
    run.bus.publish(line("to nobody"))
    again = stream.follow({"status", "logs"}, last)
    assert hello(again)["gap"] is True
    once_more = stream.follow({"status", "logs", "ticks"}, last := hello(stream.follow({"status", "logs"}, None))["id"])
    assert hello(once_more) == {"id": last, "gap": False}, "nobody misses a tick"
    again.close()
    once_more.close()


def hello(reading):
    """Read the first message of a stream, and return what it tells."""
    return json.loads(next(reading).decode().partition("data: ")[2])


def test_ticks_tell_what_each_replica_does(run, follow):
    run.bus.publish(StatusChanged(Status(at("predict"), State.READY)))
    reader = follow("ticks")
    reader.until("hello")
    reader.until("ticks")
    run.bus.publish(RequestsEnded(tuple(ended(status)._replace(version="20261124.0") for status in (200, 502, 404))))
    found = [each for _ in range(3) for each in reader.until("ticks")["endpoints"]]
    (busy,) = [each for each in found if each["requests"]]
    assert (busy["requests"], busy["errors"], busy["in_flight"], busy["replicas"]) == (3, 1, 4, 1)
    assert (busy["p50"], busy["p95"], busy["limit"]) == (0.25, 0.25, None)
    assert busy["memory"] == 51 << 20
    quiet = next(each for each in found if not each["requests"])
    assert (quiet["p50"], quiet["p95"]) == (None, None)

"""What two replicas answer to the same GET: what one lacks is told, what is each one's own is not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from vhlocal.checks.prefix.evidence import Answer
from vhlocal.checks.server.replicas import RULE, Compared, cookies_of
from vhlocal.findings import Finding
from vhlocal.model import Endpoint, Place

GREET = Endpoint("greet", "python:3.12-slim", 8000, "server:app", places={"wsgi": Place(Path("valohai.yaml"), 4)})


def answered(body: Any, status: int = 200) -> Answer:
    return Answer(status, (), body if isinstance(body, str) else json.dumps(body))


def found(first: tuple[Answer, Answer], second: tuple[Answer, Answer], cookies: Any = None) -> list[tuple[str, str]]:
    compared = Compared(GREET, "/o/p/d/v/greet/", (1, 2), (first, second), cookies or {})
    findings = [one for one in RULE.find(compared) if isinstance(one, Finding)]
    return [(one.definition.code, one.seen.partition(": ")[2]) for one in findings]


@pytest.mark.parametrize(
    ("one", "other", "seen"),
    [
        (answered("a file"), answered("", 404), "replica 1 has an answer (200), replica 2 answers 404"),
        (answered("", 404), answered("a file"), "replica 2 has an answer (200), replica 1 answers 404"),
        (answered([1, 2]), answered([]), "replica 1 has a list of 2, replica 2 an empty one"),
        (answered({"a": {"b": 1}}), answered({"a": {}}), "replica 1 has an object of 1 at `a`, replica 2 an empty one"),
        (answered({"count": 3}), answered({"count": 0}), "replica 1 has 3 at `count`, replica 2 0"),
        (answered({"a": {"count": 0}}), answered({"a": {"count": 1}}), "replica 2 has 1 at `a.count`, replica 1 0"),
        (answered("7"), answered("0"), "replica 1 has 7, replica 2 0"),
    ],
)
def test_what_one_replica_lacks_both_times_is_told(one, other, seen):
    assert found((one, one), (other, other)) == [("VH517", seen)]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (answered({"host": "a-1"}), answered({"host": "a-2"})),
        (answered({"uptime": 4, "pid": 12, "started_at": 1}), answered({"uptime": 0, "pid": 13, "started_at": 0})),
        (answered({"model_loaded": True, "last": 1.5}), answered({"model_loaded": False, "last": 0.0})),
        (answered({"model": "iris"}), answered({"model": None})),
        (answered({"count": 3}), answered({"count": 2})),
        (answered([1, 2]), answered([1])),
        (answered("<p>3</p>"), answered("<p>0</p>")),
        (answered("", 404), answered("", 404)),
        (answered("ok"), answered("", 503)),
        (answered({"error": []}, 500), answered({"error": [1]}, 500)),
        (answered({}), answered({})),
    ],
)
def test_what_may_be_each_replica_s_own_is_left_alone(one, other):
    assert found((one, one), (other, other)) == []


def test_what_the_same_replica_answers_otherwise_the_next_time_is_left_alone():
    one, other = answered([1]), answered([])
    assert found((one, one), (other, one)) == []
    assert found((one, other), (other, one)) == []
    assert found((answered({"n": 1}), answered({"n": 2})), (answered({"n": 0}), answered({"n": 0}))) == []


def with_cookie(*lines: str, status: int = 200) -> Answer:
    return Answer(status, tuple(("set-cookie", line) for line in lines))


NEW, NONE, REFUSED = with_cookie("visitor=x; Path=/"), with_cookie(), with_cookie(status=401)


@pytest.mark.parametrize(
    ("mine", "others", "is_told"),
    [
        ((NONE, NEW), (NONE, NEW), True),
        ((NONE, REFUSED), (NONE, REFUSED), True),
        ((NONE, NONE), (NONE, NONE), False),
        ((NEW, NEW), (NEW, NEW), False),
        ((NONE, NEW), (NONE, NONE), False),
        ((REFUSED, REFUSED), (REFUSED, REFUSED), False),
        ((NONE, with_cookie("visitor=; Max-Age=0")), (NONE, with_cookie("visitor=; Max-Age=0")), False),
        ((NONE, with_cookie("other=x")), (NONE, with_cookie("other=x")), False),
    ],
)
def test_a_cookie_is_told_that_its_own_replica_takes_and_the_other_does_not(mine, others, is_told):
    told = found((NEW, NEW), (NEW, NEW), {"visitor": (mine, others)})
    assert told == [("VH518", "the cookie `visitor` of replica 1 is unknown to replica 2")] * is_told


def test_cookies_that_are_deleted_are_none():
    assert cookies_of(with_cookie("a=1; Path=/", "b=; Path=/", 'c=""', "d=2; Max-Age=0", "e=f=g")) == {
        "a": "1",
        "e": "f=g",
    }

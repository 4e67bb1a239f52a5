"""Access logs as vhlocal writes them, and what is none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from vhlocal.errors import InputError
from vhlocal.model import RequestRecord
from vhlocal.scaling.traffic import Request, read_traffic

FILE = Path("access.jsonl")


def line(**facts):
    record = RequestRecord("a", 100.0, "c", "greet", "r", "/p/", "GET", "/p/", 200, 0, 0, 0.5, 1.0, 2.0, True, "")
    return json.dumps(record._replace(**facts).facts()) + "\n"


def test_a_request_came_before_it_ended_and_the_gateway_s_part_is_no_server_s():
    lines = [line(), "\n", line(time=50.0, seconds=0.25, gateway_seconds=0.0), line(endpoint=None, prefix="")]
    assert read_traffic(lines, FILE, None).requests == (Request(49.75, 0.25), Request(98.0, 1.5))


def test_what_no_server_answered_and_websockets_are_left_out():
    lines = [line(), line(gateway_seconds=None, status=502), line(status=101)]
    found = read_traffic(lines, FILE, "greet")
    assert (len(found.requests), found.left_out) == (1, 2)


def test_k10_of_several_versions_all_are_taken_and_said_or_the_one_that_is_named():
    lines = [line(version="old"), line(version="new"), line(version="new"), line(endpoint="other", version="more")]
    both, one = read_traffic(lines, FILE, "greet"), read_traffic(lines, FILE, "greet", "old")
    assert (len(both.requests), both.versions) == (3, ("new", "old"))
    assert (len(one.requests), one.versions) == (1, ("old",))
    assert read_traffic(lines, FILE, None, "more").endpoint == "other"
    with pytest.raises(InputError, match="has no request to a version dev") as refused:
        read_traffic(lines, FILE, None, "dev")
    assert refused.value.hint == "give the version's name; its aliases are not recorded"


def test_of_several_endpoints_one_is_named():
    lines = [line(), line(endpoint="other")]
    assert read_traffic(lines, FILE, "other").endpoint == "other"
    with pytest.raises(InputError, match="has requests to greet, other") as refused:
        read_traffic(lines, FILE, None)
    assert refused.value.hint == f"name one of them: vhlocal scale greet --simulate --from {FILE}"
    with pytest.raises(InputError, match="no request to `third`"):
        read_traffic(lines, FILE, "third")


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ("nonsense", "the line is not JSON"),
        ("[" * 100_000, "the line is not JSON"),
        ("[1]", "the line is not a JSON object"),
        ("{}", "the line has no `endpoint`"),
        (line(time="x"), "`time` is not a number"),
        (line(seconds=-1), "`seconds` is not between 0 and 2678400"),
        (line(seconds=float("nan")), "`seconds` is not between 0 and 2678400"),
        (line(seconds=1e300), "`seconds` is not between 0 and 2678400"),
        (line(time=1.7e12), "`time` is not between 0 and 253402300800"),
        (line(time=int("9" * 400)), "`time` is not between 0 and 253402300800"),
        (line(gateway_seconds=True), "`gateway_seconds` is not a number"),
    ],
)
def test_a_line_that_is_none_is_told_with_its_number(bad, message):
    with pytest.raises(InputError) as refused:
        read_traffic([line(), bad], FILE, None)
    assert refused.value.message.startswith(message)
    assert str(refused.value.place) == "access.jsonl:2"
    assert refused.value.hint


@pytest.mark.parametrize("lines", [[], ["\n"], [line(endpoint=None, prefix="")], [line(gateway_seconds=None)]])
def test_without_a_request_there_is_nothing_to_replay(lines):
    with pytest.raises(InputError, match="no request"):
        read_traffic(lines, FILE, None)

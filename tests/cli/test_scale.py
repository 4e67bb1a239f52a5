"""``vhlocal scale --simulate``: recorded requests, replayed."""

from __future__ import annotations

import json

import pytest

from tests.scaling.test_traffic import line


@pytest.fixture
def log(tmp_path):
    file = tmp_path / "access.jsonl"
    file.write_text("".join(line(time=103.0 + 0.5 * n, seconds=3.0, gateway_seconds=0.0) for n in range(40)))
    return file


def test_it_tells_replicas_waits_and_cold_starts_of_each_rule_range_and_target(vhlocal, log, tmp_path):
    """No project, no run: K3's rules over a file."""
    arguments = ("--range", "1-4", "--range", "2", "--target", "2", "--ready", "4")
    done = vhlocal("scale", "--simulate", "--from", str(log), *arguments, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "greet: 40 requests; a new replica is ready after 4 s (--ready)"
    rows = [each.split()[:2] for each in lines[3:7]]
    assert rows == [["knative", "1-4"], ["hpa", "1-4"], ["knative", "2"], ["hpa", "2"]]
    assert "knative 1-4, target 2 x 70%: ready replicas over time" in lines
    assert any(each.startswith("   4 |") and "#" in each for each in lines)


def test_k10_versions_that_are_replayed_together_are_named(vhlocal, log, tmp_path):
    two = line(time=103.0, version="new") + line(time=104.0, version="old")
    log.write_text(two, encoding="utf-8-sig")  # as some editors save it
    asked = ("scale", "--simulate", "--from", str(log))
    done = vhlocal(*asked, cwd=tmp_path)
    assert done.stdout.startswith("greet: 2 requests to new, old together; "), done.stderr
    assert vhlocal(*asked, "--version", "old", cwd=tmp_path).stdout.startswith("greet: 1 request; ")
    assert json.loads(vhlocal(*asked, "--json", cwd=tmp_path).stdout)["versions"] == ["new", "old"]


def test_json_has_every_number(vhlocal, log, tmp_path):
    done = vhlocal("scale", "greet", "--simulate", "--from", str(log), "--rule", "hpa", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["endpoint"], found["requests"], found["left_out"]) == ("greet", 40, 0)
    assert (found["ready_seconds"], found["ready_from"]) == (10, "assumed: give yours with --ready")
    (only,) = found["simulations"]
    assert (only["rule"], only["range"], only["target"]) == ("hpa", "1-4", "80% CPU")
    assert only["replicas"][0] == {"seconds": 0, "ready": 1}
    assert only["most_replicas"] == 2  # all had come before the second was ready: it stays idle, so no third is wanted
    assert only["wait_p95_seconds"] >= only["wait_p50_seconds"] > 0
    assert only["cold_requests"] > 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "no access log is given"),
        (("--from", "missing.jsonl"), "the access log missing.jsonl cannot be read: No such file or directory"),
        (("--from", "."), "the access log . cannot be read: Is a directory"),
        (("--from", "bad.jsonl"), "the line is not JSON"),
        (("--from", "empty.jsonl"), "empty.jsonl has no request to an endpoint"),
        (("--from", "access.jsonl", "--range", "4-1"), "the range 4-1 is reversed"),
        (("--from", "access.jsonl", "--range", "0-2"), "0 replicas cannot answer requests"),
        (("--from", "access.jsonl", "--range", "many"), '"many" is not a range of replicas'),
        (("--from", "access.jsonl", "--target", "0"), '"0" is not a target'),
        (("--from", "access.jsonl", "--target", "80%", "--rule", "knative"), "Knative's rule has no CPU target"),
        (("--from", "access.jsonl", "--ready", "-1"), "the seconds until a replica is ready cannot be -1"),
        (("--from", "access.jsonl", "--window", "0"), "Knative's window cannot be 0"),
        (("--from", "access.jsonl", "--at-once", "0"), "a replica cannot answer 0 requests at once"),
    ],
)
def test_wrong_input_is_told_with_what_to_do(vhlocal, log, tmp_path, arguments, message):
    (tmp_path / "bad.jsonl").write_text(log.read_text() + "{\n")
    (tmp_path / "empty.jsonl").write_text("")
    done = vhlocal("scale", "--simulate", *arguments, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"error: {message}" in done.stderr
    assert "  hint: " in done.stderr
    assert ("at bad.jsonl:41" in done.stderr) == ("bad.jsonl" in arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "no endpoint is named"),
        (("--range", "1-4"), "these options are for a simulation"),
        (("greet=2", "--simulate"), "a simulation takes one endpoint, by name only"),
        (("greet", "other", "--simulate"), "a simulation takes one endpoint, by name only"),
    ],
)
def test_what_changes_a_run_and_what_only_simulates_are_told_apart(vhlocal, tmp_path, arguments, message):
    done = vhlocal("scale", *arguments, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"error: {message}" in done.stderr

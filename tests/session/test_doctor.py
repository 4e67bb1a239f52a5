"""The doctor on real runs: each broken sample has its finding, at its place and once; the mended ones have none."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
import requests

from tests.checks.live import FAILING, Failing, live_sample
from tests.command import Running
from tests.waiting import free_port, wait_for

#: Seconds after which an examination has ended: requests are told within half a second, and servers here are quick.
QUIET = 2.5

pytestmark = pytest.mark.timeout(600)


@pytest.fixture
def process_run(vhlocal, tmp_path):
    """Start ``vhlocal up`` on the runtime of processes."""
    started: list[Running] = []

    def start(directory: Path, *arguments: str) -> Running:
        run = Running(vhlocal, directory, free_port(), ("--runtime", "process", *arguments), tmp_path / "up.log")
        started.append(run)
        run.wait_for_state("ready")
        return run

    yield start
    for run in started:
        run.stop()


def send(run: Running, failing: Failing) -> int:
    name = next(iter(run.endpoints()))
    return failing.send(run.base_url, run.url(name), run.url(name, "dev"))


def findings(run: Running) -> list[dict]:
    return list(requests.get(f"{run.base_url}/api/endpoints", timeout=30).json()["findings"])


def codes_in(output: str) -> list[str]:
    return re.findall(r"(?:error|warning|notice) (VH\d+):", output)


@pytest.mark.parametrize("code", FAILING)
def test_a_broken_sample_has_this_finding_once_at_its_place_and_no_other(code, process_run, tmp_path):
    sample = live_sample(code)
    directory = sample.copy("broken", tmp_path)
    failing, status = FAILING[code]
    run = process_run(directory)
    assert send(run, failing) == status
    wait_for(lambda: findings(run), f"the finding; the output was:\n{run.output()}", 30)
    assert send(run, failing) == status
    time.sleep(QUIET)
    found = findings(run)
    places = [Path(item["place"]).relative_to(directory).as_posix() for item in found]
    assert [item["code"] for item in found] == [code], found
    assert places == sample.places
    assert codes_in(run.output()) == [code]


@pytest.mark.parametrize("code", FAILING)
def test_a_mended_sample_stays_clean(code, process_run, tmp_path):
    run = process_run(live_sample(code).copy("mended", tmp_path))
    failing, _ = FAILING[code]
    for request in (failing, Failing("/nope"), Failing("/nope/", alias=True), Failing("/elsewhere", root=True)):
        send(run, request)
    time.sleep(QUIET)
    assert findings(run) == []
    assert codes_in(run.output()) == []
    assert "the doctor" not in run.output()

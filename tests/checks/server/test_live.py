"""Every finding of a server, on its sample, run for real: there at its place and nothing else; gone once mended."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.checks.sample import told
from tests.checks.server.live import (
    CASES,
    LIVE_SAMPLES,
    OTHER_MACHINE,
    live_sample,
    load_other_machine,
    run_sample,
)
from vhlocal.checks.server.registry import DEFINITIONS
from vhlocal.cli.project import read_project
from vhlocal.cli.up import run_options
from vhlocal.contract import limits
from vhlocal.contract.limits import READ_TIMEOUT

CODES = sorted(definition.code for definition in DEFINITIONS)

#: Seconds that stand for the five minutes of a slow start.
SLOW = 10

pytestmark = pytest.mark.builds


@pytest.fixture(autouse=True)
def own_directories(vhlocal, monkeypatch):
    """Run in this process with state, cache and runtime directories of the test's own."""
    for name, value in vhlocal.environment.items():
        if name.startswith("XDG_") or name == "PATH":
            monkeypatch.setenv(name, value)


@pytest.fixture
def other_machine(engine):
    load_other_machine(engine)
    yield
    engine.images.remove(OTHER_MACHINE, force=True)


def run_case(code: str, name: str, tmp_path, monkeypatch):
    directory = live_sample(code).copy(name, tmp_path)
    case = CASES[code]
    server = directory / "server.py"
    if code == "VH603":
        server.write_text(server.read_text().replace("sleep(61)", f"sleep({2 * case.silence})"))
    if code == "VH604":
        monkeypatch.setattr(limits, "SLOW_START", SLOW)
        server.write_text(server.read_text().replace("sleep(301)", f"sleep({SLOW})"))
    if name == "mended":
        case = replace(case, request=case.mended or case.request)
    else:
        case = replace(case, finds=True, settle=min(case.settle, 1))
    return directory, run_sample(directory, case)


@pytest.mark.parametrize("code", CASES)
def test_the_broken_sample_has_this_finding_at_its_place_and_no_other(code, tmp_path, monkeypatch, request):
    if code == "VH506":
        request.getfixturevalue("other_machine")
    directory, outcome = run_case(code, "broken", tmp_path, monkeypatch)
    assert told(outcome.findings, directory) == [f"{code} {place}" for place in live_sample(code).places]
    assert live_sample(code).places
    assert outcome.ready is CASES[code].ready
    if not outcome.ready:
        (finding,) = outcome.findings
        assert outcome.error is not None
        assert outcome.error.finding == finding
        assert finding.seen in outcome.error.message


@pytest.mark.parametrize("code", CASES)
def test_the_mended_sample_is_clean(code, tmp_path, monkeypatch):
    directory, outcome = run_case(code, "mended", tmp_path, monkeypatch)
    assert (told(outcome.findings, directory), outcome.error) == ([], None)
    assert outcome.ready


def test_a_run_keeps_production_s_limits_and_the_sample_passes_them(tmp_path):
    """K9: what the sample of VH603 is run with above is quicker, and else the same."""
    directory = live_sample("VH603").copy("broken", tmp_path)
    assert run_options(directory, read_project(directory, (), {})).read_seconds == READ_TIMEOUT == 60
    assert "sleep(61)" in (directory / "server.py").read_text()


def test_each_finding_has_a_sample():
    assert sorted(CASES) == CODES
    assert [code for code in CODES if not (LIVE_SAMPLES / code / "broken").is_dir()] == []


def test_b1_whatever_python_stands_in_for_an_image_is_told(tmp_path):
    """B1: also where the image does not name a version, since all else that it brings is not there either."""
    outcome = run_sample(live_sample("VH516").copy("mended", tmp_path), CASES["VH516"])
    assert outcome.ready
    assert [notice.text for notice in outcome.notices if "stands in for example/model-server:1.2" in notice.text]

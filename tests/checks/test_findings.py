"""Every finding, on its sample: there at its place and nothing else, and gone from the mended one."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.checks.live import FAILING, LIVE_SAMPLES
from tests.checks.sample import SAMPLES, FakeIndex, Sample, found_in, told
from tests.checks.server.live import CASES
from tests.contract_rows import ROWS
from vhlocal.checks.prefix.registry import DEFINITIONS
from vhlocal.checks.prefix.script_name import DEFINITION as SCRIPT_NAME
from vhlocal.checks.registry import ALL_DEFINITIONS, STATIC_DEFINITIONS
from vhlocal.findings import FRAMEWORKS, Severity

PROJECTS = Path(__file__).parent.parent.parent / "sample_projects"
CODES = sorted(definition.code for definition in STATIC_DEFINITIONS)
PREFIX_CODES = sorted(definition.code for definition in DEFINITIONS)


@pytest.mark.parametrize("code", CODES)
def test_the_broken_sample_has_this_finding_at_its_place_and_no_other(code, tmp_path):
    sample = Sample(code)
    directory = sample.copy("broken", tmp_path)
    report = found_in(directory, FakeIndex(sample.expected.get("index", {})))
    assert told(report.findings, directory) == [f"{code} {place}" for place in sample.places]
    assert sample.places
    assert report.notes == ()


@pytest.mark.parametrize("code", CODES)
def test_the_mended_sample_is_clean(code, tmp_path):
    sample = Sample(code)
    directory = sample.copy("mended", tmp_path)
    report = found_in(directory, FakeIndex(sample.expected.get("index", {})))
    assert (told(report.findings, directory), report.notes) == ([], ())


@pytest.mark.parametrize("name", sorted(path.name for path in PROJECTS.iterdir() if path.is_dir()))
def test_the_sample_projects_are_clean(name, tmp_path):
    directory = Path(shutil.copytree(PROJECTS / name, tmp_path / name))
    if name == "digits":
        (directory / "model.pkl").write_bytes(b"as if it were trained")
    report = found_in(directory)
    assert (told(report.findings, directory), report.notes) == ([], ())


def test_codes_are_unique_and_each_has_a_sample_and_no_sample_is_left_over():
    every = [definition.code for definition in ALL_DEFINITIONS]
    assert len(set(every)) == len(every)
    assert sorted(path.name for path in SAMPLES.iterdir()) == CODES
    assert sorted(FAILING) == PREFIX_CODES
    assert sorted([*FAILING, *CASES, SCRIPT_NAME.code]) == sorted(path.name for path in LIVE_SAMPLES.iterdir())
    assert sorted([*CODES, *FAILING, *CASES, SCRIPT_NAME.code]) == every


@pytest.mark.parametrize("definition", ALL_DEFINITIONS, ids=lambda one: one.code)
def test_a_definition_is_whole(definition):
    assert re.fullmatch(r"VH[1-6]\d\d", definition.code)
    assert isinstance(definition.severity, Severity)
    assert definition.title and not definition.title.endswith(".")
    assert definition.why.endswith(".")
    assert definition.remedy[""]
    assert set(definition.remedy) <= set(FRAMEWORKS)
    assert definition.example.broken != definition.example.mended
    assert set(definition.rows) <= set(ROWS)

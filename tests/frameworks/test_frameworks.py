"""Real frameworks: each broken endpoint has its finding and no other, and mended as that says it serves everybody."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import requests

from tests.checks.sample import found_in
from tests.frameworks.cases import GROUPS
from tests.frameworks.project import project_of
from tests.session.conftest import process_run
from tests.waiting import wait_for

if TYPE_CHECKING:
    from tests.command import Running
    from tests.frameworks.project import Case

__all__ = ["process_run"]

pytestmark = [pytest.mark.timeout(600), pytest.mark.builds]


def told(run: Running) -> dict:
    return requests.get(f"{run.base_url}/api/endpoints", timeout=30).json()


def found(run: Running) -> dict[str, list[str]]:
    """Return the codes that were found of each endpoint, once all have been examined."""
    wait_for(lambda: told(run)["examined"], f"the examinations; the output was:\n{run.output()}", 120)
    answer = told(run)
    codes: dict[str, list[str]] = {item["endpoint"]: [] for item in answer["endpoints"]}
    for finding in answer["findings"]:
        codes[finding["endpoint"]].append(finding["code"])
    return codes


def statuses(run: Running, case: Case) -> list[int]:
    """Return what a client's request is answered under the version and under ``dev``."""
    urls = run.endpoints()[endpoint(case)]["urls"]
    return [requests.request(case.method, url + case.path, timeout=30).status_code for url in urls]


def endpoint(case: Case) -> str:
    return case.name.replace("_", "-")


@pytest.mark.parametrize("group", GROUPS)
def test_each_broken_endpoint_has_its_finding_and_no_other(group, project, process_run):
    requirements, pairs = GROUPS[group]
    cases = [broken for broken, _ in pairs]
    run = process_run(project(project_of(cases, requirements)))
    assert found(run) == {endpoint(case): [case.found] for case in cases}, run.output()
    caveats = {name: status["caveat"] for name, status in run.endpoints().items()}
    assert caveats == {endpoint(case): case.caveat for case in cases}
    listed = run.vhlocal("ps", "-C", str(run.directory)).stdout
    assert all(f"ready, {case.caveat}" in listed for case in cases if case.caveat), listed


def test_the_first_table_of_a_run_says_so(project, process_run):
    """The most usual endpoint of all: FastAPI under Uvicorn, with a POST route alone."""
    requirements, ((broken, _), *_) = GROUPS["FastAPI"]
    run = process_run(project(project_of([broken], requirements)))
    run.wait_for_output("ready, but answers 404 below its prefix", "error VH408")
    assert run.output().index("error VH408") < run.output().index("ready, but answers")


@pytest.mark.parametrize("group", GROUPS)
def test_mended_as_the_finding_says_it_serves_under_both_names_and_is_clean(group, project, process_run):
    requirements, pairs = GROUPS[group]
    cases = [mended for _, mended in pairs]
    directory = project(project_of(cases, requirements))
    assert [finding.definition.code for finding in found_in(directory).findings] == []
    run = process_run(directory)
    assert {case.name: statuses(run, case) for case in cases} == {case.name: [200, 200] for case in cases}
    assert found(run) == {endpoint(case): [] for case in cases}, run.output()
    caveats = {name: status["caveat"] for name, status in run.endpoints().items()}
    assert [name for name, caveat in caveats.items() if caveat.startswith("but ")] == [], caveats
    assert f"answers at {cases[0].method} …{cases[0].path}, and 404 at its URL" in caveats.values(), caveats

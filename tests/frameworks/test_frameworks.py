"""Real frameworks: each broken endpoint has its finding and no other, and with what that shows pasted it serves."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import requests

from tests.checks.edits import apply
from tests.checks.sample import found_in
from tests.frameworks.cases import GROUPS
from tests.frameworks.others import OTHERS
from tests.frameworks.project import project_of
from tests.session.conftest import process_run
from tests.waiting import wait_for
from vhlocal.findings import Edit
from vhlocal.model import Place

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from tests.command import Running
    from tests.frameworks.project import Case

__all__ = ["process_run"]

#: Seconds for what takes three on a machine that is not busy.
PATIENCE = 300

#: Whose findings show lines to paste, each of them.
PASTED = ("FastAPI", "Flask")

#: Told of what takes long to start: of a busy machine, and no endpoint's fault here.
SLOW_START = "VH604"

pytestmark = [pytest.mark.timeout(900), pytest.mark.builds]


def told(run: Running) -> dict:
    return requests.get(f"{run.base_url}/api/endpoints", timeout=30).json()


def findings(run: Running) -> Sequence[dict]:
    """Return what was found, once all endpoints have been examined."""
    wait_for(lambda: told(run)["examined"], f"the examinations; the output was:\n{run.output()}", PATIENCE)
    return told(run)["findings"]


def found(run: Running) -> dict[str, list[str]]:
    """Return the codes that were found of each endpoint, once all have been examined."""
    codes: dict[str, list[str]] = {name: [] for name in run.endpoints()}
    for finding in findings(run):
        if finding["code"] != SLOW_START:
            codes[finding["endpoint"]].append(finding["code"])
    return codes


def statuses(run: Running, case: Case) -> list[int]:
    """Return what a client's request is answered under the version and under ``dev``."""
    urls = run.endpoints()[endpoint(case)]["urls"]
    ask = {"data": case.body, "headers": {"Content-Type": "application/json"}} if case.body else {}
    return [requests.request(case.method, url + case.path, timeout=30, **ask).status_code for url in urls]


def served(case: Case) -> list[int]:
    return [200, 404] if case.alone else [200, 200]


def endpoint(case: Case) -> str:
    return case.name.replace("_", "-")


def edits_of(finding: Mapping) -> Iterator[Edit]:
    """Yield what a finding shows to be pasted."""
    for edit in finding["edits"]:
        file, _, line = edit["place"].partition(":")
        yield Edit(Place(Path(file), int(line) if line else None), edit["old"], edit["new"])


def paste(run: Running) -> set[str]:
    """Paste what all findings show, each edit once, and return the endpoints that were mended so."""
    mending = [finding for finding in findings(run) if finding["edits"]]
    apply(dict.fromkeys(edit for finding in mending for edit in edits_of(finding)))
    return {finding["endpoint"] for finding in mending}


def settled(run: Running, look: Callable[[], object], expected: object) -> None:
    """Wait until what is looked at is as expected, and fail with what was printed until then."""
    with contextlib.suppress(AssertionError):
        wait_for(lambda: look() == expected, "what was pasted", PATIENCE)
    assert look() == expected, run.output()


def left(case: Case) -> list[str]:
    """Return what is still found of a case that was mended: of one with one prefix, that aliases are none."""
    return ["VH402"] if case.alone else []


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
    if group not in PASTED:
        return
    pasted = paste(run)
    assert {endpoint(case) for case in cases} - pasted == {endpoint(case) for case in cases if case.by_hand}
    mended = [case for case in cases if endpoint(case) in pasted]
    answered = {case.name: served(case) for case in mended}
    settled(run, lambda: {case.name: statuses(run, case) for case in mended}, answered)
    of_mended = {endpoint(case): left(case) for case in mended}
    settled(run, lambda: {name: codes for name, codes in found(run).items() if name in pasted}, of_mended)


@pytest.mark.parametrize("group", OTHERS)
def test_the_broken_ones_of_a_framework_are_mended_as_shown_and_its_sound_ones_are_clean(group, project, process_run):
    requirements, cases = OTHERS[group]
    directory = project(project_of(cases, requirements))
    sound = {endpoint(case) for case in cases if not case.found}
    assert [one.definition.code for one in found_in(directory).findings if one.endpoint in sound] == []
    run = process_run(directory)
    assert found(run) == {endpoint(case): [case.found] if case.found else [] for case in cases}, run.output()
    assert {case.name: statuses(run, case) for case in cases if not case.found} == {
        case.name: served(case) for case in cases if not case.found
    }
    pasted = paste(run)
    assert pasted == {endpoint(case) for case in cases if case.found and not case.by_hand}
    mended = [case for case in cases if endpoint(case) in pasted]
    settled(
        run, lambda: {case.name: statuses(run, case) for case in mended}, {case.name: served(case) for case in mended}
    )
    of_mended = {endpoint(case): left(case) for case in mended}
    settled(run, lambda: {name: codes for name, codes in found(run).items() if name in pasted}, of_mended)


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

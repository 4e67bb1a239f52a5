"""Real frameworks: each broken endpoint has its finding and no other, and with what that shows pasted it serves."""

from __future__ import annotations

import contextlib
import html
import re
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

import pytest
import requests

from tests.checks.edits import apply
from tests.checks.sample import found_in
from tests.frameworks.groups import GROUPS
from tests.frameworks.project import project_of
from tests.session.conftest import process_run
from tests.waiting import wait_for
from vhlocal.checks.prefix.assets import base_of
from vhlocal.findings import Edit
from vhlocal.model import Place

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from tests.command import Running
    from tests.frameworks.project import Case

__all__ = ["process_run"]

#: Seconds for what takes three on a machine that is not busy.
PATIENCE = 300

#: Seconds for an environment of a hundred packages, which are compiled once they are installed, and its servers.
STARTS = 900

#: Told of what takes long to start: of a busy machine, and no endpoint's fault here.
SLOW_START = "VH604"

pytestmark = [pytest.mark.timeout(1800), pytest.mark.builds]


def told(run: Running) -> dict:
    return requests.get(f"{run.base_url}/api/endpoints", timeout=PATIENCE).json()


def urls_of(run: Running, case: Case) -> list[str]:
    """Return the URLs of a case, its version's first."""
    return next(one["urls"] for one in told(run)["endpoints"] if one["endpoint"] == endpoint(case))


def caveats_of(run: Running) -> dict[str, str]:
    """Return what is told beside `ready` of each endpoint."""
    return {one["endpoint"]: one["caveat"] for one in told(run)["endpoints"]}


def findings(run: Running) -> Sequence[dict]:
    """Return what was found, once all endpoints have been examined."""
    wait_for(lambda: told(run)["examined"], f"the examinations; the output was:\n{run.output()}", PATIENCE)
    return told(run)["findings"]


def found(run: Running) -> dict[str, list[str]]:
    """Return the codes that were found of each endpoint, once all have been examined."""
    found = findings(run)
    codes: dict[str, list[str]] = {name: [] for name in caveats_of(run)}
    for finding in found:
        if finding["code"] != SLOW_START:
            codes[finding["endpoint"]].append(finding["code"])
    return codes


def statuses(run: Running, case: Case) -> list[int]:
    """Return what a client's request is answered under the version and under ``dev``."""
    headers = {"Content-Type": "application/json"} if case.body else {}
    return [
        requests.request(
            case.method, url + case.path, timeout=PATIENCE, data=case.body or None, headers=headers
        ).status_code
        for url in urls_of(run, case)
    ]


def listed(run: Running, cases: Sequence[Case]) -> list[str]:
    """Return the caveats that `vhlocal ps` does not say."""
    said = run.vhlocal("ps", "-C", str(run.directory)).stdout
    return [case.caveat for case in cases if case.caveat and f"ready, {case.caveat}" not in said]


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


def lost_addresses(run: Running, case: Case) -> list[str]:
    """Return what a browser is refused that is at the endpoint's URLs, of what their pages lead to on this host."""
    lost = []
    for url in urls_of(run, case)[: 1 if case.alone else 2]:
        page = requests.get(url, timeout=PATIENCE)
        # Gradio's own pages name the manifest of an app for the host: without it they are pages alone.
        text = re.sub(r"<link rel=.manifest[^>]*>", "", page.text)
        for address in re.findall(r"(?:src|href|action|url) ?[=:] ?[\"']([^\"'#]+)", text):
            target = urljoin(urljoin(page.url, base_of(page.text) or ""), html.unescape(address))
            if urlsplit(target).netloc == urlsplit(url).netloc:
                status = requests.get(target, timeout=PATIENCE).status_code
                lost += [f"{status} at {target} on {page.url}"] if status not in (200, 405) else []
    return lost


@pytest.mark.parametrize("group", GROUPS)
def test_broken_endpoints_have_their_findings_and_are_mended_by_what_those_show_and_sound_ones_have_none(
    group, project, process_run
):
    requirements, cases = GROUPS[group]
    directory = project(project_of(cases, requirements))
    sound = [case for case in cases if not case.found]
    named = {endpoint(case) for case in sound}
    assert [one.definition.code for one in found_in(directory).findings if one.endpoint in named] == []
    run = process_run(directory, ready=False)
    run.wait_for_state("ready", seconds=STARTS)
    findings(run)
    assert {case.name: statuses(run, case) for case in sound} == {case.name: served(case) for case in sound}
    for case in cases:
        statuses(run, case)
    assert found(run) == {endpoint(case): [case.found] if case.found else [] for case in cases}, run.output()
    caveats = caveats_of(run)
    expected = {endpoint(case): case.caveat for case in cases}
    assert {name: told for name, told in caveats.items() if expected[name] or told.startswith("but ")} == {
        name: told for name, told in expected.items() if told
    }
    settled(run, lambda: listed(run, cases), [])
    pasted = paste(run)
    assert pasted == {endpoint(case) for case in cases if case.found and not case.by_hand}
    mended = [case for case in cases if endpoint(case) in pasted]
    answered = {case.name: served(case) for case in mended}
    settled(run, lambda: {case.name: statuses(run, case) for case in mended}, answered)
    of_mended = {endpoint(case): left(case) for case in mended}
    settled(run, lambda: {name: codes for name, codes in found(run).items() if name in pasted}, of_mended)
    caveats = caveats_of(run)
    assert [
        name for case in mended if (name := endpoint(case)) and not case.alone and caveats[name][:4] == "but "
    ] == []
    assert [one for case in (*sound, *mended) for one in lost_addresses(run, case)] == []


def test_the_first_table_of_a_run_says_so(project, process_run):
    """The most usual endpoint of all: FastAPI under Uvicorn, with a POST route alone."""
    requirements, (broken, *_) = GROUPS["FastAPI"]
    run = process_run(project(project_of([broken], requirements)))
    run.wait_for_output("ready, but answers 404 below its prefix", "error VH408")
    assert run.output().index("error VH408") < run.output().index("ready, but answers")

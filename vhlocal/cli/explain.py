"""``vhlocal explain``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from vhlocal.api.client import Client
from vhlocal.checks.index import Unasked
from vhlocal.checks.pages import known_code, page
from vhlocal.checks.registry import ALL_DEFINITIONS
from vhlocal.checks.report import look
from vhlocal.checks.subject import read_subject
from vhlocal.cli.options import project_options
from vhlocal.errors import VhlocalError
from vhlocal.findings import Edit, Finding
from vhlocal.model import Place
from vhlocal.project.settings import load_settings
from vhlocal.session.record import ProjectState
from vhlocal.ui.console import standard_output
from vhlocal.ui.findings import show_list, show_page

_YAML = "valohai.yaml"


@click.command("explain", epilog="Example:  vhlocal explain VH408")
@click.argument("code", required=False)
@project_options
def command(directory: Path, code: str | None) -> None:
    """Explain a finding: why it fails in production and how to fix it.

    If this project has the finding, its places are shown too. Without a CODE, all findings are listed.
    """
    console = standard_output()
    if code is None:
        show_list(console, ALL_DEFINITIONS)
        return
    code = known_code(code)
    found = dict.fromkeys((*_in_run(directory, code), *_in_project(directory, code)))
    show_page(console, page(code), tuple(found), Path.cwd())


def _in_project(directory: Path, code: str) -> list[Finding]:
    """Return where the static rules find it; nothing where there is no project that can be read."""
    if not (directory / _YAML).is_file():
        return []
    try:
        report = look(read_subject(directory, load_settings(directory, {}, fetch=False), Unasked()), {})
    except VhlocalError:
        return []
    return [finding for finding in report.findings if finding.definition.code == code]


def _in_run(directory: Path, code: str) -> list[Finding]:
    """Return where the project's run has found it; nothing where there is none."""
    record = ProjectState(directory).running()
    if record is None:
        return []
    try:
        found = Client(record).endpoints()
    except VhlocalError:
        return []
    return [_finding(facts) for facts in found["findings"] if facts["code"] == code]


def _finding(facts: dict[str, Any]) -> Finding:
    definition = next(each for each in ALL_DEFINITIONS if each.code == facts["code"])
    return Finding(
        definition,
        _place(facts["place"]),
        facts["seen"],
        facts["change"],
        facts["endpoint"],
        facts["framework"] or "",
        edits=tuple(Edit(_place(edit["place"]), edit["old"], edit["new"]) for edit in facts["edits"]),
    )


def _place(text: str) -> Place:
    file, _, line = text.partition(":")
    number = line.partition(":")[0]
    return Place(Path(file), int(number) if number else None)

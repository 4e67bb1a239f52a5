"""Several findings of one line have one edit, which mends them all when it is pasted once."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from tests.checks.edits import apply
from tests.checks.projects import command
from tests.checks.sample import found_in
from vhlocal.checks.in_one import in_one
from vhlocal.checks.registry import ALL_DEFINITIONS
from vhlocal.checks.report import Report
from vhlocal.findings import Edit, Finding
from vhlocal.model import Place
from vhlocal.ui.findings import show_report


def edits_of(report):
    return tuple(dict.fromkeys(edit for finding in report.findings for edit in finding.edits))


@pytest.mark.parametrize(
    ("line", "codes"),
    [
        ("uvicorn server:app --reload --port 5000", ["VH105", "VH106", "VH107", "VH108"]),
        ("~/.local/bin/uvicorn server:app --reload", ["VH106", "VH108"]),
        ("gunicorn -b localhost:5000 --reload server:app", ["VH105", "VH106", "VH107", "VH108"]),
    ],
)
def test_the_remedies_of_one_line_are_pasted_once(line, codes, project):
    directory = project(command(line))
    report = in_one(found_in(directory))
    assert [finding.definition.code for finding in report.findings] == codes
    (edit,) = edits_of(report)
    apply((edit,))
    assert found_in(directory).findings == ()


def finding(code, *edits, line=1):
    definition = next(each for each in ALL_DEFINITIONS if each.code == code)
    return Finding(definition, Place(Path("a"), line), "seen", "do", edits=edits)


def edit(old, new, line=1):
    return Edit(Place(Path("a"), line), old, new)


def test_what_cannot_be_made_together_stays_apart():
    both = (finding("VH105", edit("run here", "run there")), finding("VH106", edit("run here", "run elsewhere")))
    assert in_one(Report(both)).findings == both
    lines = (finding("VH105", edit("a", "b", 1)), finding("VH106", edit("a", "c", 2)))
    assert in_one(Report(lines)).findings == lines
    added = (finding("VH205", edit("", "numpy")), finding("VH205", edit("", "scipy")))
    assert in_one(Report(added)).findings == added


def test_an_edit_that_several_findings_have_is_shown_once():
    report = in_one(Report((finding("VH105", edit("a b", "x b")), finding("VH106", edit("a b", "a y")))))
    output = io.StringIO()
    show_report(Console(file=output, width=200), report, Path("/"))
    assert output.getvalue().count("+ x y") == 1
    assert "as for VH105" in output.getvalue()

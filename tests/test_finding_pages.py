"""``docs/findings`` and the definitions of the findings agree."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests import finding_pages
from tests.checks.projects import flask
from tests.checks.sample import FakeIndex
from vhlocal.checks.registry import ALL_DEFINITIONS
from vhlocal.checks.report import look
from vhlocal.checks.subject import Subject, read_subject
from vhlocal.project.settings import load_settings

if TYPE_CHECKING:
    from vhlocal.checks.rule import Rule

PAGES = finding_pages.pages()


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_up_to_date(name):
    assert (finding_pages.DIRECTORY / name).read_text() == PAGES[name], "run `python -m tests.finding_pages`"


def test_no_page_is_left_over():
    there = {path.name for path in finding_pages.DIRECTORY.iterdir()}
    assert there == {*PAGES, *finding_pages.BY_HAND}


def test_every_definition_has_its_page_where_the_output_says():
    assert [one.code for one in ALL_DEFINITIONS if not (finding_pages.ROOT / one.page).is_file()] == []


def test_the_worked_example_of_the_contributors_page_works(project):
    text = (finding_pages.DIRECTORY / "adding.md").read_text()
    code = next(block for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL) if "RULE = " in block)
    names: dict[str, Rule[Subject]] = {}
    exec(compile(code, "adding.md", "exec"), names)
    directory = project(flask("import time\n\n\n@app.get('/')\ndef page():\n    time.sleep(1)\n"))
    subject = read_subject(directory, load_settings(directory, {}, environ={}), FakeIndex())
    (finding,) = look(subject, {}, [names["RULE"]]).findings
    assert (finding.definition.code, finding.place.line) == ("VH311", 9)
    assert "VH311" not in [definition.code for definition in ALL_DEFINITIONS]

"""``vhlocal explain``: a finding's page in the terminal, filled in for the project."""

from __future__ import annotations

from pathlib import Path

import pytest

import vhlocal
from tests.cli.projects import plain
from vhlocal.checks.pages import known_code, page
from vhlocal.checks.registry import ALL_DEFINITIONS
from vhlocal.errors import InputError

LOOPBACK = plain() | {
    "valohai.yaml": plain()["valohai.yaml"].replace("server.py", "-m flask run --host 127.0.0.1 --port 8000")
}


def test_it_shows_the_page_and_where_the_project_has_it(project, vhlocal):
    directory = project(LOOPBACK)
    done = vhlocal("explain", "vh106", cwd=directory)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("VH106: The server listens on localhost only\n\nIn this project\n  error VH106: ")
    assert "    at valohai.yaml:4\n" in done.stdout
    assert "Why it fails in production" in done.stdout
    assert max(map(len, done.stdout.splitlines()[10:])) <= 80


def test_outside_of_a_project_it_shows_the_page_alone(vhlocal, tmp_path):
    done = vhlocal("explain", "VH408", cwd=tmp_path)
    assert (done.returncode, "In this project" in done.stdout) == (0, False)
    assert done.stdout.startswith("VH408: ")


@pytest.mark.parametrize(
    ("typed", "hint"),
    [
        ("VH409x", "did you mean `VH409`? List all findings with `vhlocal explain`"),
        ("409", "did you mean `VH409`? List all findings with `vhlocal explain`"),
        ("VH999", "list all findings with `vhlocal explain`"),
    ],
)
def test_an_unknown_code_is_refused_with_the_one_that_is_nearly_the_same(typed, hint):
    with pytest.raises(InputError) as refused:
        known_code(typed)
    assert (str(refused.value), refused.value.hint) == (f"no finding has the code {typed}", hint)


def test_without_a_code_all_are_listed(vhlocal, tmp_path):
    said = vhlocal("explain", cwd=tmp_path).stdout
    assert [line.split()[0] for line in said.splitlines()] == [one.code for one in ALL_DEFINITIONS]


@pytest.mark.parametrize("definition", ALL_DEFINITIONS, ids=lambda one: one.code)
def test_a_page_leads_to_no_file_of_the_repository(definition):
    text = page(definition.code)
    assert definition.title in text
    assert definition.why in text
    assert "](" not in text
    assert ".md" not in text


def test_a_code_is_known_however_it_is_written():
    assert known_code("vh408") == "VH408"
    with pytest.raises(InputError):
        known_code("VH")


def test_the_pages_are_in_the_wheel():
    """The link in the package leads to the pages of the docs, and what it leads to is the package's data."""
    package = Path(vhlocal.__file__).parent
    assert (package / "pages").resolve() == package.parent / "docs" / "findings"
    assert '"pages/VH*.md"' in (package.parent / "pyproject.toml").read_text()

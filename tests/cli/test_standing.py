"""What a hint says to run works from where the user stands."""

import re
import shlex

import pytest

from tests.cli.projects import plain
from vhlocal.cli.main import cli
from vhlocal.cli.standing import from_here


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A directory that has a project in ``a project`` and is in none itself."""
    monkeypatch.chdir(tmp_path)
    for path, text in plain().items():
        (tmp_path / "a project" / path).parent.mkdir(exist_ok=True)
        (tmp_path / "a project" / path).write_text(text)
    return tmp_path


def reworded(text, *typed):
    """Return a text as `vhlocal ps` with these options prints it."""
    with cli.make_context("vhlocal", ["ps", *typed]) as root:
        found = cli.get_command(root, "ps")
        with found.make_context("ps", list(typed), parent=root) as context:
            return from_here(context)(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("start it with `vhlocal up`", "start it with `vhlocal up -C 'a project'`"),
        ("vhlocal alias prod v1 --force", "vhlocal alias -C 'a project' prod v1 --force"),
        ("vhlocal version list; vhlocal ps", "vhlocal version list -C 'a project'; vhlocal ps -C 'a project'"),
        ("`vhlocal ls` lists all", "`vhlocal ls` lists all"),
        ("vhlocal version", "vhlocal version"),
        ("vhlocal down -C /elsewhere", "vhlocal down -C /elsewhere"),
        ("vhlocal watches it, vhlocal updates it", "vhlocal watches it, vhlocal updates it"),
    ],
)
def test_a_command_gets_the_directory_that_was_given(here, text, expected):
    assert reworded(text, "-C", "a project") == expected


def test_no_command_gets_a_directory_that_it_finds_alone(here, monkeypatch):
    assert reworded("vhlocal up") == "vhlocal up"
    monkeypatch.chdir(here / "a project")
    assert reworded("vhlocal up", "-C", ".") == "vhlocal up"
    assert reworded("vhlocal up", "-C", str(here / "a project")) == "vhlocal up"


def test_the_hint_of_an_error_can_be_pasted(here, vhlocal):
    failed = vhlocal("ps", "-C", "a project", cwd=here)
    assert failed.returncode == 2
    (command,) = re.findall(r"hint: start it with `vhlocal (.+)`", failed.stderr)
    checked = vhlocal(*shlex.split(command.replace("up", "check", 1)), cwd=here)
    assert checked.returncode == 0, checked.stderr
    assert "hint: start it with `vhlocal up`" in vhlocal("ps", cwd=here / "a project").stderr


def test_the_hint_of_a_command_of_a_group_can_be_pasted(here, vhlocal):
    failed = vhlocal("version", "list", "-C", "a project", cwd=here)
    assert "`vhlocal up -C 'a project'`" in failed.stderr

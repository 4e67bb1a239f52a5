"""What README and docs show is right: each command has the options that it is shown with, each YAML block is taken."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest
import yaml

from vhlocal.cli.main import cli
from vhlocal.project.config import load_config
from vhlocal.project.sources import read_settings_file
from vhlocal.project.table import SETTINGS

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")]
PAGES += sorted((ROOT / "docs").rglob("*.md"))
PAGES += sorted((ROOT / "sample_projects").glob("*/README.md"))

#: Commands in a line of code, alone or in `$(…)`, and those between backticks.
_LINES = re.compile(r"^(?:    )?(?:.*\$\()?(vhlocal(?: [^)#\n]*)?)", re.MULTILINE)
_SPANS = re.compile(r"`(vhlocal(?: [^`]*)?)`")
_YAML = re.compile(r"^```yaml[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)

#: What stands for what a reader writes.
_CUT = re.compile(r"\s(?:…|>|\||&&|;).*$")


def shown(page: Path) -> list[list[str]]:
    """Return the words of all commands that a page shows."""
    text = page.read_text()
    found = [*_SPANS.findall(text), *_LINES.findall(text)]
    return [shlex.split(_CUT.sub("", command)) for command in dict.fromkeys(found)]


def wrong(words: list[str]) -> str:
    """Return what is wrong with a command: a name or an option that there is not."""
    context = click.Context(cli)
    command: click.Command = cli
    for word in words[1:]:
        if not isinstance(command, click.Group) or not re.fullmatch(r"[a-z]+", word):
            break
        found = command.get_command(context, word)
        if found is None:
            return f"no command {word}"
        command = found
    known = {
        option for parameter in command.get_params(context) for option in (*parameter.opts, *parameter.secondary_opts)
    }
    options = [word.partition("=")[0] for word in words[1:] if word.startswith("-")]
    return ", ".join(f"no option {option}" for option in options if option not in known)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_are_as_they_are_shown(page):
    assert {" ".join(words): found for words in shown(page) if (found := wrong(words))} == {}


def test_commands_are_found_at_all():
    assert sum(len(shown(page)) for page in PAGES) > 60
    assert wrong(["vhlocal", "ups"]) == "no command ups"
    assert wrong(["vhlocal", "up", "--prot=1"]) == "no option --prot"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_yaml_is_taken(page, tmp_path):
    """A list is a ``valohai.yaml``, a mapping of settings a ``vhlocal.yaml``. Findings show parts, and faults."""
    for block in _YAML.findall(page.read_text()):
        data = yaml.safe_load(block)
        if re.fullmatch(r"VH\d+", page.stem):
            continue
        if isinstance(data, list):
            (tmp_path / "valohai.yaml").write_text(block)
            assert load_config(tmp_path).endpoints, block
        else:
            (tmp_path / "vhlocal.yaml").write_text(block)
            read = read_settings_file(tmp_path)
            assert {setting.key for setting in SETTINGS if setting.name in read} == set(data), block

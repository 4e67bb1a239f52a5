"""The documentation as a site: it is built without a warning, and holds what is made from the code."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import yaml

from vhlocal.cli.main import _COMMANDS

ROOT = Path(__file__).parent.parent.parent

#: What a browser asks for by itself, by where it is.
_LOADED = r'<(?:script|img|iframe|link rel="(?:stylesheet|preconnect|icon)")[^>]* (?:src|href)="([^"]+)"'


def test_the_site_is_built_without_a_warning_and_works_offline(tmp_path):
    done = subprocess.run([ROOT / "scripts/docs", tmp_path], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    commands = (tmp_path / "commands.html").read_text()
    assert [name for name in _COMMANDS if f'id="vhlocal-{name}"' not in commands] == []
    assert "--runtime [auto|docker|process]" in commands
    assert ">session</text>" in (tmp_path / "structure.html").read_text()
    found = json.loads((tmp_path / "search" / "search_index.json").read_text())["docs"]
    assert {"tutorial.html", "commands.html", "findings/VH106.html"} <= {page["location"] for page in found}
    for page in tmp_path.rglob("*.html"):
        loaded = re.findall(_LOADED, page.read_text())
        assert [target for target in loaded if re.match(r"(https?:)?//", target)] == [], page.name


def test_every_page_can_be_found_in_the_navigation():
    text = (ROOT / "mkdocs.yml").read_text()
    named = set(re.findall(r": (\S+\.md)$", text, re.MULTILINE))
    assert {path.name for path in (ROOT / "docs").glob("*.md")} <= named
    assert yaml.safe_load(text)["theme"]["font"] is False

"""The pages for users keep up with the code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from vhlocal import errors
from vhlocal.project.table import SETTINGS, Setting

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
SETTINGS_PAGE = (ROOT / "docs" / "vhlocal-yaml.md").read_text()


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.key)
def test_the_page_of_settings_has_a_row_for_each(setting: Setting):
    row = next(line for line in SETTINGS_PAGE.splitlines() if line.startswith(f"| `{setting.key}` |"))
    assert f"`{setting.flag}" in row
    assert f"`{setting.env}`" in row
    if setting.default not in (None, ()):
        shown = str(setting.default).lower() if isinstance(setting.default, bool) else str(setting.default)
        assert f"`{shown}`" in row


def test_the_page_of_settings_has_no_row_for_another():
    keys = re.findall(r"^\| `([a-z-]+)` \| `--", SETTINGS_PAGE, re.MULTILINE)
    assert keys == [setting.key for setting in SETTINGS]


def test_every_exit_code_of_an_error_is_told():
    codes = {kind.exit_code for kind in vars(errors).values() if isinstance(kind, type) and hasattr(kind, "exit_code")}
    assert codes <= {int(code) for code in re.findall(r"^\| (\d+) \|", SETTINGS_PAGE, re.MULTILINE)}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page: Path):
    links = [link for link in re.findall(r"\]\(([^)#:]+)\)", page.read_text()) if link]
    assert [link for link in links if not (page.parent / link).exists()] == []

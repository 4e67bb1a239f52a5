"""The pages for users keep up with the code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from vhlocal import errors
from vhlocal.api.gateway_app import GatewayApp
from vhlocal.api.page_app import PageApp
from vhlocal.project.table import SETTINGS, Setting

ROOT = Path(__file__).parent.parent
CONTRIBUTING = ROOT / "CONTRIBUTING.md"
PAGES = [ROOT / "README.md", ROOT / "SECURITY.md", CONTRIBUTING, *sorted((ROOT / "docs").rglob("*.md"))]
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


def test_the_files_that_contributors_are_led_to_are_there():
    text = CONTRIBUTING.read_text()
    named = re.findall(r"^\| `([^`]+)` \|", text, re.MULTILINE)
    named += [words[0] for line in re.findall(r"^    (\S.*)$", text, re.MULTILINE) if "/" in (words := line.split())[0]]
    assert len(named) > 30
    assert [path for path in named if path != ".venv/bin/python" and not (ROOT / path).exists()] == []


def test_a_commit_is_checked_by_what_ci_checks():
    (repository,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    hooks = [hook["entry"].removeprefix(".venv/bin/python ") for hook in repository["hooks"]]
    checks = (ROOT / "scripts" / "check").read_text().splitlines()
    assert hooks == [line.removeprefix('"$PYTHON" ') for line in checks if line.startswith('"$PYTHON"')]


def test_the_workflow_is_for_every_system_and_python():
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())["jobs"]
    matrix = jobs["wheel"]["strategy"]["matrix"]
    supported = re.findall(r":: (3\.\d+)\"", (ROOT / "pyproject.toml").read_text())
    assert matrix["python"] == [*supported, "3.14"]
    assert [system.partition("-")[0] for system in matrix["system"]] == ["ubuntu", "macos", "windows"]
    assert {".ci/run"} <= {step.get("run") for step in jobs["tests"]["steps"]}


def test_the_page_of_the_api_has_each_route():
    text = (ROOT / "docs" / "api.md").read_text()
    routes = {
        f"{method} {re.sub(r'<(?:path:)?(.+?)>', lambda name: name[1].upper(), rule.rule)}"
        for rule in (*GatewayApp.routes.iter_rules(), *PageApp.routes.iter_rules())
        for method in rule.methods - {"HEAD", "OPTIONS"}
        if rule.rule not in ("/", "/favicon.ico", "/static/<path:name>")
    }
    assert len(routes) > 10
    assert {route for route in routes if f"`{route}`" not in text} == set()

"""Secrets that vhlocal.yaml holds itself: it is packaged, and so they are in the image."""

import pytest

from tests.checks.projects import flask
from tests.checks.sample import FakeIndex
from vhlocal.checks.report import look
from vhlocal.checks.subject import read_subject
from vhlocal.project.settings import load_settings
from vhlocal.project.trust import Outside, remember


def found(project, yaml):
    directory = project(flask("") | {"vhlocal.yaml": yaml})
    subject = read_subject(directory, load_settings(directory, {}, environ={}, fetch=False), FakeIndex())
    return [each for each in look(subject, {}).findings if each.definition.code == "VH208"]


@pytest.mark.parametrize(
    ("yaml", "line", "seen"),
    [
        ("basic-auth:\n  ada: 1Xq8secret\n", 2, "the password of `ada` in `basic-auth`"),
        ("basic_auth:\n  ada: 1Xq8secret\n", 2, "the password of `ada` in `basic-auth`"),
        ("strict: true\nvariables:\n  DB_PASSWORD: 1Xq8secret\n", 3, "the value of `DB_PASSWORD`"),
        ("variables:\n  api_key: 1Xq8secret\n", 2, "the value of `api_key`"),
    ],
)
def test_one_that_is_written_out_is_found_and_not_told(project, yaml, line, seen):
    [finding] = found(project, yaml)
    assert finding.seen == f"vhlocal.yaml has {seen}"
    assert finding.place.line == line
    assert "1Xq8secret" not in finding.seen + finding.change
    assert "env:" in finding.change


@pytest.mark.parametrize(
    "yaml",
    [
        "basic-auth:\n  ada: env:ADA_PASSWORD\n  bob: file:~/bob\n",
        "basic-auth:\n  ada: changeme\n",
        "variables:\n  DB_PASSWORD: env:DB_PASSWORD\n",
        "variables:\n  DB_PASSWORD: ${DB_PASSWORD}\n  TOKEN: ''\n",
        "variables:\n  TOKENIZER: bert-base\n  MAX_TOKENS: 512\n  SORT_KEY: created\n  KEYWORDS: a b\n",
    ],
)
def test_one_that_is_elsewhere_and_what_is_none_is_not_found(project, yaml, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    remember(tmp_path / "project", [Outside("", tmp_path / "bob", None, "")])
    assert found(project, yaml) == []

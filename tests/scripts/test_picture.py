"""The README's picture is of what vhlocal prints now: where this fails, run scripts/picture.py."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent

pytestmark = pytest.mark.builds


@pytest.fixture
def picture(monkeypatch):
    """The script, as a module."""
    spec = importlib.util.spec_from_file_location("picture", ROOT / "scripts" / "picture.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "picture", module)
    spec.loader.exec_module(module)
    return module


def test_each_line_of_the_picture_is_printed_by_a_run(picture, vhlocal, tmp_path):
    """A run on a busy machine may print more."""
    drawn = picture.shown(picture.PICTURE.read_text())
    assert len(drawn) > 8
    printed = picture.shown(picture.drawn(picture.recorded(tmp_path, vhlocal.environment)))
    assert [line for line in drawn if line not in printed] == []


def test_the_picture_loads_nothing(picture):
    text = picture.PICTURE.read_text()
    assert "url(" not in text.replace("url(#up-", "")
    assert "@font-face" not in text


@pytest.mark.parametrize(
    ("line", "stable"),
    [
        ("ready: in 2.1 s; Ctrl-C stops", "ready: in N s; Ctrl-C stops"),
        ("words: rev e986e09 live in 311 ms (fork)", "words: rev REVISION live in N s (fork)"),
        ("also as: 20261126.0 (in place of dev)", "also as: VERSION (in place of dev)"),
        ("http://127.0.0.1:8080/acme/words", "http://127.0.0.1:8080/acme/words"),
    ],
)
def test_what_differs_from_run_to_run_is_left_out(picture, line, stable):
    assert picture.stable(line) == stable

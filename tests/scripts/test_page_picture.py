"""The README's picture of the page is of the page as it is now: where this fails, run scripts/page_picture.py."""

from __future__ import annotations

import importlib.util
import struct
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent

pytestmark = pytest.mark.builds


@pytest.fixture
def picture(monkeypatch):
    """The script, as a module."""
    spec = importlib.util.spec_from_file_location("page_picture", ROOT / "scripts" / "page_picture.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "page_picture", module)
    spec.loader.exec_module(module)
    return module


def test_the_page_says_what_the_picture_shows(picture, vhlocal, tmp_path):
    drawn = picture.shown(picture.PICTURE.read_bytes())
    assert {"Overview", "dev", "prod", "words", "http://127.0.0.1:8080/acme/texts/local/prod/words"} <= set(drawn)
    page, text = picture.taken(tmp_path, vhlocal.environment, 1.0)
    assert [line for line in drawn if line not in picture.stable(text)] == []
    assert picture.shown(picture.described(page, text)) == picture.stable(text)


def test_the_picture_is_small(picture):
    """Every reader of the README loads it."""
    drawn = picture.PICTURE.read_bytes()
    assert struct.unpack(">II", drawn[16:24]) == picture.SIZE
    assert len(drawn) < 120_000

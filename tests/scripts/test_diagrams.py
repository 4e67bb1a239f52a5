"""The pictures of the structure say what the code imports."""

from __future__ import annotations

import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

ROOT = Path(__file__).parent.parent.parent
sys.path.insert(0, str(ROOT / "scripts"))

import diagrams  # noqa: E402


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package with two packages in it, and a module above and one below them."""
    files = {
        "acme/__init__.py": "",
        "acme/start.py": "from acme.high import serve\n",
        "acme/words.py": "",
        "acme/high/__init__.py": "from acme.low import store\nimport acme.words\n",
        "acme/high/serve.py": "def late():\n    from acme import words\n",
        "acme/low/__init__.py": "",
        "acme/low/store.py": "from acme.words import Word\nfrom acme.low import other\nimport json\n",
        "acme/runner/__init__.py": "",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(diagrams, "ROOT", tmp_path)
    return tmp_path / "acme"


def test_modules_beside_packages_are_above_or_below_them(package):
    found = diagrams.grouped(package)
    assert found.graph == {"the run": {"high"}, "high": {"low", "the words"}, "low": {"the words"}, "the words": set()}
    assert found.single == ["start", "words"]


def test_an_arrow_that_a_longer_way_stands_for_is_left_out(package):
    reduced = diagrams.reduced(diagrams.grouped(package).graph)
    assert reduced == {"the run": {"high"}, "high": {"low"}, "low": {"the words"}, "the words": set()}


def test_a_circle_is_named():
    with pytest.raises(ValueError, match="import each other: a, b"):
        diagrams.reduced({"a": {"b"}, "b": {"a"}, "c": {"a"}})


def test_what_imports_stands_above_and_has_an_arrow():
    graph = {"top": {"left", "right"}, "left": {"<base>"}, "right": {"<base>"}, "<base>": set()}
    assert [sorted(row) for row in diagrams.ranks(graph)] == [["top"], ["left", "right"], ["<base>"]]
    picture = ElementTree.fromstring(diagrams.drawn(graph, 'a "title"'))
    assert picture.get("aria-label") == 'a "title"'
    assert sorted(text.text for text in picture.iter("text")) == ["<base>", "left", "right", "top"]
    assert len([path for path in picture.iter("path") if path.get("marker-end")]) == 4


def test_the_code_s_own_parts_are_all_there():
    packages = {path.parent.name for path in (ROOT / "vhlocal").glob("*/__init__.py")} - {"runner"}
    assert packages <= diagrams.grouped(ROOT / "vhlocal").graph.keys()
    page = diagrams.page()
    assert all(f">{name}</text>" in page for name in packages)

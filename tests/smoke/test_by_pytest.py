"""Which Python runs pytest's smoke tests, and what comes of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from vhlocal.errors import InputError, VhlocalError
from vhlocal.smoke import by_pytest
from vhlocal.smoke.results import as_json, junit, summary

TESTS = {
    "smoke/test_all.py": """\
import pytest

def test_passes(): pass

def test_fails():
    assert {"digit": 1} == {"digit": 7}, "the digit"

@pytest.mark.skip(reason="no camera")
def test_is_skipped(): pass

@pytest.fixture
def broken():
    raise OSError("no such\\nserver")

def test_has_no_server(broken): pass
""",
    "smoke/digits_test.py": "import nothing_of_this_name\n",
}


@pytest.fixture
def directory(tmp_path):
    for name, text in TESTS.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_each_test_has_its_verdict_and_its_place(directory):
    files = by_pytest.files(directory / "smoke")
    assert [file.name for file in files] == ["digits_test.py", "test_all.py"]
    results = by_pytest.run(Path(sys.executable), directory, files[1:], (), os.environ)
    assert [(one.name, str(one.place), one.failures[:1]) for one in results] == [
        ("test_passes", "smoke/test_all.py:3", ()),
        ("test_fails", "smoke/test_all.py:5", ("the digit",)),
        ("test_is_skipped", "smoke/test_all.py:8", ()),
        ("test_has_no_server", "smoke/test_all.py:15", ("OSError: no such",)),
    ]
    assert str(results[1]).startswith("FAIL  smoke/test_all.py:5  test_fails: the digit (and ")
    assert str(results[2]).startswith("skip  smoke/test_all.py:8  test_is_skipped: ")
    assert "no camera" in results[2].skipped
    assert summary(results) == "1 passed, 2 failed, 1 skipped"
    root = ElementTree.fromstring(junit(results))
    assert (root.attrib["skipped"], root.attrib["failures"]) == ("1", "2")
    assert [one["passed"] for one in json.loads(as_json(results))["results"]] == [True, False, False, False]
    # A file that cannot be imported hides no other's verdict, and is one.
    (broken,) = by_pytest.run(Path(sys.executable), directory, files, (), os.environ)
    assert "ModuleNotFoundError: No module named 'nothing_of_this_name'" in broken.failures
    assert sorted(path.name for path in (directory / "smoke").iterdir()) == ["digits_test.py", "test_all.py"]


def test_what_pytest_itself_refuses_is_told(directory):
    (directory / "pytest.ini").write_text("[pytest]\naddopts = --no-such-option\n")
    with pytest.raises(VhlocalError, match="pytest ended with 4") as caught:
        by_pytest.run(Path(sys.executable), directory, by_pytest.files(directory), (), os.environ)
    assert "--no-such-option" in caught.value.detail


def test_a_failure_that_no_test_has_is_not_passed_over(directory):
    """Such as a coverage that is too low."""
    ends = "def pytest_sessionfinish(session):\n    session.exitstatus = 1\n"
    (directory / "conftest.py").write_text(ends)
    (directory / "test_fine.py").write_text("def test_fine(): pass\n")
    with pytest.raises(VhlocalError, match="pytest ended with 1, and no test says why"):
        by_pytest.run(Path(sys.executable), directory, [directory / "test_fine.py"], (), os.environ)


def test_the_project_s_environment_is_taken_where_it_has_both(tmp_path):
    """One that lacks vhlocal is passed over for the Python that runs this."""
    assert by_pytest.python_of(tmp_path, {}) == Path(sys.executable)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / ".venv"], check=True)
    assert by_pytest.python_of(tmp_path, {}) == Path(sys.executable)
    (site,) = (tmp_path / ".venv" / "lib").glob("*/site-packages")
    packages = Path(pytest.__file__).parents[1]
    root = Path(by_pytest.__file__).parents[2]
    (site / "others.pth").write_text(f"{packages}\n{root}\n")
    assert by_pytest.python_of(tmp_path, {}) == tmp_path / ".venv" / "bin" / "python"
    active = {"VIRTUAL_ENV": str(Path(sys.prefix))}
    assert by_pytest.python_of(tmp_path, active) == Path(sys.prefix) / "bin" / "python"


def test_where_none_has_both_it_is_told_what_to_install(tmp_path, monkeypatch):
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv"], check=True)
    own = tmp_path / "venv" / "bin" / "python"
    monkeypatch.setattr(sys, "executable", str(own))
    with pytest.raises(InputError, match="pytest is not installed beside vhlocal") as caught:
        by_pytest.python_of(tmp_path, {})
    assert caught.value.hint == f"install both: {own} -m pip install pytest vhlocal"

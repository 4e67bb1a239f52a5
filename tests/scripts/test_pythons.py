"""What is run under the other Pythons, and how that is told."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent.parent.parent / "scripts"))

import pythons

from tests import conftest


def test_what_failed_is_told_whole_and_last_and_of_what_went_well_the_last_line():
    failed = "....F\n____ test_x ____\nFAILED test_x\n1 failed, 4 passed in 1.00s\n"
    outcomes = {"3.10": (1, failed), "3.11": (0, "....\n5 passed in 2.00s\n"), "3.12": (0, "5 passed in 3.00s\n")}
    assert pythons.report(outcomes) == [
        "==> Python 3.11",
        "5 passed in 2.00s",
        "==> Python 3.12",
        "5 passed in 3.00s",
        "==> Python 3.10",
        *failed.splitlines(),
    ]


def test_each_supported_python_but_this_one_is_another():
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert sorted({*pythons.others(), here}) == sorted({*pythons.VERSIONS, here})
    assert here not in pythons.others()


def test_what_other_pythons_leave_out_is_there_and_is_not_even_imported():
    """A name that is misspelt, or of a file that was moved, would leave out nothing."""
    assert [path for path in (*conftest.ONCE, *conftest.ROWS) if not (conftest.TESTS / path).exists()] == []
    places = [conftest.TESTS / path for path in (*conftest.ONCE, "attacks/test_paths.py", "contract/test_paths.py")]
    assert [path for path in places if not conftest.tells_the_same(path)] == places[-1:]


def test_what_the_tests_need_is_known_without_the_tools():
    names = [text.partition(">")[0] for text in pythons.needed()]
    assert {"click", "pytest", "hypothesis", "pytest-xdist"} <= set(names)
    assert "mypy" not in names

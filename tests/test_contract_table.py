"""``docs/contract.md`` and the tests agree on which row is shown where."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "contract.md"

GROUPS = {"P": 8, "R": 8, "B": 8, "K": 10}
ROWS = [f"{letter}{number}" for letter, last in GROUPS.items() for number in range(1, last + 1)]

#: A row's id where it stands alone, in a docstring (``P4``) or as a part of a test's name (``_p4_``).
ROW_ID = re.compile(r"(?<![A-Za-z0-9])([PRBK])(\d+)(?![A-Za-z0-9.])", re.IGNORECASE)
RANGE = re.compile(r"\b([PRBK])(\d+) to \1(\d+)\b")
LINK = re.compile(r"\]\(([^)#]+)\)")


def table() -> dict[str, list[str]]:
    """The page's rows by id, each as the texts of its cells after the id."""
    lines = [line for line in PAGE.read_text().splitlines() if re.match(r"\| [PRBK]\d+ \|", line)]
    cells = [[cell.strip() for cell in line.strip("|").split(" |")] for line in lines]
    return {row[0]: row[1:] for row in cells}


def ids_in(text: str) -> set[str]:
    """The ids of the rows that a text names, one by one (``P4``) or as a range (``P1 to P3``)."""
    ids = {match.group(1).upper() + match.group(2) for match in ROW_ID.finditer(text)}
    for letter, first, last in RANGE.findall(text):
        ids |= {f"{letter}{number}" for number in range(int(first), int(last) + 1)}
    return ids


def named_in(tree: ast.AST) -> set[str]:
    """The ids of the rows that the tests of a module name, in their own or their class's name or docstring."""
    found = set()
    for node in ast.walk(tree):
        named = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        if named and node.name.lower().startswith("test"):
            found |= ids_in(f"{node.name.replace('_', ' ')} {ast.get_docstring(node) or ''}")
    return found


def files_by_row() -> dict[str, set[str]]:
    """The test files that name a row, by the row's id, relative to ``docs``."""
    found = defaultdict(set)
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for row in named_in(ast.parse(path.read_text())):
            found[row].add(f"../{path.relative_to(ROOT).as_posix()}")
    return found


TABLE = table()
TESTS = files_by_row()


def test_the_page_has_every_row_once():
    assert list(TABLE) == ROWS


@pytest.mark.parametrize("row", ROWS)
def test_a_row_is_shown_by_tests_or_said_to_come_later(row):
    shown = TABLE[row][-1]
    if shown.startswith("Later: "):
        assert len(shown) > len("Later: ")
    else:
        links = set(LINK.findall(shown))
        assert links, f"no test is linked for {row}; named in {sorted(TESTS[row])}"
        assert links <= TESTS[row], f"linked, but without a test that names {row}: {sorted(links - TESTS[row])}"


def test_every_link_of_the_page_leads_somewhere():
    assert [link for link in LINK.findall(PAGE.read_text()) if not (PAGE.parent / link).exists()] == []


@pytest.mark.parametrize("row", ROWS)
def test_the_code_that_keeps_a_row_names_it(row):
    kept, shown = TABLE[row][-2:]
    if not (shown.startswith("Later: ") or kept.startswith("nowhere: ")):
        texts = [(PAGE.parent / link).read_text() for link in LINK.findall(kept)]
        assert any(row in ids_in(text) for text in texts)

"""Which tests show which row of ``docs/contract.md``; ``python -m tests.contract_rows`` writes ``contract-rows.md``."""

from __future__ import annotations

import ast
import functools
import re
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

TESTS = Path(__file__).parent
PAGE = TESTS / "contract-rows.md"

GROUPS = {"P": 8, "R": 8, "B": 8, "K": 10}
ROWS = [f"{letter}{number}" for letter, last in GROUPS.items() for number in range(1, last + 1)]

#: A row's id where it stands alone, in a docstring (``P4``) or as a part of a test's name (``_p4_``).
ROW_ID = re.compile(r"(?<![A-Za-z0-9])([PRBK])(\d+)(?![A-Za-z0-9.])", re.IGNORECASE)
RANGE = re.compile(r"\b([PRBK])(\d+) to \1(\d+)\b")

HEAD = """\
# Which tests show which row of the contract

Rows are those of [the contract](../docs/contract.md). A test belongs to a row that its name or its docstring gives.
Written by `python -m tests.contract_rows`; a test fails when it is out of date.

| # | Tests |
|---|---|
"""


def ids_in(text: str) -> set[str]:
    """The ids of the rows that a text names, one by one (``P4``) or as a range (``P1 to P3``)."""
    ids = {match.group(1).upper() + match.group(2) for match in ROW_ID.finditer(text)}
    for letter, first, last in RANGE.findall(text):
        ids |= {f"{letter}{number}" for number in range(int(first), int(last) + 1)}
    return ids


@functools.cache
def tests_by_row() -> dict[str, dict[str, list[str]]]:
    """The names of the tests that name a row, by the row's id and by the file relative to ``tests``."""
    found: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for path in sorted(TESTS.rglob("test_*.py")):
        for node in _defined(ast.parse(path.read_text()).body):
            if node.name.lower().startswith("test"):
                for row in ids_in(f"{node.name.replace('_', ' ')} {ast.get_docstring(node) or ''}"):
                    found[row][path.relative_to(TESTS).as_posix()].append(node.name)
    return found


def _defined(body: list[ast.stmt]) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]:
    """Yield what a file defines, and its classes: what stands within a function is no test."""
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node
        if isinstance(node, ast.ClassDef):
            yield from _defined(node.body)


def page() -> str:
    """The whole page, as it is to be."""
    found = tests_by_row()
    lines = []
    for row in ROWS:
        files = (
            f"[{file.removesuffix('.py')}]({file}): " + ", ".join(f"`{name}`" for name in sorted(names))
            for file, names in sorted(found[row].items())
        )
        lines.append(f"| {row} | {'<br>'.join(files) or 'none yet'} |\n")
    return HEAD + "".join(lines)


if __name__ == "__main__":
    PAGE.write_text(page())

"""``docs/contract.md``, ``tests/contract-rows.md``, the code and the tests agree on every row of the contract."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests import contract_rows
from tests.contract_rows import ROWS, ids_in

PAGE = Path(__file__).parent.parent / "docs" / "contract.md"
LINK = re.compile(r"\]\(([^)#]+)\)")
SHOWN = "[tests](../tests/contract-rows.md)"


def table() -> dict[str, list[str]]:
    """The page's rows by id, each as the texts of its cells after the id."""
    lines = [line for line in PAGE.read_text().splitlines() if re.match(r"\| [PRBK]\d+ \|", line)]
    cells = [[cell.strip() for cell in line.strip("|").split(" |")] for line in lines]
    return {row[0]: row[1:] for row in cells}


TABLE = table()


def test_the_page_has_every_row_once():
    assert list(TABLE) == ROWS


def test_the_table_of_tests_is_up_to_date():
    assert contract_rows.PAGE.read_text() == contract_rows.page(), "run `python -m tests.contract_rows`"


@pytest.mark.parametrize("row", ROWS)
def test_a_row_is_shown_by_tests_or_said_to_come_later(row):
    shown = TABLE[row][-1]
    if shown.startswith("Later: "):
        assert len(shown) > len("Later: ")
    else:
        assert shown == SHOWN
        assert contract_rows.tests_by_row()[row], f"no test names {row}"


def test_every_link_of_the_page_leads_somewhere():
    assert [link for link in LINK.findall(PAGE.read_text()) if not (PAGE.parent / link).exists()] == []


@pytest.mark.parametrize("row", ROWS)
def test_the_code_that_keeps_a_row_names_it(row):
    kept, shown = TABLE[row][-2:]
    if not (shown.startswith("Later: ") or kept.startswith("nowhere: ")):
        texts = [(PAGE.parent / link).read_text() for link in LINK.findall(kept)]
        assert any(row in ids_in(text) for text in texts)

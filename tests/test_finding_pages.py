"""``docs/findings`` and the definitions of the findings agree."""

from __future__ import annotations

import pytest

from tests import finding_pages
from vhlocal.checks.registry import ALL_DEFINITIONS

PAGES = finding_pages.pages()


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_up_to_date(name):
    assert (finding_pages.DIRECTORY / name).read_text() == PAGES[name], "run `python -m tests.finding_pages`"


def test_no_page_is_left_over():
    there = {path.name for path in finding_pages.DIRECTORY.iterdir()}
    assert there == {*PAGES, *finding_pages.BY_HAND}


def test_every_definition_has_its_page_where_the_output_says():
    assert [one.code for one in ALL_DEFINITIONS if not (finding_pages.ROOT / one.page).is_file()] == []

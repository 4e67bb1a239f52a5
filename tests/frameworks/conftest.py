"""Which frameworks are tried: all where that is asked for, else the third of them that the commit chooses."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tests.frameworks.groups import groups_of, head

if TYPE_CHECKING:
    import pytest

HERE = Path(__file__).parent


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--all-frameworks"):
        return
    chosen = groups_of(head())
    left = {item for item in items if _group(item) not in (None, *chosen) and item.path.is_relative_to(HERE)}
    items[:] = [item for item in items if item not in left]
    config.hook.pytest_deselected(items=list(left))


def _group(item: pytest.Item) -> str | None:
    """Return the group that a test is of, None where it is of none."""
    return item.callspec.params.get("group") if hasattr(item, "callspec") else None

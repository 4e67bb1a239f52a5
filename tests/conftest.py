"""What all tests share."""

from collections.abc import Iterator

import pytest

from tests.engine_fixtures import (
    base_image,
    base_image_with_user,
    engine,
    environments,
    project,
    registry,
    running,
    sample,
    shared_cache,
    tools,
    vhlocal,
)
from tests.waiting import give_ports_back

__all__ = [
    "base_image",
    "base_image_with_user",
    "engine",
    "environments",
    "project",
    "registry",
    "running",
    "sample",
    "shared_cache",
    "tools",
    "vhlocal",
]


@pytest.fixture(autouse=True)
def ports_of_the_test() -> Iterator[None]:
    """Give back, at the end of each test, the ports that were found for it."""
    yield
    give_ports_back()


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "engine: needs a container engine (given to every test that asks for one)")
    config.addinivalue_line("markers", "builds: installs packages, which takes long, and no less under another Python")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "engine" in getattr(item, "fixturenames", ()):
            item.add_marker("engine")

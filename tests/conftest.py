"""What all tests share."""

import os
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
    config.addinivalue_line("markers", "once: tells the same under every Python, so that one is enough")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One more than there are cores: whoever runs the engine's tests mostly waits."""
    return (os.cpu_count() or 1) + 1


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "engine" in getattr(item, "fixturenames", ()):
            item.add_marker("engine")
        if item.get_closest_marker("engine"):
            # One after the other: they look at what the engine has, and some at its images as a whole.
            item.add_marker(pytest.mark.xdist_group("engine"))

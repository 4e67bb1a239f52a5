"""What all tests share."""

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


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "engine: needs a container engine (given to every test that asks for one)")
    config.addinivalue_line("markers", "builds: installs packages, which takes long, and no less under another Python")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "engine" in getattr(item, "fixturenames", ()):
            item.add_marker("engine")

"""What the tests of the command line share."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest

from tests.cli.failing import Failing
from tests.cli.process import Process
from tests.engine_fixtures import containers_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path

    import docker

    from tests.command import Vhlocal


@pytest.fixture
def failing(vhlocal: Vhlocal, engine: docker.DockerClient) -> Failing:
    """Run a command that is to fail: ``failing(directory, *arguments, code=2)`` returns what it printed."""
    return Failing(vhlocal, engine)


@pytest.fixture
def starting(
    engine: docker.DockerClient, base_image: str, vhlocal: Vhlocal, tmp_path: Path
) -> Callable[..., AbstractContextManager[Process]]:
    """Start ``vhlocal up`` with no more than the arguments given; ended, and its containers removed, after the block.

    Unlike ``running`` it asserts nothing: how a run ends is what these tests look at.
    """

    @contextlib.contextmanager
    def start(directory: Path, *arguments: str, environment: Mapping[str, str] | None = None) -> Iterator[Process]:
        log = tmp_path / f"{directory.name}-{len(list(tmp_path.glob('*.log')))}.log"
        process = Process(vhlocal, directory, arguments, log, environment or {})
        try:
            yield process
        finally:
            process.end()
            for container in containers_of(engine, directory):
                engine.containers.get(container).remove(force=True, v=True)

    return start

"""What the tests of the command line share."""

from __future__ import annotations

import contextlib
import json
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from docker.errors import ImageNotFound

from tests.cli.failing import Failing
from tests.cli.process import Process
from tests.engine_fixtures import containers_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager

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


@pytest.fixture
def one_off(engine: docker.DockerClient, vhlocal: Vhlocal) -> Iterator[dict[str, str]]:
    """Files of a project whose requirements no image has yet; the image that is made of them goes after the test."""
    name = f"one-off-{secrets.token_hex(4)}"
    setup = f"import setuptools, time\ntime.sleep(1)\nsetuptools.setup(name={name!r})\n"
    yield {"requirements.txt": "./local\n", "local/setup.py": setup}
    for kept in Path(vhlocal.environment["XDG_STATE_HOME"]).rglob("layers.json"):
        for tag in reversed(json.loads(kept.read_text())["layers"]):
            with contextlib.suppress(ImageNotFound):
                engine.images.remove(tag, force=True)

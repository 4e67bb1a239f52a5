"""Runs that find no engine, so that their servers are processes."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest

from tests.command import Running
from tests.engine.conftest import left_of
from tests.waiting import free_port

if TYPE_CHECKING:
    from pathlib import Path

NO_ENGINE = {"DOCKER_HOST": "unix:///nonexistent/docker.sock"}


@pytest.fixture
def process_run(vhlocal, tmp_path):
    """Start ``vhlocal up`` where no engine answers; nothing is left when a test ends well."""
    started: list[Running] = []

    def start(directory: Path, *arguments: str, ready: bool = True) -> Running:
        run = Running(vhlocal, directory, free_port(), arguments, tmp_path / f"up-{len(started)}.log")
        started.append(run)
        if ready:
            run.wait_for_state("ready")
        return run

    vhlocal.environment.update(NO_ENGINE)
    yield start
    for run in started:
        run.stop()
    assert left_of(vhlocal) == []


@pytest.fixture(params=[pytest.param("docker", marks=pytest.mark.engine), "process"])
def up(request):
    """Start ``vhlocal up`` on a runtime; it ends with the test, and leaves nothing."""
    if request.param == "process":
        yield request.getfixturevalue("process_run")
        return
    running = request.getfixturevalue("running")
    with contextlib.ExitStack() as stack:
        yield lambda *arguments: stack.enter_context(running(*arguments))

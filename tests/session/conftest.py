"""Runs that find no engine, so that their servers are processes."""

from __future__ import annotations

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

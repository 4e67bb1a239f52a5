"""Runs whose page a browser opens; one serves all tests of a file."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.command import Running, Vhlocal
from tests.waiting import free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    MakeRun = Callable[[Mapping[str, str]], Running]


@pytest.fixture(scope="module")
def serve(tmp_path_factory, environments, tools) -> Iterator[MakeRun]:
    """Write a project and serve it, by processes and with state of its own, until the file's tests have ended."""
    started: list[Running] = []

    def start(files: Mapping[str, str]) -> Running:
        place = tmp_path_factory.mktemp("page")
        environment = {name: value for name, value in os.environ.items() if not name.startswith("VHLOCAL_")}
        for name in ("STATE_HOME", "CACHE_HOME", "DATA_HOME", "RUNTIME_DIR"):
            (place / name).mkdir(mode=0o700)
            environment[f"XDG_{name}"] = str(place / name)
        environment |= {"PATH": f"{tools}:{environment['PATH']}", "VHLOCAL_RUNTIME": "process"}
        (place / "CACHE_HOME" / "vhlocal").mkdir()
        (place / "CACHE_HOME" / "vhlocal" / "environments").symlink_to(environments)
        for name, text in files.items():
            (place / "project" / name).parent.mkdir(parents=True, exist_ok=True)
            (place / "project" / name).write_text(text)
        run = Running(Vhlocal(environment), place / "project", free_port(), (), place / "up.log")
        started.append(run)
        run.wait_for_state("ready")
        return run

    yield start
    for run in started:
        run.stop()

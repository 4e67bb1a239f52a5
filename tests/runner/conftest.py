"""Fixtures that serve an application with the runner, as the container does."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

import pytest

import vhlocal.runner
from tests.runner.served import APPS, started
from tests.runner.stacks import python_of


@pytest.fixture(scope="session")
def runner(tmp_path_factory):
    """The runner's files alone in a directory, copied flat as into a container."""
    directory = tmp_path_factory.mktemp("valohai") / "runner"
    shutil.copytree(Path(vhlocal.runner.__file__).parent, directory, ignore=shutil.ignore_patterns("__pycache__"))
    return directory


@pytest.fixture(scope="session")
def serve(runner, tmp_path_factory):
    """Return a context manager that starts ``wsgi: target`` on a stack; it listens when the context is entered."""

    @contextlib.contextmanager
    def serve(stack, target, directory=APPS, environment=None, wait=True):
        home = tmp_path_factory.mktemp("home")
        command = [str(python_of(stack)), str(runner / "serve_wsgi.py"), target]
        with started(command, directory, {"HOME": str(home), **(environment or {})}) as server:
            if wait:
                server.wait_for_line("Listening at")
            server.stack = stack
            yield server

    return serve

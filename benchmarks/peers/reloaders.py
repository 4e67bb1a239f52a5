"""Who brings saves of the app in, besides ``vhlocal up``: each serves a copy of its own, and idles until its turn."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from typing import TYPE_CHECKING

from benchmarks.peers import reloaded
from benchmarks.peers.processes import free_port, process
from benchmarks.peers.saves import FIRST, Served, wait_for
from benchmarks.report import UnmeasuredError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_CODE = "/valohai/code"
_QUIET = ("--log-level", "error")
_GUNICORN = ("-m", "gunicorn", "--no-control-socket", *_QUIET, "server:application")


@contextlib.contextmanager
def gunicorn_reload(directory: Path, python: str) -> Iterator[Served]:
    """Let ``gunicorn --reload`` serve a copy of the app in ``directory``."""
    file, port = reloaded.write_project(directory), free_port()
    with process([python, *_GUNICORN, "--reload", "--bind", f"127.0.0.1:{port}"], port, directory):
        yield Served(file, reloaded.text, port)


@contextlib.contextmanager
def uvicorn_reload(directory: Path, python: str) -> Iterator[Served]:
    """Let ``uvicorn --reload`` serve a copy of the app in ``directory``."""
    file, port = reloaded.write_project(directory), free_port()
    with process([python, "-m", "uvicorn", "--reload", *_QUIET, "--port", str(port), "server:app"], port, directory):
        yield Served(file, reloaded.text, port)


@contextlib.contextmanager
def sighup_fork(directory: Path, python: str) -> Iterator[Served]:
    """Let a Gunicorn that has imported what the app imports serve it; a SIGHUP after each save makes it fork anew."""
    file, port = reloaded.write_project(directory), free_port()
    (directory / "gunicorn.conf.py").write_text(reloaded.IMPORTS)
    with process([python, *_GUNICORN, "--bind", f"127.0.0.1:{port}"], port, directory) as master:
        yield Served(file, reloaded.text, port, after_save=lambda: os.kill(master.pid, signal.SIGHUP))


@contextlib.contextmanager
def docker_restart(directory: Path, image: str) -> Iterator[Served]:
    """Serve the app from a mounted directory in a container, which is started again after each save."""
    file, port = reloaded.write_project(directory), free_port()
    name = f"vhlocal-bench-{port}"
    mount = ["--volume", f"{directory}:{_CODE}:ro", "--workdir", _CODE, "--publish", f"127.0.0.1:{port}:8000"]
    server = ["-c", "exec ~/.local/bin/gunicorn --bind 0.0.0.0:8000 server:application"]
    _docker("create", "--name", name, *mount, "--entrypoint", "sh", image, *server)
    try:
        _docker("start", name)
        served = Served(file, reloaded.text, port, after_save=lambda: _restart(name))
        wait_for(served, FIRST)
        yield served
    finally:
        _docker("rm", "--force", name)


def _restart(name: str) -> None:
    """Begin a restart, so that requests can be sent while it goes on."""
    threading.Thread(target=_docker, args=("restart", "-t", "10", name)).start()


def image_of(directory: Path) -> str:
    """Return the image that the project in ``directory`` is served from by ``vhlocal up``."""
    label = f"label=vhlocal.directory={directory.resolve()}"
    return _docker("ps", "--filter", label, "--format", "{{.Image}}")


def _docker(*arguments: str) -> str:
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise UnmeasuredError(f"`docker {arguments[0]}` failed: {done.stderr.strip()}")
    return done.stdout.strip()

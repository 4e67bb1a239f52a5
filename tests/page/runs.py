"""A run of a small project for a whole module of tests, as processes of this machine."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

from tests.command import Running, Vhlocal
from tests.waiting import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def command_line(directory: Path, environments: Path, tools: Path) -> Vhlocal:
    """Return the command line with directories of its own below ``directory``, and none of the caller's settings."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("VHLOCAL_")}
    for name in ("STATE_HOME", "CACHE_HOME", "DATA_HOME", "RUNTIME_DIR"):
        place = directory / "xdg" / name.lower()
        place.mkdir(parents=True, mode=0o700)
        environment[f"XDG_{name}"] = str(place)
    environment |= {"PATH": f"{tools}:{environment['PATH']}", "VHLOCAL_RUNTIME": "process"}
    cache = Path(environment["XDG_CACHE_HOME"], "vhlocal")
    cache.mkdir()
    cache.joinpath("environments").symlink_to(environments)
    return Vhlocal(environment)


def written(directory: Path, files: Mapping[str, str]) -> Path:
    """Write a project and return its directory."""
    for path, text in files.items():
        (directory / path).parent.mkdir(parents=True, exist_ok=True)
        (directory / path).write_text(text)
    return directory


@contextlib.contextmanager
def up(vhlocal: Vhlocal, directory: Path, *arguments: str) -> Iterator[Running]:
    """Run a project until the block is left; every endpoint is ready inside."""
    run = Running(vhlocal, directory, free_port(), arguments, directory.parent / "up.log")
    try:
        run.wait_for_state("ready")
        yield run
        assert run.stop() in {0, 130}, run.output()
    finally:
        if run.process.poll() is None:
            run.kill()

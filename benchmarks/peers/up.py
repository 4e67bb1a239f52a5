"""``vhlocal up`` as a peer, in a process of its own."""

from __future__ import annotations

import contextlib
import os
import time
from typing import TYPE_CHECKING

from benchmarks.peers.processes import free_port
from benchmarks.peers.saves import Served, ask
from benchmarks.report import UnmeasuredError
from tests.command import Running, Vhlocal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_ENDPOINT = "bench"
_NAMES = ("--owner", "bench", "--project", "bench")
_PATH = f"/bench/bench/local/dev/{_ENDPOINT}/"

#: The environment may have to be built first.
_PATIENCE = 900.0
_PAUSE = 0.1


@contextlib.contextmanager
def vhlocal_up(file: Path, text: Callable[[str], str], server: str) -> Iterator[tuple[Served, int]]:
    """Serve the project of ``file``; ``server`` is the line of ``valohai.yaml`` that says how.

    Yields once the endpoint answers, with the process's id.
    """
    directory = file.parent
    (directory / "valohai.yaml").write_text(
        f"- endpoint:\n    name: {_ENDPOINT}\n    image: python:3.11-slim\n    {server}\n"
    )
    port = free_port()
    run = Running(_vhlocal(directory), directory, port, _NAMES, directory.with_suffix(".log"))
    served = Served(file, text, port, _PATH)
    try:
        _wait_until_ready(run, served)
        yield served, run.process.pid
    finally:
        run.stop()


def _vhlocal(directory: Path) -> Vhlocal:
    """Return a command line that knows nothing of earlier runs, and leaves nothing in the user's directories."""
    places = {f"XDG_{name}_HOME": str(directory.with_suffix(f".{name.lower()}")) for name in ("STATE", "CACHE", "DATA")}
    return Vhlocal({**os.environ, **places})


def _wait_until_ready(run: Running, served: Served) -> None:
    deadline = time.monotonic() + _PATIENCE
    while ask(served) is None:
        if run.process.poll() is not None or time.monotonic() > deadline:
            raise UnmeasuredError(f"`vhlocal up` did not come up:\n{run.output()[-2000:]}")
        time.sleep(_PAUSE)

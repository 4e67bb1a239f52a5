"""A save until its answer: ``vhlocal up`` beside the reloaders, a bare fork and a restart of the container.

``python -m benchmarks.reload [--quick]``

All serve the same app, which imports pandas and scikit-learn, and stay up through the whole run, taking turns.
``vhlocal up`` is asked through its gateway and serves from a container; the reloaders and the fork run on this machine.
One row saves twice, as an editor does that formats what it has saved: from the second save on.
"""

from __future__ import annotations

import contextlib
import random
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.peers import reloaded
from benchmarks.peers.reloaders import docker_restart, gunicorn_reload, image_of, sighup_fork, uvicorn_reload
from benchmarks.peers.saves import save, save_twice
from benchmarks.peers.up import vhlocal_up
from benchmarks.report import Goal, UnmeasuredError, conclude, print_table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmarks.peers.saves import Served

_WSGI, _COMMAND = "vhlocal up, wsgi", "vhlocal up, uvicorn"
_TWICE = "vhlocal up, wsgi, saved twice"
_GUNICORN, _UVICORN = "gunicorn --reload", "uvicorn --reload"
_FORK, _RESTART = "bare SIGHUP and fork", "restart of the container"

_WSGI_LINE = "wsgi: server:application"
_COMMAND_LINE = "server-command: ~/.local/bin/uvicorn server:app --host 0.0.0.0 --port 8000"

#: What a reload leaves behind gets this many seconds to end before the next save. Python tells a module's versions
#: apart by whole seconds, so it has to be more than one.
_PAUSE = 2.0

Samples = dict[str, list[float]]


def measure() -> Sequence[Goal]:
    """Let all of them bring saves in, by turns, and return the goals."""
    if shutil.which("docker") is None:
        raise UnmeasuredError("the `docker` command is not on the path")
    with contextlib.ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        seconds, failed = _alternate(_start(stack, place), 3 if "--quick" in sys.argv else 21)
    print_table("a save to its answer", "s", seconds)
    print_table("requests that failed during a save", "count", failed)
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    faster = min(medians[_GUNICORN], medians[_UVICORN])
    return [
        Goal("the faster reloader/vhlocal up, wsgi", faster / medians[_WSGI], ">=", 20),
        Goal("vhlocal up, wsgi/bare SIGHUP and fork", medians[_WSGI] / medians[_FORK], "<=", 3),
        Goal("uvicorn --reload/vhlocal up, uvicorn", medians[_UVICORN] / medians[_COMMAND], ">=", 5),
        Goal("the second of two saves 50 ms apart/one save", medians[_TWICE] / medians[_WSGI], "<=", 1.5),
    ]


def _start(stack: contextlib.ExitStack, place: Path) -> dict[str, Served]:
    python = reloaded.python_with_the_packages()
    wsgi, command = reloaded.write_project(place / "wsgi"), reloaded.write_project(place / "command")
    up_wsgi, _ = stack.enter_context(vhlocal_up(wsgi, reloaded.text, _WSGI_LINE))
    up_command, _ = stack.enter_context(vhlocal_up(command, reloaded.text, _COMMAND_LINE))
    return {
        _WSGI: up_wsgi,
        _TWICE: up_wsgi,
        _COMMAND: up_command,
        _GUNICORN: stack.enter_context(gunicorn_reload(place / "gunicorn", python)),
        _UVICORN: stack.enter_context(uvicorn_reload(place / "uvicorn", python)),
        _FORK: stack.enter_context(sighup_fork(place / "fork", python)),
        _RESTART: stack.enter_context(docker_restart(place / "restart", image_of(wsgi.parent))),
    }


def _alternate(contenders: Mapping[str, Served], rounds: int) -> tuple[Samples, Samples]:
    seconds: Samples = {name: [] for name in contenders}
    failed: Samples = {name: [] for name in contenders}
    for number in range(1, rounds + 1):
        for name in random.Random(number).sample(list(contenders), len(contenders)):
            time.sleep(_PAUSE)
            # One server's two rows do not share a marker.
            saved = save_twice(contenders[name], number + rounds) if name == _TWICE else save(contenders[name], number)
            seconds[name].append(saved.seconds)
            failed[name].append(saved.failed)
    return seconds, failed


if __name__ == "__main__":
    conclude(measure)

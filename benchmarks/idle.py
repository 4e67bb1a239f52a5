"""What an idle ``vhlocal up`` costs on a project of 20,000 files, and how long a save takes there.

``python -m benchmarks.idle [--quick]``

The processor time is that of ``vhlocal up`` and the processes that it starts; the engine and the server in the
container are not counted.
"""

from __future__ import annotations

import contextlib
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from benchmarks.peers.saves import FIRST, save
from benchmarks.peers.up import vhlocal_up
from benchmarks.report import Goal, UnmeasuredError, conclude, print_table

if TYPE_CHECKING:
    from collections.abc import Sequence

_DIRECTORIES, _FILES_EACH = 500, 40
_IGNORED_DIRECTORIES = 100

_SERVER_LINE = "server-command: python serve.py"
_SERVER = """\
import http.server

MARKER = b"{marker}"


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", str(len(MARKER)))
        self.end_headers()
        self.wfile.write(MARKER)

    def log_message(self, *_):
        pass


http.server.ThreadingHTTPServer(("", 8000), Handler).serve_forever()
"""

_SETTLE = 20.0
_WINDOW = 5.0
_PAUSE = 2.0


def measure() -> Sequence[Goal]:
    """Watch a run do nothing, then save a file in it, and return the goals."""
    quick = "--quick" in sys.argv
    with tempfile.TemporaryDirectory() as place:
        file = _write_project(Path(place, "project"))
        with vhlocal_up(file, _text, _SERVER_LINE) as (served, process):
            time.sleep(_SETTLE)
            shares = [_share(psutil.Process(process)) for _ in range(3 if quick else 12)]
            saves = []
            for number in range(1, 4 if quick else 11):
                saves.append(save(served, number).seconds)
                time.sleep(_PAUSE)
    print_table(f"processor time while idle, {_DIRECTORIES * _FILES_EACH} files", "% of a core", {"vhlocal up": shares})
    print_table("a save to its answer", "s", {"vhlocal up": saves})
    return [Goal("processor time while idle, % of a core", statistics.mean(shares), "<=", 1)]


def _text(marker: str) -> str:
    return _SERVER.format(marker=marker)


def _write_project(directory: Path) -> Path:
    _fill(directory / "package", _DIRECTORIES)
    _fill(directory / ".venv", _IGNORED_DIRECTORIES)
    (directory / ".gitignore").write_text(".venv/\n__pycache__/\n")
    file = directory / "serve.py"
    file.write_text(_text(FIRST))
    _git(directory, "init", "--quiet")
    _git(directory, "add", ".")
    _git(directory, "-c", "user.name=bench", "-c", "user.email=bench@localhost", "commit", "--quiet", "-m", "All")
    return file


def _fill(directory: Path, directories: int) -> None:
    for number in range(directories):
        inner = directory / f"part_{number:03}"
        inner.mkdir(parents=True)
        for index in range(_FILES_EACH):
            (inner / f"module_{index:02}.py").write_text(f"NUMBER = {number * _FILES_EACH + index}\n")


def _git(directory: Path, *arguments: str) -> None:
    try:
        subprocess.run(["git", "-C", str(directory), *arguments], check=True)
    except OSError as error:
        raise UnmeasuredError(f"git cannot be run: {error.strerror}") from error


def _share(process: psutil.Process) -> float:
    """Return what a process and its children take of a core, in percent."""
    before, began = _processor_seconds(process), time.perf_counter()
    time.sleep(_WINDOW)
    return 100 * (_processor_seconds(process) - before) / (time.perf_counter() - began)


def _processor_seconds(process: psutil.Process) -> float:
    total = 0.0
    for one in (process, *process.children(recursive=True)):
        with contextlib.suppress(psutil.NoSuchProcess):
            # User and system, its own and those of its children that have ended.
            total += sum(one.cpu_times()[:4])
    return total


if __name__ == "__main__":
    conclude(measure)

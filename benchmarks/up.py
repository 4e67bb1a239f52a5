"""A warm ``vhlocal up`` beside ``docker run`` of the same image, each until its first 200; and its peak memory.

``python -m benchmarks.up [--quick]``
"""

from __future__ import annotations

import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.report import Goal, UnmeasuredError, conclude, print_table
from benchmarks.starting import free_port, get, timed

if TYPE_CHECKING:
    from collections.abc import Sequence

_SAMPLES = Path(__file__).parent.parent / "sample_projects"
_SAMPLE = "flask"
_NAMES = ("--owner", "bench", "--project", "bench")
_VERSION = "20000101.0"
#: What says that a container has a network. Docker's proxy accepts connections before: it then asks for an address that
#: nobody answers for yet, and asks again after 1.0 s only, which is no part of a start.
_LISTENS = b"Listening at"

_PATH = f"/bench/bench/local/{_VERSION}/words/"


def measure() -> Sequence[Goal]:
    """Alternate between the two and return the goals."""
    if shutil.which("docker") is None:
        raise UnmeasuredError("the `docker` command is not on the path")
    rounds = 3 if "--quick" in sys.argv else 11
    with tempfile.TemporaryDirectory() as place:
        project = Path(shutil.copytree(_SAMPLES / _SAMPLE, Path(place, _SAMPLE)))
        tag = _build(project)
        up: list[float] = []
        run: list[float] = []
        peaks: list[float] = []
        for _ in range(rounds):
            run.append(_docker_run(tag))
            seconds, peak = _vhlocal_up(project)
            up.append(seconds)
            peaks.append(peak)
    print_table("start to first 200", "s", {"docker run": run, "vhlocal up, warm": up})
    print_table("peak memory of vhlocal up while serving", "MB", {"vhlocal up": peaks})
    ratio = statistics.median(mine / peer for mine, peer in zip(up, run, strict=True))
    return [Goal("up/docker run", ratio, "<=", 1.15), Goal("peak memory, MB", statistics.median(peaks), "<=", 80)]


def _build(project: Path) -> str:
    command = [sys.executable, "-m", "vhlocal", "build", "-C", str(project), *_NAMES, "--version-name", _VERSION]
    built = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if built.returncode != 0:
        raise UnmeasuredError("the image could not be built")
    return built.stdout.split()[-1]


def _docker_run(tag: str) -> float:
    port = free_port()
    name = f"vhlocal-bench-{port}"
    command = ["docker", "run", "--rm", "--init", "--name", name, "-p", f"127.0.0.1:{port}:8000", tag]
    seconds, process = timed(command, port, _PATH, after=_LISTENS)
    subprocess.run(["docker", "rm", "-f", name], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    process.wait()
    return seconds


def _vhlocal_up(project: Path) -> tuple[float, float]:
    port = free_port()
    command = [sys.executable, "-m", "vhlocal", "up", "-C", str(project), "--port", str(port), *_NAMES]
    seconds, process = timed([*command, "--version-name", _VERSION], port, _PATH)
    for _ in range(200):
        get(port, _PATH)
    status = Path(f"/proc/{process.pid}/status").read_text()
    peak = re.search(r"VmHWM:\s+(\d+) kB", status)
    process.send_signal(signal.SIGINT)
    process.wait()
    if peak is None:
        raise UnmeasuredError("this system does not tell a process's peak memory in /proc")
    return seconds, int(peak[1]) * 1024 / 1e6


if __name__ == "__main__":
    conclude(measure)

"""A warm ``vhlocal up`` beside ``docker run`` of the same image, each until its first 200; and its peak memory.

``python -m benchmarks.up [--quick]``
"""

from __future__ import annotations

import http.client
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.report import Goal, UnmeasuredError, conclude, print_table

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_SAMPLES = Path(__file__).parent.parent / "sample_projects"
_SAMPLE = "flask"
_NAMES = ("--owner", "bench", "--project", "bench")
_VERSION = "20000101.0"
_PATH = f"/bench/bench/local/{_VERSION}/words/"
_PAUSE = 0.005
_DEADLINE = 120.0


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
    return [Goal("up/docker run", ratio, "<=", 1.5), Goal("peak memory, MB", statistics.median(peaks), "<=", 80)]


def _build(project: Path) -> str:
    command = [sys.executable, "-m", "vhlocal", "build", "-C", str(project), *_NAMES, "--version-name", _VERSION]
    built = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if built.returncode != 0:
        raise UnmeasuredError("the image could not be built")
    return built.stdout.split()[-1]


def _docker_run(tag: str) -> float:
    port = _free_port()
    name = f"vhlocal-bench-{port}"
    command = ["docker", "run", "--rm", "--init", "--name", name, "-p", f"127.0.0.1:{port}:8000", tag]
    seconds, process = _timed(command, port)
    subprocess.run(["docker", "rm", "-f", name], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    process.wait()
    return seconds


def _vhlocal_up(project: Path) -> tuple[float, float]:
    port = _free_port()
    command = [sys.executable, "-m", "vhlocal", "up", "-C", str(project), "--port", str(port), *_NAMES]
    seconds, process = _timed([*command, "--version-name", _VERSION], port)
    for _ in range(200):
        _get(port)
    status = Path(f"/proc/{process.pid}/status").read_text()
    peak = re.search(r"VmHWM:\s+(\d+) kB", status)
    process.send_signal(signal.SIGINT)
    process.wait()
    if peak is None:
        raise UnmeasuredError("this system does not tell a process's peak memory in /proc")
    return seconds, int(peak[1]) * 1024 / 1e6


def _timed(command: Sequence[str], port: int) -> tuple[float, subprocess.Popen[bytes]]:
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _until(lambda: _get(port) == http.client.OK, process, began)
    return time.perf_counter() - began, process


def _until(reached: Callable[[], bool], process: subprocess.Popen[bytes], began: float) -> None:
    while not reached():
        if process.poll() is not None:
            raise UnmeasuredError(f"{process.args!r} ended with {process.returncode}")
        if time.perf_counter() - began > _DEADLINE:
            process.kill()
            raise UnmeasuredError(f"{process.args!r} did not answer in {_DEADLINE:.0f} s")
        time.sleep(_PAUSE)


def _get(port: int) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", _PATH)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    conclude(measure)

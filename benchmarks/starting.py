"""Starting a server and timing it until its first 200."""

from __future__ import annotations

import http.client
import socket
import subprocess
import threading
import time
from typing import IO, TYPE_CHECKING

from benchmarks.report import UnmeasuredError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_PAUSE = 0.005
_DEADLINE = 120.0


def timed(
    command: Sequence[str],
    port: int,
    path: str,
    environment: Mapping[str, str] | None = None,
    directory: Path | None = None,
    after: bytes = b"",
) -> tuple[float, subprocess.Popen[bytes]]:
    """Start a command; return the seconds until ``path`` is answered 200 on ``port``, and the process.

    Nothing is asked until the process has printed ``after``.
    """
    began = time.perf_counter()
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment, cwd=directory
    )
    assert process.stdout is not None
    while after and after not in (line := process.stdout.readline()):
        if not line:
            raise UnmeasuredError(f"{process.args!r} ended with {process.wait()}")
    threading.Thread(target=_drain, args=[process.stdout], daemon=True).start()
    while get(port, path) != http.client.OK:
        if process.poll() is not None:
            raise UnmeasuredError(f"{process.args!r} ended with {process.returncode}")
        if time.perf_counter() - began > _DEADLINE:
            process.kill()
            raise UnmeasuredError(f"{process.args!r} did not answer in {_DEADLINE:.0f} s")
        time.sleep(_PAUSE)
    return time.perf_counter() - began, process


def _drain(stream: IO[bytes]) -> None:
    with stream:
        for _ in stream:
            pass


def get(port: int, path: str) -> int:
    """Return the status that a path of this machine's port is answered with, 0 where it is not."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()


def free_port() -> int:
    """Return a port that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])

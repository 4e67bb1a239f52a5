"""The runner as a real process in front of a real application, and requests to it as the gateway would send them."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import queue
import signal
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from tests.waiting import LONG, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

APPS = Path(__file__).parent / "apps"
VERSION = "/team/mnist/local/20261124.0/digits"
ALIAS = "/team/mnist/local/staging/digits"
PATIENCE = LONG


@dataclass(frozen=True)
class Answer:
    """One response; header names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self):
        return json.loads(self.body)


class Served:
    """A started runner. ``output`` collects both streams, line by line; ``stack`` is what it runs on."""

    def __init__(self, process: subprocess.Popen[str], port: int, environment: Mapping[str, str]) -> None:
        self.process = process
        self.port = port
        self.environment = environment
        self.stack: object = None
        self.output: list[str] = []
        self._lines: queue.Queue[str] = queue.Queue()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        for line in self.process.stdout:
            self._lines.put(line.rstrip("\n"))
        self._lines.put("(the end)")

    def wait_for_line(self, text: str) -> str:
        """Return the next line that contains ``text``; fails with all the output when there is none."""
        end = time.monotonic() + PATIENCE
        while True:
            try:
                line = self._lines.get(timeout=max(end - time.monotonic(), 0))
            except queue.Empty:
                raise AssertionError(f"no {text!r} in:\n" + "\n".join(self.output)) from None
            self.output.append(line)
            if text in line:
                return line
            assert line != "(the end)", f"no {text!r} in:\n" + "\n".join(self.output)

    def wait(self) -> int:
        """Return the exit code, having read all that was printed."""
        code = self.process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        self.said()
        return code

    def said(self) -> str:
        """Return all that was printed so far."""
        while not self._lines.empty():
            self.output.append(self._lines.get())
        return "\n".join(self.output)

    def request(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        port: int | None = None,
    ):
        """Send one request, straight to the server's port, or to another."""
        connection = http.client.HTTPConnection("127.0.0.1", port or self.port, timeout=PATIENCE)
        with contextlib.closing(connection):
            connection.request(method, path, body, {"Host": "localhost:8080", **(headers or {})})
            response = connection.getresponse()
            return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())

    def get(
        self, prefix: str, rest: str = "", headers: Mapping[str, str] | None = None, port: int | None = None
    ) -> Answer:
        """Send what the gateway forwards for ``GET prefix + rest`` (P4, P7)."""
        return self.request("GET", prefix + rest, None, {"X-VH-Prefix": prefix + "/", **(headers or {})}, port)


@contextlib.contextmanager
def started(
    command: list[str], directory: Path, environment: Mapping[str, str], port: int | None = None
) -> Iterator[Served]:
    """Start ``command`` with the variables that production sets (P5, P6, P8) and end it in the end."""
    port = port or free_port()
    prefix = environment.get("SCRIPT_NAME", VERSION)
    variables = {
        "PATH": os.environ["PATH"],
        "PYTHONDONTWRITEBYTECODE": "1",
        "SCRIPT_NAME": prefix,
        "VH_DEFAULT_PREFIX": prefix + "/",
        "VALOHAI_PORT": str(port),
        **environment,
    }
    process = subprocess.Popen(
        command,
        cwd=directory,
        env=variables,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    with process:
        server = Served(process, port, variables)
        try:
            yield server
        finally:
            if process.poll() is None:
                below = psutil.Process(process.pid).children(recursive=True)
                os.killpg(process.pid, signal.SIGKILL)
                for left in below:  # as its container, or its guard, ends with it
                    with contextlib.suppress(psutil.NoSuchProcess):
                        left.kill()
            server.wait()

"""The real command line, as processes of its own."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests import forked
from tests.waiting import LONG, wait_for
from vhlocal.api.client import Client
from vhlocal.errors import VhlocalError
from vhlocal.session.limits import GRACE
from vhlocal.session.record import ProjectState, RunRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

COMMAND = (sys.executable, "-m", "vhlocal")

#: Images may have to be built: how long a run may take to come up, in seconds.
READY_SECONDS = 300.0
STOP_SECONDS = LONG

#: How long an end may take that waits for nobody: less than the shortest time that anything would, a server's grace.
SOON = GRACE - 5


class Vhlocal:
    """Runs ``vhlocal`` with an environment of its own, so that no state of the machine's user is read or written."""

    def __init__(self, environment: Mapping[str, str], command: tuple[str, ...] = COMMAND) -> None:
        self.environment = dict(environment)
        self.command = command
        #: What every command is run by, if by something.
        self.prefix: tuple[str, ...] = ()

    def __call__(
        self,
        *arguments: str,
        cwd: Path | None = None,
        environment: Mapping[str, str] | None = None,
        seconds: float = 300,
    ) -> subprocess.CompletedProcess[str]:
        """Run one command to its end and return its exit code, stdout and stderr."""
        variables = {**self.environment, **(environment or {})}
        if self._can_be_forked(variables):
            return forked.run(arguments, variables, cwd, seconds)
        return subprocess.run(
            [*self.prefix, *self.command, *arguments],
            cwd=cwd,
            env=variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds,
        )

    def begin(self, arguments: tuple[str, ...], output: Path) -> forked.Forked | subprocess.Popen[bytes]:
        """Begin a command whose output and errors go to a file."""
        with output.open("wb") as file:
            if self._can_be_forked(self.environment):
                return forked.Forked(arguments, self.environment, file.fileno(), file.fileno())
            return subprocess.Popen(
                [*self.prefix, *self.command, *arguments],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
            )

    def _can_be_forked(self, environment: Mapping[str, str]) -> bool:
        return not self.prefix and self.command == COMMAND and forked.can_be_forked(environment)

    def endpoints(self, directory: Path) -> dict[str, dict[str, Any]]:
        """Return what a project's run tells at ``/api/endpoints``, by endpoint; nothing while no run answers.

        Of several replicas and versions, the working tree's first.

        It is what ``vhlocal ps --json`` prints, without a process for each look.
        """
        record = self.record(directory)
        with contextlib.suppress(VhlocalError):
            found = Client(record).endpoints()["endpoints"] if record else []
            first: dict[str, dict[str, Any]] = {}
            for item in found:
                first.setdefault(item["endpoint"], item)
            return first
        return {}

    def record(self, directory: Path) -> RunRecord | None:
        """Return what a project's run has left for other commands to find it by, None where there is no such file."""
        projects = Path(self.environment["XDG_STATE_HOME"], "vhlocal", "projects")
        with contextlib.suppress(FileNotFoundError):
            facts = json.loads((projects / ProjectState(directory.resolve()).path.name / "run.json").read_text())
            return RunRecord(**facts)
        return None


class Running:
    """A ``vhlocal up`` that runs; its output goes to a file, so that it can never stall on a full pipe."""

    def __init__(self, vhlocal: Vhlocal, directory: Path, port: int, arguments: tuple[str, ...], log: Path) -> None:
        self.vhlocal = vhlocal
        self.directory = directory
        self.base_url = f"http://127.0.0.1:{port}"
        self.log = log
        self.process = vhlocal.begin(("up", "-C", str(directory), "--port", str(port), *arguments), log)

    def output(self) -> str:
        """Return all that the run has printed so far."""
        return self.log.read_text(errors="replace")

    def endpoints(self) -> dict[str, dict[str, Any]]:
        """Return what is told of its endpoints, by endpoint."""
        return self.vhlocal.endpoints(self.directory)

    def url(self, endpoint: str, name: str | None = None) -> str:
        """Return the URL of an endpoint's root, with its slash: its version's, or that of the alias ``name``."""
        urls = [str(url) for url in self.endpoints()[endpoint]["urls"]]
        return f"{urls[0] if name is None else next(url for url in urls if url.split('/')[-2] == name)}/"

    def wait_for_state(self, state: str, *endpoints: str, seconds: float = READY_SECONDS) -> None:
        """Wait until the endpoints (all where none is named) are in this state."""

        def reached() -> bool:
            assert self.process.poll() is None, f"vhlocal up ended with {self.process.returncode}:\n{self.output()}"
            found = self.endpoints()
            wanted = endpoints or tuple(found)
            return bool(wanted) and all(name in found and found[name]["state"] == state for name in wanted)

        self._wait_for(reached, f"{endpoints or 'every endpoint'} to be {state}", seconds)

    def wait_for_restart(self, endpoint: str, restarts: int = 1) -> None:
        """Wait until an endpoint is ready again after so many crashes or more.

        Right after a crash was told, it may be told as ready still.
        """

        def restarted() -> bool:
            told = self.endpoints()[endpoint]
            return bool(told["state"] == "ready" and told["restarts"] >= restarts)

        self._wait_for(restarted, f"restart {restarts} of {endpoint}")

    def wait_for_output(self, *texts: str) -> None:
        """Wait until it has printed all of these, wherever its lines are wrapped."""

        def printed() -> bool:
            said = " ".join(self.output().split())
            return all(text in said for text in texts)

        self._wait_for(printed, f"{texts} to be told", LONG)

    def wait_for_count(self, text: str, times: int) -> None:
        """Wait until it has printed this so often, wherever its lines are wrapped, and see that it was no oftener."""

        def count() -> int:
            return " ".join(self.output().split()).count(text)

        self._wait_for(lambda: count() >= times, f"{text!r} to be told {times} times", LONG)
        assert count() == times, self.output()

    def _wait_for(self, look: Callable[[], bool], what: str, seconds: float = READY_SECONDS) -> None:
        try:
            wait_for(look, what, seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}; the output was:\n{self.output()}") from None

    def stop(self, number: int = signal.SIGINT, seconds: float = STOP_SECONDS) -> int:
        """Send a signal, once, and return the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(seconds)

    def kill(self) -> None:
        """End the process without giving it a chance to clean up."""
        self.process.kill()
        self.process.wait()

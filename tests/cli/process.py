"""``vhlocal up`` as a process that a test may interrupt, kill and look at."""

from __future__ import annotations

import contextlib
import subprocess
from typing import TYPE_CHECKING, Any, TypeVar

from tests.command import COMMAND, READY_SECONDS, STOP_SECONDS
from tests.waiting import wait_for

if TYPE_CHECKING:
    import signal
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from tests.command import Vhlocal


T = TypeVar("T")


class Process:
    """One ``vhlocal up``; its output goes to a file, so that it can never stall on a full pipe."""

    def __init__(
        self,
        vhlocal: Vhlocal,
        directory: Path,
        arguments: tuple[str, ...],
        log: Path,
        environment: Mapping[str, str],
    ) -> None:
        self.directory = directory
        self._vhlocal = vhlocal
        self._log = log
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                [*COMMAND, "up", "-C", str(directory), *arguments],
                env={**vhlocal.environment, **environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def output(self) -> str:
        """Return all that it has printed so far."""
        return self._log.read_text(errors="replace")

    def endpoints(self) -> dict[str, dict[str, Any]]:
        """Return what is told of its endpoints, by endpoint."""
        return self._vhlocal.endpoints(self.directory)

    def url(self, endpoint: str) -> str:
        """Return an endpoint's URL under the version's path, with its trailing slash."""
        return f"{self.endpoints()[endpoint]['urls'][0]}/"

    def wait_for_state(self, state: str, endpoint: str = "plain") -> dict[str, Any]:
        """Wait until an endpoint is in this state, and return what is told of it."""

        def reached() -> dict[str, Any] | None:
            assert self._process.poll() is None, f"it ended with {self._process.returncode}:\n{self.output()}"
            found = self.endpoints().get(endpoint, {})
            return found if found.get("state") == state else None

        return self._wait_for(reached, f"{endpoint} to be {state}")

    def wait_for_restart(self, restarts: int = 1, endpoint: str = "plain") -> dict[str, Any]:
        """Wait until an endpoint is ready again after so many crashes or more, and return what is told of it.

        Right after a crash was told, it may be told as ready still.
        """

        def restarted() -> dict[str, Any] | None:
            found = self.endpoints().get(endpoint, {})
            return found if found.get("state") == "ready" and found["restarts"] >= restarts else None

        return self._wait_for(restarted, f"restart {restarts} of {endpoint}")

    def wait_for_output(self, text: str) -> None:
        """Wait until it has printed this."""

        def printed() -> bool:
            said = self.output()
            assert text in said or self._process.poll() is None, f"it ended with {self._process.returncode}:\n{said}"
            return text in said

        self._wait_for(printed, f"{text!r} in the output")

    def _wait_for(self, look: Callable[[], T], what: str) -> T:
        try:
            return wait_for(look, what, READY_SECONDS)
        except AssertionError as error:
            raise AssertionError(f"{error}; the output was:\n{self.output()}\n{self.endpoints()}") from None

    def send(self, number: signal.Signals) -> None:
        """Send a signal."""
        self._process.send_signal(number)

    def wait(self, seconds: float = STOP_SECONDS) -> int:
        """Wait for its end and return the exit code; negative where a signal ended it."""
        return self._process.wait(seconds)

    def end(self) -> None:
        """End it, first gently."""
        if self._process.poll() is None:
            self._process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(STOP_SECONDS)
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()

"""Running the tools that make an environment: their lines as they come, and an end to them in every case."""

from __future__ import annotations

import subprocess
import threading
from typing import TYPE_CHECKING

from vhlocal.errors import BuildError
from vhlocal.runtime.lines import Lines
from vhlocal.runtime.process.guarded import Orders, end, give, idle

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

_CHUNK = 64 * 1024


class Children:
    """The processes that run now; ``close`` ends them, whichever thread waits for them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[bytes]] = set()
        self.closed = False

    def run(
        self,
        command: Sequence[str],
        directory: Path,
        variables: Mapping[str, str],
        on_line: Callable[[str], None],
        unfinished: Path | None = None,
    ) -> int:
        """Run a command in ``directory`` and return its exit code; stdout and stderr come merged.

        It reads nothing, and runs behind a guard: Ctrl-C reaches it only through us, and whatever this call or this
        process ends with, it has ended with all that it started. BuildError once ``close`` was called. What is
        ``unfinished`` is taken away should this process end meanwhile, however it does.
        """
        with self._lock:
            self._check()
            orders = Orders(tuple(command), dict(variables), str(directory), str(unfinished or ""))
            process = idle(subprocess.STDOUT)
            give(process, orders)
            self._running.add(process)
        assert process.stdout is not None
        lines = Lines(on_line)
        try:
            while chunk := process.stdout.read(_CHUNK):
                lines.feed(chunk)
            lines.end()
            code = process.wait()
        finally:
            end(process)
            with self._lock:
                self._running.discard(process)
            process.stdout.close()
            if process.stdin is not None:
                process.stdin.close()
        self._check()
        return code

    def close(self) -> None:
        """End all that runs, and let nothing begin."""
        with self._lock:
            self.closed = True
            for process in self._running:
                end(process)

    def _check(self) -> None:
        if self.closed:
            raise BuildError("the environment was not made, because vhlocal is stopping")

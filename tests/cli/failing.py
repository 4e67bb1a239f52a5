"""What every failing command has in common, in one place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.engine_fixtures import containers_of
from tests.waiting import accepts, free_port

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import docker

    from tests.command import Vhlocal


class Failing:
    """Runs a command that is to fail, and sees that it fails as it should."""

    def __init__(self, vhlocal: Vhlocal, engine: docker.DockerClient) -> None:
        self._vhlocal = vhlocal
        self._engine = engine

    def __call__(
        self,
        directory: Path,
        *arguments: str,
        code: int,
        command: str = "up",
        environment: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> str:
        """Run it and return all that it printed.

        It ends with ``code``, without a traceback of ours (a server's own stands behind its endpoint's name), and
        leaves no container and nobody who listens.
        """
        port = free_port()
        given = ("--port", str(port)) if command == "up" and "--port" not in arguments else ()
        done = self._vhlocal(command, "-C", str(directory), *given, *arguments, environment=environment, cwd=cwd)
        said = done.stdout + done.stderr
        assert done.returncode == code, said
        assert not has_traceback(said), said
        assert "unexpected" not in said
        assert containers_of(self._engine, directory) == [], said
        assert not accepts(port)
        return said


def has_traceback(said: str) -> bool:
    """Tell whether a traceback of the command itself is in what it printed."""
    return any(line.startswith("Traceback") for line in said.splitlines())

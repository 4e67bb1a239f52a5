"""What is in an endpoint's image, and how its server is started (B1 to B7, R1, R2, R4)."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from vhlocal.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Collection

    from vhlocal.model import Endpoint

#: The code's directory, which is also the server's working directory (B7).
CODE_DIRECTORY = "/valohai/code"

#: Where the metadata file stands; the first relative to the code directory's own copy (B6).
METADATA_FILE = "valohai-metadata.json"
METADATA_PATHS = (f"{CODE_DIRECTORY}/{METADATA_FILE}", f"/valohai/{METADATA_FILE}")

#: Where the runner of ``wsgi:`` endpoints stands: outside the code, so that no project file can hide it.
RUNNER_DIRECTORY = "/valohai/runner"

DEFAULT_PORT = 8000
#: What an endpoint's `port` can be (R1).
PORTS = range(1025, 65536)

#: The shell's way to an image's Python.
PYTHON_PATH = "command -v python || command -v python3"
_PYTHON = f'"$({PYTHON_PATH})"'

#: In order of preference (B2).
REQUIREMENTS_FILES = ("requirements-deployment.txt", "requirements.txt")


def requirements_file(packaged: Collection[str]) -> str | None:
    """Return the requirements file that production installs, out of the packaged paths, or None (B2)."""
    return next((name for name in REQUIREMENTS_FILES if name in packaged), None)


@dataclass(frozen=True)
class Install:
    """What pip installs: its ``arguments``; nothing where ``unless``, the name of a module, is there already."""

    arguments: tuple[str, ...]
    unless: str = ""

    def __str__(self) -> str:
        """Return the shell line that does it as production does, for the image's own user (B2)."""
        line = f"pip install --user {shlex.join(self.arguments)}"
        return f"{_PYTHON} -c 'import {self.unless}' 2>/dev/null || {line}" if self.unless else line


#: Sets up Gunicorn for a ``wsgi`` endpoint whose requirements lack it (R4).
GUNICORN = Install(("gunicorn",), unless="gunicorn")


def requirements_install(requirements: str) -> Install:
    """Return what installs a requirements file (B2)."""
    return Install(("-r", requirements))


def server_command(endpoint: Endpoint) -> list[str]:
    """Return the command: ``sh -c`` over its lines, ended by the first that fails (R2), or Gunicorn (R4)."""
    if endpoint.server_command is not None:
        lines = endpoint.server_command
        script = lines[0] if len(lines) == 1 else "\n".join(["set -e", *lines])
    else:
        target = shlex.quote(endpoint.wsgi or "")
        script = f'exec "$({PYTHON_PATH})" {RUNNER_DIRECTORY}/serve_wsgi.py {target}'
    return ["sh", "-c", script]

"""Tools of tests: which Python has them, that of the project's own environment or the one that runs this; and a run."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from vhlocal.signals import GRACE, interrupted
from vhlocal.smoke import tool_guard
from vhlocal.values import dataclass
from vhlocal.visible import visible

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

#: The last characters of a tool's output that are kept.
_KEPT = 4000

_GUARD = (sys.executable, "-I", "-S", str(Path(tool_guard.__file__)), str(GRACE))


@dataclass(frozen=True)
class Asked:
    """``found`` is the first Python that has all that was asked for, None where none has; ``all`` are those asked."""

    found: Path | None
    all: tuple[Path, ...]


def python_with(modules: Sequence[str], directory: Path, environ: Mapping[str, str]) -> Asked:
    """Look for a Python that has these modules, without importing them.

    The environment that is active comes first, then ``.venv`` and ``venv`` in the directory, then the Python that runs
    this.
    """
    active = [Path(environ["VIRTUAL_ENV"])] if environ.get("VIRTUAL_ENV") else []
    inside = "Scripts/python.exe" if sys.platform == "win32" else "bin/python"
    own = [place / inside for place in (*active, directory / ".venv", directory / "venv")]
    pythons = (*(python for python in own if python.exists()), Path(sys.executable))
    ask = f"import sys, importlib.util as u; sys.exit(not all(map(u.find_spec, {list(modules)!r})))"
    for python in pythons:
        if subprocess.run([python, "-c", ask], cwd=directory, stdin=subprocess.DEVNULL, check=False).returncode == 0:
            return Asked(python, pythons)
    return Asked(None, pythons)


def run_tool(command: Sequence[str | Path], directory: Path, environ: Mapping[str, str]) -> tuple[int, str]:
    """Run a tool to its end and return its exit code and the end of all that it printed, fit for a terminal.

    Where this is interrupted, the tool is too, once, and ends what it has begun: Ctrl-C does not reach it by itself.
    The tool is interrupted as well where this process is killed.
    """
    with (
        _there_as_long_as_this_process() as there,
        subprocess.Popen(
            [*_GUARD, *command],
            cwd=directory,
            env=dict(environ),
            stdin=there,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        ) as process,
    ):
        try:
            output, _ = process.communicate()
        except BaseException:
            interrupted(process)
            raise
    return process.returncode, visible(output[-_KEPT:])


@contextlib.contextmanager
def _there_as_long_as_this_process() -> Iterator[int]:
    """Yield what can be read, and ends with the block or with this process, however that ends."""
    there, held = os.pipe()
    try:
        yield there
    finally:
        os.close(there)
        os.close(held)

"""Why an environment could not be made, from what the tools have printed. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from vhlocal.errors import BuildError, VhlocalError
from vhlocal.storage import is_full, refused

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from vhlocal.runtime.process.pythons import Python

#: How many of the last lines are kept as evidence.
_KEPT = 200

_FULL = re.compile(r"No space left on device|Disk quota exceeded")
_ANOTHER_PYTHON = re.compile(
    r"requires? a different python|does not satisfy Python|requires Python|depends on Python", re.IGNORECASE
)


def install_failed(what: str, command: str, python: Python, output: Sequence[str], code: int) -> BuildError:
    """Return the error for an installation that ended with ``code``; ``command`` is production's, for the reader."""
    text = _end_of(output)
    if _FULL.search(text):
        return disk_full(text)
    hint = f"the command was `{command}`, run with Python {python.version} at {python.path}"
    if _ANOTHER_PYTHON.search(text):
        hint = (
            f"this was Python {python.version}: name the version that you need in the endpoint's image (`python:X.Y`), "
            f"and install that interpreter on this machine"
        )
    return BuildError(f"{what} failed: {_why(output, code)}", detail=text, hint=hint)


def venv_failed(python: Python, missing: str, output: Sequence[str], code: int) -> BuildError:
    """Return the error for a virtual environment that could not be made; ``missing`` modules are the likely reason."""
    text = _end_of(output)
    if _FULL.search(text):
        return disk_full(text)
    if not missing:
        return BuildError(
            f"Python {python.version} at {python.path} cannot make a virtual environment: {_why(output, code)}",
            detail=text,
        )
    other = ", or install uv, which needs none" if python.numbers >= (3, 8) else ""
    return BuildError(
        f"Python {python.version} at {python.path} cannot make a virtual environment: it has no module `{missing}`",
        detail=text,
        hint=f"on Debian and Ubuntu `apt install python{python.minor}-venv`{other}",
    )


def not_written(error: OSError, directory: Path) -> VhlocalError:
    """Return the error for files of our own that could not be written."""
    if is_full(error) or _FULL.search(str(error)):  # what copies many files reports their errors as text
        return disk_full(str(error))
    return refused(error, "environments cannot be stored", directory, BuildError)


def disk_full(evidence: str) -> BuildError:
    """Return the error for a full disk."""
    return BuildError(
        "the disk is full: the environment could not be written",
        detail=evidence,
        hint="free some space: `vhlocal prune` removes what vhlocal made, `pip cache purge` what pip keeps",
    )


def _why(output: Sequence[str], code: int) -> str:
    """Return the last error that was printed; uv prints its cause on the lines that follow."""
    starts = [at for at, line in enumerate(output) if line.lower().lstrip().startswith("error")]
    if not starts:
        return f"exit code {code}"
    first, *following = (line.strip() for line in output[starts[-1] :])
    cause = [line.removeprefix("cause:").strip() for line in following[:1] if line.startswith("cause:")]
    return ": ".join([first, *cause])


def _end_of(output: Sequence[str]) -> str:
    return "\n".join(output[-_KEPT:])

"""The one place that runs git: what it knows of the user's directory."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from vhlocal.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path


def is_repository(directory: Path) -> bool:
    """Tell whether ``directory`` is itself a working tree: inside of one is not enough, as for the platform."""
    return (directory / ".git").exists()


def run_git(directory: Path, *arguments: str, feed: bytes = b"", codes: tuple[int, ...] = (0,)) -> bytes:
    """Return what ``git`` prints when run in ``directory`` and fed with ``feed``, taking no locks.

    InputError when git is absent, or ends with none of the exit ``codes``.
    """
    command = ["git", "--no-optional-locks", "-C", str(directory), *arguments]
    try:
        result = subprocess.run(command, input=feed, capture_output=True, check=False)
    except OSError as error:
        raise InputError(
            f"{directory} is a git repository, but git cannot be run: {error.strerror}", hint="install git"
        ) from error
    if result.returncode not in codes:
        text = result.stderr.decode(errors="replace").strip()
        raise InputError(f"`git {arguments[0]}` failed in {directory}", detail=text or None)
    return result.stdout


def ask_git(directory: Path, *arguments: str) -> str:
    """Return what ``git`` prints, stripped; empty where ``directory`` is no repository or git has no answer."""
    if not is_repository(directory):
        return ""
    try:
        return run_git(directory, *arguments).decode(errors="replace").strip()
    except InputError:
        return ""

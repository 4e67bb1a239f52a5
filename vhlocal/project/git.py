"""The one place that runs git: what it knows of the user's directory."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

from vhlocal.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


#: What a repository's own configuration may have git run on the way: none of it is needed to answer.
_RUN_NOTHING = (
    *("-c", "core.fsmonitor=false"),
    *("-c", f"core.hooksPath={os.devnull}"),
    *("-c", "log.showSignature=false"),
    # A partial clone fetches what it lacks as soon as it is asked for, by the programs of `remote.*.uploadpack`.
    *("-c", "protocol.allow=never"),
    *(
        word
        for name in ("ext", "file", "git", "http", "https", "ssh")
        for word in ("-c", f"protocol.{name}.allow=never")
    ),
)


def is_repository(directory: Path) -> bool:
    """Tell whether ``directory`` is itself a working tree: inside of one is not enough, as for the platform."""
    return (directory / ".git").exists()


def run_git(
    directory: Path, *arguments: str, feed: bytes = b"", codes: tuple[int, ...] = (0,), options: Sequence[str] = ()
) -> bytes:
    """Return what ``git`` prints when run in ``directory`` and fed with ``feed``, taking no locks.

    ``options`` are git's own, before the command's name. No program runs that the repository names.

    InputError when git is absent, or ends with none of the exit ``codes``.
    """
    command = ["git", "--no-optional-locks", *_RUN_NOTHING, *options, "-C", str(directory), *arguments]
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


def ask_git(directory: Path, *arguments: str, options: Sequence[str] = ()) -> str:
    """Return what ``git`` prints, stripped; empty where ``directory`` is no repository or git has no answer."""
    if not is_repository(directory):
        return ""
    try:
        return run_git(directory, *arguments, options=options).decode(errors="replace").strip()
    except InputError:
        return ""


def differs_from_commit(directory: Path) -> bool:
    """Tell whether a working tree, untracked files included, is not what was committed last.

    To compare, git runs the programs that filter a file's content (LFS is one). Those of the user's own configuration
    may; those that the repository's names are left out.
    """
    named = ask_git(directory, "config", "--local", "--includes", "--name-only", "--get-regexp", r"^filter\.")
    off = [f"{name}={'false' if name.endswith('.required') else ''}" for name in named.splitlines()]
    options = [word for setting in off for word in ("-c", setting)]
    return ask_git(directory, "status", "--porcelain", "--ignore-submodules=dirty", options=options) != ""

"""The one place that runs git: what it knows of the user's directory."""

from __future__ import annotations

import contextlib
import os
import subprocess
from typing import TYPE_CHECKING, BinaryIO

from vhlocal.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
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


_CHUNK = 1024 * 1024

#: Variables that lead git to another repository than the directory's own, as they are set where a hook runs.
_LEADING = frozenset(
    {
        "GIT_ALTERNATE_OBJECT_DIRECTORIES",
        "GIT_COMMON_DIR",
        "GIT_DIR",
        "GIT_GRAFT_FILE",
        "GIT_INDEX_FILE",
        "GIT_NAMESPACE",
        "GIT_OBJECT_DIRECTORY",
        "GIT_PREFIX",
        "GIT_SHALLOW_FILE",
        "GIT_WORK_TREE",
    }
)


def is_repository(directory: Path) -> bool:
    """Tell whether ``directory`` is itself a working tree: inside of one is not enough, as for the platform."""
    return (directory / ".git").exists()


def run_git(
    directory: Path,
    *arguments: str,
    feed: bytes = b"",
    codes: tuple[int, ...] = (0,),
    options: Sequence[str] = (),
    environ: Mapping[str, str] | None = None,
) -> bytes:
    """Return what ``git`` prints when run in ``directory`` and fed with ``feed``, taking no locks.

    ``options`` are git's own, before the command's name; ``environ`` is the process's unless given. No program runs
    that the repository names.

    InputError when git is absent, or ends with none of the exit ``codes``.
    """
    command = _command(directory, *options, arguments=arguments)
    with _git_is_there(directory):
        result = subprocess.run(command, input=feed, capture_output=True, check=False, env=environ)
    if result.returncode not in codes:
        text = result.stderr.decode(errors="replace").strip()
        raise InputError(f"`git {arguments[0]}` failed in {directory}", detail=text or None)
    return result.stdout


def apart(environ: Mapping[str, str]) -> dict[str, str]:
    """Return an environment in which git looks at a directory's own objects, as they are, and at nothing else.

    It fetches nothing (a partial clone would, by programs that the repository names), takes no object for another, and
    speaks English.
    """
    kept = {name: value for name, value in environ.items() if name not in _LEADING}
    return {
        **kept,
        "GIT_ALLOW_PROTOCOL": "",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "LC_ALL": "C",
    }


@contextlib.contextmanager
def reading_blobs(directory: Path, environ: Mapping[str, str]) -> Iterator[Callable[[str, BinaryIO], bool]]:
    """Yield what writes a blob's bytes, as they were committed, to a file; it returns False where there is no such.

    No filter, conversion or attribute of the repository has a part in it. InputError when git is absent.
    """
    command = _command(directory, arguments=("cat-file", "--batch"))
    with _git_is_there(directory):
        git = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environ
        )
    assert git.stdin is not None
    assert git.stdout is not None
    asked, answered = git.stdin, git.stdout

    def write(identifier: str, file: BinaryIO) -> bool:
        try:
            asked.write(f"{identifier}\n".encode())
            asked.flush()
        except OSError:  # it has ended
            return False
        head = answered.readline().split()
        if len(head) != 3 or head[1] != b"blob":
            return False
        left = int(head[2])
        while left and (chunk := answered.read(min(left, _CHUNK))):
            left -= file.write(chunk)
        return not left and answered.read(1) == b"\n"

    try:
        yield write
    finally:
        git.kill()
        for pipe in (asked, answered):
            with contextlib.suppress(OSError):
                pipe.close()
        git.wait()


def _command(directory: Path, *options: str, arguments: Sequence[str]) -> list[str]:
    return ["git", "--no-optional-locks", *_RUN_NOTHING, *options, "-C", str(directory), *arguments]


@contextlib.contextmanager
def _git_is_there(directory: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InputError(
            f"{directory} is a git repository, but git cannot be run: {error.strerror}", hint="install git"
        ) from error


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

    What git cannot answer counts as different. To compare, git runs the programs that filter a file's content (LFS is
    one). Those of the user's own configuration may; those that the repository's names are left out.
    """
    if not is_repository(directory):
        return False
    try:
        off = [f"{name}={'false' if name.endswith('.required') else ''}" for name in _own_filters(directory)]
        options = [word for setting in off for word in ("-c", setting)]
        asked = ("status", "--porcelain", "--ignore-submodules=dirty")
        return run_git(directory, *asked, options=options) != b""
    except InputError:
        return True


def _own_filters(directory: Path) -> list[str]:
    """Return the names of all settings of filters in the repository's own configuration and in its working tree's.

    InputError for a name that no option could switch off: git reads ``-c a=b.clean=`` as a setting ``a``.
    """
    names: set[str] = set()
    # Without `extensions.worktreeConfig` the second is the first, or is refused where there are several working trees.
    for scope, codes in (("--local", (0, 1)), ("--worktree", (0, 1, 128))):
        asked = ("config", scope, "--includes", "--null", "--name-only", "--get-regexp", r"^filter\.")
        names.update(map(os.fsdecode, run_git(directory, *asked, codes=codes).split(b"\0")))
    names.discard("")
    if any("=" in name for name in names):
        raise InputError(f"a filter in the configuration of {directory} has `=` in its name")
    return sorted(names)

"""Why a file that is in the project's directory is not in the package, and what to do about that (B5)."""

from __future__ import annotations

import posixpath
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from vhlocal.errors import InputError
from vhlocal.project.packaged_paths import packaged_paths
from vhlocal.project.reading import ReadPackage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vhlocal.model import Package


class Why(NamedTuple):
    """Why it is not packaged, and the change to make."""

    reason: str
    change: str


def why_unpackaged(path: str, package: Package) -> Why:
    """Return why the file at a posix path in the project's directory is not in a package of that.

    An ad hoc package has regular files, and links to them as they are: what is reached through a link to a directory
    is left out, as names at the top that begin with a dot are. A commit has the link, and nothing outside of it.
    """
    directory = package.directory
    for above in _directories_of(path):
        if (directory / above).is_symlink():
            return Why(
                f"`{above}` is a link to a directory, which an ad hoc package leaves out",
                f"replace the link `{above}` with the directory itself",
            )
        if (directory / above / ".git").exists():
            return Why(f"`{above}` is a git repository of its own", f"make `{above}` a submodule, or part of this one")
    if path.startswith("."):
        return Why(
            "an ad hoc package leaves out top-level names that begin with a dot", "give it a name without the dot"
        )
    if (directory / path).is_symlink():
        return Why("it is a link to a file outside the project", "replace the link with the file itself")
    return _unlisted(path, package) or Why("it is ignored by git or .vhignore", "stop ignoring it")


def _unlisted(path: str, package: Package) -> Why | None:
    """Return why a package lacks a file that nobody ignores; None where somebody does, or nobody knows."""
    if not isinstance(package, ReadPackage):
        return None
    if path in package.left_out:
        return Why("this run writes it, so it is not packaged", "write it outside the project")
    with suppress(InputError):
        if path not in packaged_paths(package.directory):
            return None
        if not package.include_untracked and path not in packaged_paths(package.directory, include_untracked=False):
            return Why("git does not track it, and `include-untracked` is false", f"track it: `git add {path}`")
        return Why("it was created after the project was read", "save it again")
    return None


def _directories_of(path: str) -> Iterator[str]:
    parts = posixpath.dirname(path).split("/")
    yield from ("/".join(parts[:length]) for length in range(1, len(parts) + 1) if parts[0])

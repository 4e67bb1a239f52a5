"""Why a file that is in the project's directory is not in the package, and what to do about that (B5)."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Why(NamedTuple):
    """Why it is not packaged, and the change to make."""

    reason: str
    change: str


def why_unpackaged(path: str, directory: Path) -> Why:
    """Return why the file at a posix path in the project's directory is in no package.

    An ad hoc package has regular files, and links to them as they are: what is reached through a link to a directory
    is left out, as names at the top that begin with a dot are. A commit has the link, and nothing outside of it.
    """
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
        return Why("it is a link to a file outside the project", "put the file itself in the place of the link")
    return Why("it is ignored by git or .vhignore", "stop ignoring it")


def _directories_of(path: str) -> Iterator[str]:
    parts = posixpath.dirname(path).split("/")
    yield from ("/".join(parts[:length]) for length in range(1, len(parts) + 1) if parts[0])

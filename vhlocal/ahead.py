"""Begins a start's first server before anything else is done: see ``runtime/process/begun``."""

from __future__ import annotations

import contextlib
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from vhlocal.project.naming import version_name
from vhlocal.runtime.process import begun
from vhlocal.session.record import ProjectState, new_run

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


@contextlib.contextmanager
def ahead(words: Sequence[str]) -> Iterator[None]:
    """Have the first server begun of a ``vhlocal up`` that is called by these ``words``, if one was called so before.

    What nobody has claimed by the block's end is ended.
    """
    made = begun.recall(_typed(words))
    try:
        if made is not None:
            begun.begin(made, new_run(), _version(made, words))
        yield
    finally:
        begun.drop()


def _typed(words: Sequence[str]) -> list[str]:
    """Return what a start is known by: the port of a run is no matter of its servers."""
    found = list(words)
    while "--port" in found[:-1]:
        at = found.index("--port")
        del found[at : at + 2]
    return [word for word in found if not word.startswith("--port=")]


def _version(made: begun.Made, words: Sequence[str]) -> str:
    """Return the name that the version is likely to have."""
    if any(word.startswith("--version-name") for word in words):
        return made.version
    today = datetime.now().astimezone().date()
    taken = ProjectState(Path(made.furnishing.project)).versions(f"{today:%Y%m%d}")
    return version_name(today, taken) if made.version.partition(".")[0].isdigit() else made.version

"""Begins a start's first server before anything else is done: see ``runtime/starts``."""

from __future__ import annotations

import contextlib
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from vhlocal.project.naming import version_name
from vhlocal.runtime import starts
from vhlocal.session.record import ProjectState, new_run
from vhlocal.signals import ended_as_by_an_interrupt

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

#: Who begins a server ahead, by its runtime; neither is imported for the other's.
_BEGINNERS = {"process": "vhlocal.runtime.process.begun", "docker": "vhlocal.runtime.docker.begun"}


@contextlib.contextmanager
def ahead(words: Sequence[str]) -> Iterator[None]:
    """Have the first server begun of a ``vhlocal up`` that is called by these ``words``, if one was called so before.

    What nobody has claimed by the block's end is ended.
    """
    known = starts.recall(_typed(words))
    # Until the session hears signals, they would end this process and leave what it has begun.
    with contextlib.nullcontext() if known is None else ended_as_by_an_interrupt():
        try:
            if known is not None and known[0] in _BEGINNERS:
                begun = import_module(_BEGINNERS[known[0]])
                made = begun.read(known[1])
                state = None if made is None else ProjectState(Path(made.project))
                if state is not None and state.running() is None:
                    begun.begin(made, new_run(), _version(made.version, state, words))
            yield
        finally:
            starts.drop()


def _typed(words: Sequence[str]) -> list[str]:
    """Return what a start is known by: the port of a run is no matter of its servers."""
    found = list(words)
    while "--port" in found[:-1]:
        at = found.index("--port")
        del found[at : at + 2]
    return [word for word in found if not word.startswith("--port=")]


def _version(last: str, state: ProjectState, words: Sequence[str]) -> str:
    """Return the name that the version is likely to have."""
    if any(word.startswith("--version-name") for word in words) or not last.partition(".")[0].isdigit():
        return last
    today = datetime.now().astimezone().date()
    return version_name(today, state.versions(f"{today:%Y%m%d}"))

"""The event loop that a run lives in."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from vhlocal.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Coroutine


def run(work: Coroutine[None, None, None]) -> None:
    """Run a session's coroutine on the quickest event loop there is; EngineError on Windows."""
    if sys.platform == "win32":
        work.close()
        raise EngineError(
            "vhlocal runs endpoints on Linux and macOS, not on Windows",
            hint="use it in WSL 2; `vhlocal check` and `vhlocal explain` work on Windows too",
        )
    import uvloop  # noqa: PLC0415 - not there on Windows

    uvloop.run(work)

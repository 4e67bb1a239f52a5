"""The event loop that a run lives in."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from vhlocal.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Coroutine

#: Seconds after which a thread that computes lets the loop go on. By Python's own, 5 ms, each callback of a request
#: waits that long while pages, the API or a check compute.
_SWITCH_SECONDS = 0.0005


def run(work: Coroutine[None, None, None]) -> None:
    """Run a session's coroutine on the quickest event loop there is; EngineError on Windows.

    Other threads of the process hold it up for half a millisecond at a time.
    """
    if sys.platform == "win32":
        work.close()
        raise EngineError(
            "vhlocal runs endpoints on Linux and macOS, not on Windows",
            hint="use it in WSL 2; `vhlocal check` and `vhlocal explain` work on Windows too",
        )
    import uvloop  # noqa: PLC0415 - not there on Windows

    usual = sys.getswitchinterval()
    sys.setswitchinterval(_SWITCH_SECONDS)
    try:
        uvloop.run(work)
    finally:
        sys.setswitchinterval(usual)

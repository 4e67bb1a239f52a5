"""How many pools the C library takes memory from: threads that come and go are to leave little behind."""

from __future__ import annotations

import contextlib
import ctypes
import sys

#: GNU's C library: the option's number, and its value here. One more than one, so that a long call is in nobody's way.
_ARENA_MAX, _POOLS = -8, 2


def share_pools() -> None:
    """Have all threads take memory from two pools. To be called before there are many threads.

    It would give each a pool of its own, up to eight for each core, and what threads took and gave back stays with
    theirs: a run that starts one for each call to its engine keeps growing by that. Nothing is done where the C library
    is another one.
    """
    if sys.platform == "linux":
        with contextlib.suppress(AttributeError):
            ctypes.CDLL(None).mallopt(_ARENA_MAX, _POOLS)

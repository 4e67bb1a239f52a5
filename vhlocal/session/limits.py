"""Times that servers get, and the memory of this machine."""

from __future__ import annotations

import os

from vhlocal.contract.limits import READ_TIMEOUT

#: Seconds that a server gets to end by itself: Kubernetes' default.
GRACE = 30.0

#: Seconds within which whoever has been replaced is gone: what a request may take (K9), the end, and some for both.
RETIREMENT = READ_TIMEOUT + GRACE + 10.0

#: Seconds that new code gets to answer, or this many times what the slowest start so far took, if that is more.
RELOAD_LIMIT = 30.0
RELOAD_FACTOR = 3.0


def machine_memory() -> int | None:
    """Return how many bytes of memory this machine has; None where that cannot be asked."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return None

"""Times that servers get."""

from __future__ import annotations

from vhlocal.contract.limits import READ_TIMEOUT

#: Seconds that a server gets to end by itself: Kubernetes' default.
GRACE = 30.0

#: Seconds within which whoever has been replaced is gone: what a request may take (K9), the end, and some for both.
RETIREMENT = READ_TIMEOUT + GRACE + 10.0

#: Seconds that new code gets to answer, or this many times what the slowest start so far took, if that is more.
RELOAD_LIMIT = 30.0
RELOAD_FACTOR = 3.0

"""How many files and sockets this process may have open, and how many clients that is enough for."""

from __future__ import annotations

import sys

#: What macOS allows whatever its hard limit says (OPEN_MAX).
_MACOS = 10_240

#: Clients that one machine's own users and tests can be thought to have at once.
_CLIENTS = 4096

#: Kept for all else: the engine, logs, watched files.
_OTHERS = 128


def raise_limit() -> int:
    """Raise the limit of open files to the highest that this user may have, and return it."""
    if sys.platform == "win32":
        # Sockets are not counted there.
        return 2 * _CLIENTS + _OTHERS
    import resource  # noqa: PLC0415 - not there on Windows

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = max(soft, min(hard, _MACOS)) if sys.platform == "darwin" else hard
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    except (OSError, ValueError):
        return soft
    return wanted


def clients_within(files: int) -> int:
    """Return how many clients may be connected at one time: each may need a connection to a server as well."""
    if files < 0:  # without a limit
        return _CLIENTS
    return max(1, min(_CLIENTS, (files - _OTHERS) // 2))

"""Ports of this machine's loopback for a server and its runner."""

from __future__ import annotations

import re
import socket
from contextlib import ExitStack
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

LOOPBACK = "127.0.0.1"


def own_port(command: Sequence[str], declared: int) -> int | None:
    """Return the declared port where the command itself names it and it is free, else None: any other will do then."""
    names_it = re.search(rf"(?<![\d.]){declared}(?![\d.])", " ".join(command))
    return declared if names_it and _is_free(declared) else None


def free_ports(count: int) -> tuple[int, ...]:
    """Return so many different ports that nobody listens on."""
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind((LOOPBACK, 0))
        return tuple(int(each.getsockname()[1]) for each in sockets)


def _is_free(port: int) -> bool:
    for host in (LOOPBACK, "0.0.0.0"):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError:
                return False
    return True

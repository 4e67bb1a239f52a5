"""Ports of this machine's loopback for a server and its runner."""

from __future__ import annotations

import random
import re
import socket
from typing import TYPE_CHECKING

from vhlocal.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Sequence

LOOPBACK = "127.0.0.1"

#: Above what is usual for services, and below what Linux, macOS and Windows take for connections.
_FIRST, _LAST = 20_000, 32_767
_TRIES = 200


def own_port(command: Sequence[str], declared: int) -> int | None:
    """Return the declared port where the command itself names it and it is free, else None: any other will do then."""
    names_it = re.search(rf"(?<![\d.]){declared}(?![\d.])", " ".join(command))
    return declared if names_it and _is_free(declared) else None


def free_ports(count: int) -> tuple[int, ...]:
    """Return so many different ports that nobody listens on; EngineError where there are none.

    None is of the range that the system itself takes ports from: a spare one is to be free still at a later reload.
    """
    found: list[int] = []
    for port in random.sample(range(_FIRST, _LAST + 1), _TRIES):
        if _is_free(port):
            found.append(port)
        if len(found) == count:
            return tuple(found)
    raise EngineError(f"there are no {count} free ports on {LOOPBACK}", hint="see what listens there: `ss -lnt`")


def _is_free(port: int) -> bool:
    for host in (LOOPBACK, "0.0.0.0"):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError:
                return False
    return True

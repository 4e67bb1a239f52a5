"""Ports of this machine's loopback for a server and its runner."""

from __future__ import annotations

import random
import re
import socket
from typing import TYPE_CHECKING

from vhlocal.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

LOOPBACK = "127.0.0.1"

#: Above what is usual for services, and below what Linux, macOS and Windows take for connections.
_RANGE = range(20_000, 32_768)
_TRIES = 200

#: What claims each port that this process has been given: see ``free_ports``.
_claims: dict[int, socket.socket] = {}


def own_port(command: Sequence[str], declared: int) -> int | None:
    """Return the declared port where the command itself names it and it is free, else None: any other will do then.

    As those of ``free_ports``, it is this process's until ``give_back``.
    """
    names_it = re.search(rf"(?<![\d.]){declared}(?![\d.])", " ".join(command))
    return declared if names_it and _claim(declared, reused=True) else None


def free_ports(count: int, among: Sequence[int] = _RANGE) -> tuple[int, ...]:
    """Return so many different ports that nobody listens on; EngineError where there are none.

    They are this process's until ``give_back``, also while nobody listens on them: no run on this machine is given one
    of them too. None is of the range that the system itself takes ports from: a spare one is to be free still at a
    later reload. Nor has any of them connections left to wait out their time: not every server sets ``SO_REUSEADDR``.
    """
    found: list[int] = []
    for port in random.sample(among, min(_TRIES, len(among))):
        if _claim(port, reused=False):
            found.append(port)
        if len(found) == count:
            return tuple(found)
    give_back(found)
    raise EngineError(f"there are no {count} free ports on {LOOPBACK}", hint="see what listens there: `ss -lnt`")


def give_back(ports: Iterable[int]) -> None:
    """Let others have these ports; those that were never claimed are left alone."""
    for port in ports:
        claim = _claims.pop(port, None)
        if claim is not None:
            claim.close()


def _claim(port: int, *, reused: bool) -> bool:
    """Take a port unless somebody has it, or had it a moment ago where ``reused`` is false; tell whether it is ours.

    The claim is the UDP port of the same number: the system gives it to one process, whichever user's, and takes it
    back however that process ends. A lock file would need a directory that all users share.
    """
    claim = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        claim.bind((LOOPBACK, port))
    except OSError:
        claim.close()
        return False
    if not _is_free(port, reused):
        claim.close()
        return False
    _claims[port] = claim
    return True


def _is_free(port: int, reused: bool) -> bool:
    for host in (LOOPBACK, "0.0.0.0"):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, int(reused))
            try:
                probe.bind((host, port))
            except OSError:
                return False
    return True

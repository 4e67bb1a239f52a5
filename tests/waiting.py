"""Waiting for something outside of this process, with a deadline and a name for what was waited for."""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING, TypeVar

from vhlocal.runtime.process.ports import free_ports, give_back

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

#: Between two looks: a look at a run costs four milliseconds of CPU, so what takes long is looked at less often.
POLL_SECONDS, LONGEST_POLL = 0.05, 0.25

#: How long what takes a moment may take on a machine that is short of time.
LONG = 120.0

_taken: list[int] = []


def wait_for(look: Callable[..., T], what: str, seconds: float = LONG) -> T:
    """Call ``look`` until it returns something true, and return that; AssertionError after ``seconds``."""
    began = time.monotonic()
    while not (found := look()):
        waited = time.monotonic() - began
        assert waited < seconds, f"waited {seconds:g} s in vain for {what}"
        time.sleep(min(max(POLL_SECONDS, waited / 10), LONGEST_POLL))
    return found


def free_port() -> int:
    """Return a TCP port of 127.0.0.1 that nothing listens on, and that nobody is given before the test's end."""
    _taken.extend(free_ports(1))
    return _taken[-1]


def give_ports_back() -> None:
    """Let others have the ports that ``free_port`` has returned."""
    give_back(_taken)
    _taken.clear()


def accepts(port: int) -> bool:
    """Tell whether something listens on this port of 127.0.0.1."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0

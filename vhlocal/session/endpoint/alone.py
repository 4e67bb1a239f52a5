"""What a server was refused since another one of its endpoint has it."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from vhlocal.session.warm.forks import AloneError
from vhlocal.session.warm.held import Held, ports_in_use
from vhlocal.session.warm.runner_client import RunnerGoneError

if TYPE_CHECKING:
    from vhlocal.session.endpoint.server import Server
    from vhlocal.session.warm.forks import Fork


async def check_alone(new: Server, old: Server, fork: Fork | None = None, *, said: str = "") -> None:
    """Raise AloneError where ``new``, or a ``fork`` in it, was refused something that ``old``, which serves, has.

    A server that has ended has reported what for; one that has answered, or not in time, may live on without. One that
    is not Python has at most ``said`` that a port is in use, as it ended.
    """
    held = await refused(new, old, fork, said=said)
    if held is not None:
        old.exclusive = held
        raise AloneError(held)


async def refused(
    new: Server, old: Server, fork: Fork | None = None, older: Fork | None = None, *, said: str = ""
) -> Held | None:
    """Return what ``new``, or a ``fork`` in it, was refused since ``old`` has it, or the server ``older`` in that."""
    forks, theirs = await new.reach_runner(), await old.reach_runner()
    if forks is None or theirs is None:
        ports = ports_in_use(said) if new.shares_network else []
        taken = await old.ports() & set(ports) if ports else set()
        return Held("tcp", f":{min(taken)}", None, own=False, outlives=False) if taken else None
    for event in await forks.refused(fork or forks.serving, gone=not new.running):
        held = new.read_held(event)
        if held.to_be_had(elsewhere=old is not new):
            with contextlib.suppress(RunnerGoneError):
                if await theirs.holds(event["kind"], event["name"], event["inode"], fork=older):
                    return held
    return None

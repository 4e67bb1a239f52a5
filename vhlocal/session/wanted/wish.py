"""What a save asks of one endpoint, and which part of it can be done before its environment is made."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from vhlocal.session.phases import Phases
from vhlocal.session.wanted.desired import difference
from vhlocal.values import dataclass

if TYPE_CHECKING:
    from vhlocal.session.wanted.desired import Desired


@dataclass(eq=False)
class Wish:
    """What an endpoint's server is to be from a save on.

    ``made`` is done once the environment for it is there; its exception says why it could not be made. ``early``:
    the code does not wait for that, since the same environment was asked for already when the code was saved.
    ``afresh`` asks for a new server although nothing differs.
    """

    desired: Desired
    phases: Phases
    made: asyncio.Future[None]
    early: bool = False
    afresh: bool = False


def afresh(desired: Desired, pending: Wish | None) -> Wish:
    """Return the wish for a new server of what was asked for last; to be made in the run's loop.

    ``pending`` is the wish that it takes the place of: an environment that is being made for that is waited for.
    """
    made: asyncio.Future[None] = asyncio.get_running_loop().create_future() if pending is None else pending.made
    if pending is None:
        made.set_result(None)
    return Wish(desired, Phases(time.monotonic()), made, afresh=True)


def in_environment_of(running: Desired, wanted: Desired) -> Desired | None:
    """Return ``wanted`` in the environment of the server that runs; None where that does not bring in code alone."""
    meanwhile = replace(
        wanted, environment=running.environment, spec=replace(wanted.spec, image=running.environment.image)
    )
    differs = difference(running, meanwhile)
    return meanwhile if differs.code and not differs.settings else None

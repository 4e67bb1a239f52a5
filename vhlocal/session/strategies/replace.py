"""A second container is made ready, takes over, and the first one goes."""

from __future__ import annotations

import contextlib
from functools import partial
from typing import TYPE_CHECKING

from vhlocal.errors import EngineError, ServerError
from vhlocal.session.limits import GRACE, RETIREMENT
from vhlocal.session.ready import EndedError

if TYPE_CHECKING:
    from vhlocal.session.desired import Desired
    from vhlocal.session.phases import Phases
    from vhlocal.session.probe import Answered
    from vhlocal.session.server import Server
    from vhlocal.session.strategies.site import Site


async def bring(site: Site, wanted: Desired, phases: Phases) -> None:
    """Bring up a server with the new code and lead requests to it; requests wait where the old one has ended.

    AloneError where it is refused what the old one has.
    """
    old = site.server
    if old is not None and not old.running:
        site.hold()
    new = site.make(wanted)
    try:
        answered = await _answered(site, new, wanted)
    except BaseException:
        site.discard(new)
        raise
    phases.mark("ready")
    site.take_over(new, wanted, answered)
    if old is not None and old.address is not None:
        site.retire(old.address, partial(_end, site, old))


async def _answered(site: Site, new: Server, wanted: Desired) -> Answered:
    old = site.server
    try:
        answered = await site.bring_up(new, wanted)
    except (ServerError, EndedError) as error:
        if old is not None and old.running:
            await new.check_alone(old, said=error.evidence if isinstance(error, EndedError) else "")
        raise
    if old is not None and old.running:
        try:
            await new.check_alone(old)
        except BaseException:
            answered.hang_up()
            raise
    return answered


async def _end(site: Site, server: Server) -> None:
    # Still older ones in it may have requests to answer: each gets the time that this one had.
    await server.emptied(RETIREMENT)
    with contextlib.suppress(EngineError):
        await server.stop(GRACE)
    site.discard(server)

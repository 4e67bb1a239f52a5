"""A second container is made ready, takes over, and the first one goes."""

from __future__ import annotations

import asyncio
import contextlib
from functools import partial
from typing import TYPE_CHECKING

from vhlocal.errors import EngineError
from vhlocal.session.limits import GRACE, RETIREMENT

if TYPE_CHECKING:
    from vhlocal.session.desired import Desired
    from vhlocal.session.phases import Phases
    from vhlocal.session.server import Server
    from vhlocal.session.strategies.site import Site


async def bring(site: Site, wanted: Desired, phases: Phases) -> None:
    """Bring up a server with the new code and lead requests to it.

    Requests wait where the old one has ended, and where it has to, since there cannot be two.
    """
    old = site.server
    alone = old is not None and old.running and old.is_alone
    if old is not None and (alone or not old.running):
        site.hold()
    if old is not None and old.address is not None and alone:
        await site.drained(old.address)
        await old.stop(GRACE)
    new = site.make(wanted)
    try:
        answered = await site.bring_up(new, wanted)
    except BaseException as error:
        gone = site.discard(new)
        if old is not None and alone and isinstance(error, Exception):
            await asyncio.wait({gone}, timeout=GRACE)
            site.take_over(old, site.wanted, await site.start_up(old))
        raise
    phases.mark("ready")
    site.take_over(new, wanted, answered)
    if old is not None and alone:
        site.discard(old)
    elif old is not None and old.address is not None:
        site.retire(old.address, partial(_end, site, old))


async def _end(site: Site, server: Server) -> None:
    # Still older ones in it may have requests to answer: each gets the time that this one had.
    await server.emptied(RETIREMENT)
    with contextlib.suppress(EngineError):
        await server.stop(GRACE)
    site.discard(server)

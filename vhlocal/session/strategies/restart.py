"""The old server is ended, and a new one takes over in a container of its own, while requests wait."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from vhlocal.errors import VhlocalError
from vhlocal.reload.staging import SavedAgainError
from vhlocal.session.limits import GRACE
from vhlocal.session.ready import EndedError

if TYPE_CHECKING:
    from vhlocal.session.desired import Desired
    from vhlocal.session.phases import Phases
    from vhlocal.session.server import Server
    from vhlocal.session.strategies.site import Site


async def bring(site: Site, wanted: Desired, phases: Phases) -> None:
    """End the old server, and start one with the new code; where that fails, one with the code as it was.

    Each has a file system of its own, as in production: what an old one has left behind is in nobody's way.
    """
    old = site.server
    assert old is not None and old.address is not None
    new = site.make(wanted)
    await new.keep()
    phases.mark("sync")
    site.hold()
    await site.drained(old.address)
    await old.stop(GRACE)
    phases.mark("stop")
    try:
        answered = await site.bring_up(new, wanted)
    except BaseException as error:
        gone = site.discard(new)
        if isinstance(error, Exception):
            await asyncio.wait({gone}, timeout=GRACE)
            # Where that fails too, it is for the endpoint's keeper to try again: why the new code fails is told first.
            with contextlib.suppress(VhlocalError, EndedError, SavedAgainError):
                await _return_to(site, old)
        raise
    phases.mark("ready")
    site.take_over(new, wanted, answered)
    site.discard(old)


async def _return_to(site: Site, old: Server) -> None:
    """Start the code that ``old`` has served, once more."""
    again = site.make(site.wanted, old)
    try:
        answered = await site.bring_up(again, site.wanted)
    except BaseException:
        site.discard(again)
        raise
    site.take_over(again, site.wanted, answered)
    site.discard(old)

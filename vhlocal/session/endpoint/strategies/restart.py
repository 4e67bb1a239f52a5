"""The old server is ended, and a new one takes over in a container of its own, while requests wait."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from vhlocal.errors import VhlocalError
from vhlocal.reload.staging import SavedAgainError
from vhlocal.session.endpoint.ready import EndedError
from vhlocal.session.limits import GRACE, RETIREMENT

if TYPE_CHECKING:
    from vhlocal.session.endpoint.post import Post
    from vhlocal.session.endpoint.server import Server
    from vhlocal.session.phases import Phases
    from vhlocal.session.wanted.desired import Desired


async def bring(post: Post, wanted: Desired, phases: Phases) -> None:
    """End the old server, and start one with the new code; where that fails, one with the code as it was.

    Each has a file system of its own, as in production: what an old one has left behind is in nobody's way.
    """
    old = post.server
    assert old is not None and old.address is not None
    new = post.make(wanted)
    await new.keep()
    phases.mark("sync")
    post.hold()
    await post.drained(old.address)
    await old.emptied(RETIREMENT)
    await old.stop(GRACE)
    phases.mark("stop")
    try:
        answered = await post.bring_up(new, wanted)
        try:
            await post.agreed()
        except BaseException:
            answered.hang_up()
            raise
    except BaseException as error:
        gone = post.discard(new)
        if isinstance(error, Exception):
            await asyncio.wait({gone}, timeout=GRACE)
            # Where that fails too, the endpoint's keeper tries again: why the new code fails is reported first.
            with contextlib.suppress(VhlocalError, EndedError, SavedAgainError):
                await _return_to(post, old)
        raise
    phases.mark("ready")
    post.take_over(new, wanted, answered)
    post.discard(old)


async def _return_to(post: Post, old: Server) -> None:
    """Start the code that ``old`` has served, once more."""
    again = post.make(post.wanted, old)
    try:
        answered = await post.bring_up(again, post.wanted)
    except BaseException:
        post.discard(again)
        raise
    post.take_over(again, post.wanted, answered)
    post.discard(old)

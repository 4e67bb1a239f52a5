"""A second container is made ready, takes over, and the first one goes."""

from __future__ import annotations

import contextlib
from functools import partial
from typing import TYPE_CHECKING

from vhlocal.errors import EngineError, ServerError
from vhlocal.session.endpoint.alone import check_alone
from vhlocal.session.endpoint.ready import EndedError
from vhlocal.session.limits import GRACE, RETIREMENT

if TYPE_CHECKING:
    from vhlocal.session.endpoint.post import Post
    from vhlocal.session.endpoint.server import Server
    from vhlocal.session.phases import Phases
    from vhlocal.session.probe import Answered
    from vhlocal.session.wanted.desired import Desired


async def bring(post: Post, wanted: Desired, phases: Phases) -> None:
    """Bring up a server with the new code and lead requests to it; requests wait where the old one has ended.

    AloneError where it is refused what the old one has.
    """
    old = post.server
    if old is not None and not old.running:
        post.hold()
    new = post.make(wanted)
    try:
        answered = await _answered(post, new, wanted)
    except BaseException:
        post.discard(new)
        raise
    phases.mark("ready")
    post.take_over(new, wanted, answered)
    if old is not None and old.address is not None:
        post.retire(old.address, partial(_end, post, old, new))


async def _answered(post: Post, new: Server, wanted: Desired) -> Answered:
    old = post.server
    try:
        answered = await post.bring_up(new, wanted)
    except (ServerError, EndedError) as error:
        if old is not None and old.running:
            await check_alone(new, old, said=error.evidence if isinstance(error, EndedError) else "")
        raise
    try:
        if old is not None and old.running:
            await check_alone(new, old)
        await post.agreed()
    except BaseException:
        answered.hang_up()
        raise
    return answered


async def _end(post: Post, server: Server, new: Server) -> None:
    # Still older ones in it may have requests to answer: each gets the time that this one had.
    await server.emptied(RETIREMENT)
    async with post.made_up_for(new, server):
        with contextlib.suppress(EngineError):
            await server.stop(GRACE)
        post.discard(server)

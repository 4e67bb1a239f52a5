"""A fork of the warm master becomes the new server, beside the old one in the same container."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from vhlocal.session.limits import GRACE

if TYPE_CHECKING:
    from vhlocal.session.endpoint.post import Post
    from vhlocal.session.endpoint.server import Server
    from vhlocal.session.phases import Phases
    from vhlocal.session.probe import Answered
    from vhlocal.session.wanted.desired import Desired
    from vhlocal.session.warm.forks import Fork, Forks


async def bring(post: Post, wanted: Desired, phases: Phases) -> None:
    """Write the changed files, fork, and lead requests to the new server once it answers.

    Where it does not, the files are put back, for the old server reads them as well.
    """
    server = post.server
    assert server is not None and server.forks is not None
    forks, old = server.forks, server.forks.serving
    try:
        await server.write(wanted.spec.entries)
        phases.mark("sync")
        fork = await forks.begin()
        try:
            answered = await _answered(post, server, fork)
        except BaseException:
            forks.give_up(fork)
            raise
    except Exception:
        await server.write_back(post.wanted.spec.entries)
        raise
    phases.mark("signal", fork.forked)
    if fork.loaded is not None:
        phases.mark("import", fork.loaded)
    phases.mark("ready")
    # Nothing is awaited from here on: a newer save finds it served by the old one or by the new one, never by half.
    server.address = fork.address
    post.take_over(server, wanted, answered)
    post.retire(old.address, partial(_end, post, server, forks, fork, old))


async def _end(post: Post, server: Server, forks: Forks, fork: Fork, old: Fork) -> None:
    async with post.made_up_for(server, server, fork, old):
        await forks.stop(old, GRACE)


async def _answered(post: Post, server: Server, fork: Fork) -> Answered:
    """Return the first answer of a server for which the container lives from then on, if other replicas' have come."""
    while True:
        answered = await server.fork_until_ready(fork, post.limit, post.trouble)
        try:
            await post.agreed()
            if await server.live_for(fork):
                return answered
        except BaseException:
            answered.hang_up()
            raise
        answered.hang_up()

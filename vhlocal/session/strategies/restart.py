"""The server is ended and started again in its own container, while requests wait."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vhlocal.session.limits import GRACE

if TYPE_CHECKING:
    from vhlocal.session.desired import Desired
    from vhlocal.session.phases import Phases
    from vhlocal.session.strategies.site import Site


async def bring(site: Site, wanted: Desired, phases: Phases) -> None:
    """Write the changed files and start the server anew; where that fails, once more with the files as they were."""
    server = site.server
    assert server is not None and server.address is not None
    await server.write(wanted.spec.entries)
    phases.mark("sync")
    site.hold()
    await site.drained(server.address)
    await server.stop(GRACE)
    phases.mark("stop")
    try:
        answered = await site.start_up(server)
    except Exception:
        await server.stop(0)
        await server.write_back(site.wanted.spec.entries)
        site.take_over(server, site.wanted, await site.start_up(server))
        raise
    phases.mark("ready")
    site.take_over(server, wanted, answered)

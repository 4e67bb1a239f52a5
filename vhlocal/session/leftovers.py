"""What runs have made: taking it away, and reporting what could not be taken away."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vhlocal.errors import EngineError, VhlocalError
from vhlocal.session.record import goes_on
from vhlocal.session.tasks import in_thread, together, within

if TYPE_CHECKING:
    from vhlocal.runtime.base import PresentServer, Runtime


async def find_leftovers(runtime: Runtime, directory: str) -> list[PresentServer]:
    """Return the project's servers, and containers of builds, whose run does not go on any more."""
    return [server for server in await in_thread(runtime.servers, directory) if not goes_on(server.run)]


async def remove_servers(
    runtime: Runtime, directory: str, run: str, seconds: float | None = None
) -> VhlocalError | None:
    """Remove all servers of a run, and return why some are left, or None.

    The engine gets ``seconds`` for it, or as long as it takes. What is left is found by the next command.
    """
    left: dict[str, str] | None = None

    async def remove(server: PresentServer) -> None:
        await in_thread(runtime.remove, server.id)
        assert left is not None
        del left[server.id]

    async def remove_all() -> None:
        nonlocal left
        own = [server for server in await in_thread(runtime.servers, directory) if server.run == run]
        left = {server.id: server.endpoint or "a build" for server in own}
        await together(*map(remove, own))

    why = f"removing it took longer than {seconds:g} s" if seconds else ""
    try:
        if await within(remove_all(), seconds):
            return None
    except VhlocalError as error:
        why = error.message
    names = "this run" if left is None else ", ".join(sorted(set(left.values())))
    return EngineError(
        f"the {runtime.noun} of {names} may still be there: {why}",
        hint="`vhlocal down` removes it, as does the next `vhlocal up`",
    )

"""All endpoints of a run, each with its keeper."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from vhlocal.model import State
from vhlocal.session.endpoint.keeper import Keeper

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from vhlocal.errors import VhlocalError
    from vhlocal.model import ServedAt
    from vhlocal.reload.staging import Staging
    from vhlocal.runtime.base import Entry
    from vhlocal.session.endpoint.surroundings import Surroundings
    from vhlocal.session.wanted.desired import Desired
    from vhlocal.session.wanted.wish import Wish


class Fleet:
    """Follows what is wanted: endpoints come, change and go."""

    def __init__(self, surroundings: Surroundings) -> None:
        self._is = surroundings
        self._keepers: dict[ServedAt, Keeper] = {}

    @property
    def staging(self) -> Staging:
        """Where the copies are that servers get their newer files from."""
        return self._is.staging

    def entries(self) -> Iterator[Entry]:
        """Yield what servers are made of, and what was asked for last: the files that one may have to go back to."""
        for keeper in self._keepers.values():
            yield from keeper.entries()

    def enlist(self, wanted: Sequence[Desired]) -> None:
        """Take on the endpoints of the start, which are to be built first."""
        for item in wanted:
            keeper = self._keepers[item.at] = Keeper(self._is, item, item.at, vital=self._is.fail_fast)
            keeper.tell(State.BUILDING)

    async def start(self, without: Mapping[ServedAt, VhlocalError]) -> None:
        """Start every server, and return once each answers, or it is told why it does not.

        ``without`` has why endpoints have no environment. Where the start fails fast, the error of the first server
        that does not come up is raised.
        """
        for at, keeper in self._keepers.items():
            keeper.begin(without.get(at))
        await asyncio.gather(*(keeper.started for keeper in self._keepers.values()))

    def want(self, wishes: Sequence[Wish]) -> None:
        """Ask every endpoint for what is wanted; what fails is told, and keeps what it had."""
        wanted = {wish.desired.at for wish in wishes}
        for at in [at for at in self._keepers if at not in wanted]:
            self._is.tasks.start(self._retire(self._keepers.pop(at), at), f"end {at}")
        for wish in wishes:
            at = wish.desired.at
            if at in self._keepers:
                self._keepers[at].want(wish)
            else:
                keeper = self._keepers[at] = Keeper(self._is, wish.desired, at, vital=False)
                keeper.add(wish)

    def cannot_read(self, error: VhlocalError) -> None:
        """Mark every endpoint as older than what was saved, which could not be read."""
        for keeper in self._keepers.values():
            keeper.cannot_read(error)

    async def stop(self, grace: float) -> None:
        """End every server; the error of the first that could not be ended, once all others have."""
        stopping = (keeper.stop(grace) for keeper in self._keepers.values())
        for ended in await asyncio.gather(*stopping, return_exceptions=True):
            if isinstance(ended, BaseException):
                raise ended

    async def _retire(self, keeper: Keeper, at: ServedAt) -> None:
        self._is.routes.forget(at)
        try:
            await keeper.retire()
        finally:
            if at not in self._keepers:
                self._is.board.forget(at)

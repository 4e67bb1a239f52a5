"""All endpoints of a run, each with its keeper."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from vhlocal.model import State
from vhlocal.session.endpoint.keeper import Keeper

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from vhlocal.errors import VhlocalError
    from vhlocal.reload.staging import Staging
    from vhlocal.runtime.base import Entry
    from vhlocal.session.endpoint.surroundings import Surroundings
    from vhlocal.session.wanted.desired import Desired
    from vhlocal.session.wanted.wish import Wish


class Fleet:
    """Follows what is wanted: endpoints come, change and go."""

    def __init__(self, surroundings: Surroundings) -> None:
        self._is = surroundings
        self._keepers: dict[str, Keeper] = {}

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
            keeper = self._keepers[item.endpoint.name] = Keeper(self._is, item, vital=self._is.fail_fast)
            keeper.tell(State.BUILDING)

    async def start(self, without: Mapping[str, VhlocalError]) -> None:
        """Start every server, and return once each answers, or it is told why it does not.

        ``without`` has why endpoints have no environment. Where the start fails fast, the error of the first server
        that does not come up is raised.
        """
        for name, keeper in self._keepers.items():
            keeper.begin(without.get(name))
        await asyncio.gather(*(keeper.started for keeper in self._keepers.values()))

    def want(self, wishes: Sequence[Wish]) -> None:
        """Ask every endpoint for what is wanted; what fails is told, and keeps what it had."""
        names = {wish.desired.endpoint.name for wish in wishes}
        for name in [name for name in self._keepers if name not in names]:
            self._is.tasks.start(self._retire(self._keepers.pop(name), name), f"end {name}")
        for wish in wishes:
            name = wish.desired.endpoint.name
            if name in self._keepers:
                self._keepers[name].want(wish)
            else:
                keeper = self._keepers[name] = Keeper(self._is, wish.desired, vital=False)
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

    async def _retire(self, keeper: Keeper, name: str) -> None:
        self._is.routes.forget(name)
        try:
            await keeper.retire()
        finally:
            if name not in self._keepers:
                self._is.board.forget(name)

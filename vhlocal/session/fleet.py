"""All endpoints of a run, each with its keeper."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vhlocal.errors import VhlocalError
from vhlocal.events import Problem
from vhlocal.model import State
from vhlocal.session.keeper import Keeper, Surroundings
from vhlocal.session.tasks import together

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vhlocal.session.desired import Desired
    from vhlocal.session.phases import Phases


class Fleet:
    """Follows what is wanted: endpoints come, change and go."""

    def __init__(self, surroundings: Surroundings) -> None:
        self._is = surroundings
        self._keepers: dict[str, Keeper] = {}

    def enlist(self, wanted: Sequence[Desired]) -> None:
        """Take on the endpoints of the start, which are to be built first."""
        for keeper in self._enlist(wanted):
            keeper.tell(State.BUILDING)

    async def start(self) -> None:
        """Start every server; the error of the first that does not come up."""
        await together(*(keeper.start() for keeper in self._keepers.values()))

    async def bring(self, wanted: Sequence[Desired], phases: Phases) -> None:
        """Bring every endpoint to what is wanted, side by side; what fails is told and keeps what it had."""
        new = self._enlist(wanted)
        names = {item.endpoint.name for item in wanted}
        gone = [keeper for name, keeper in self._keepers.items() if name not in names]
        added = {keeper.wanted.endpoint.name for keeper in new}
        await together(
            *(self._retire(keeper) for keeper in gone),
            *(self._start_added(keeper) for keeper in new),
            *(
                self._keepers[item.endpoint.name].bring(item, phases.copy())
                for item in wanted
                if item.endpoint.name not in added
            ),
        )

    async def stop(self, grace: float) -> None:
        """End every server."""
        await together(*(keeper.stop(grace) for keeper in self._keepers.values()))

    def _enlist(self, wanted: Sequence[Desired]) -> list[Keeper]:
        new = [Keeper(self._is, item) for item in wanted if item.endpoint.name not in self._keepers]
        self._keepers |= {keeper.wanted.endpoint.name: keeper for keeper in new}
        return new

    async def _start_added(self, keeper: Keeper) -> None:
        """Start an endpoint that came with an edit; a failure is told, and the next save is the next try."""
        try:
            await keeper.start()
        except VhlocalError as error:
            self._is.bus.publish(Problem(error, keeper.wanted.endpoint.name))

    async def _retire(self, keeper: Keeper) -> None:
        name = keeper.wanted.endpoint.name
        del self._keepers[name]
        self._is.routes.forget(name)
        await keeper.stop()
        self._is.board.forget(name)

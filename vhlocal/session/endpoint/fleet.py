"""All endpoints of one version, each replica with its keeper."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from vhlocal.events import Left
from vhlocal.model import ServedAt, State
from vhlocal.session.endpoint.keeper import Keeper
from vhlocal.session.endpoint.together import Together
from vhlocal.session.tasks import to_their_ends

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from vhlocal.errors import VhlocalError
    from vhlocal.reload.staging import Staging
    from vhlocal.runtime.base import Entry
    from vhlocal.session.endpoint.surroundings import Surroundings
    from vhlocal.session.endpoint.use import Use
    from vhlocal.session.scaler import Spent
    from vhlocal.session.wanted.desired import Desired
    from vhlocal.session.wanted.wish import Wish


class Fleet:
    """Follows what is wanted: endpoints come, change and go, and so do their replicas (K3).

    ``replicas`` returns how many an endpoint has at first.
    """

    def __init__(self, surroundings: Surroundings, replicas: Callable[[str], int] = lambda _: 1) -> None:
        self._surroundings = surroundings
        self._first = replicas
        self._numbers: dict[str, int] = {}
        self._keepers: dict[ServedAt, Keeper] = {}
        #: What is wanted of each endpoint, as it was asked for last.
        self._wanted: dict[str, Desired] = {}

    @property
    def staging(self) -> Staging:
        """Where the copies are that servers get their newer files from."""
        return self._surroundings.staging

    def entries(self) -> Iterator[Entry]:
        """Yield what servers are made of, and what was asked for last: the files that one may have to go back to."""
        for keeper in self._keepers.values():
            yield from keeper.entries()

    def replicas(self, endpoint: str) -> int:
        """Return how many replicas of an endpoint are wanted."""
        return self._numbers.get(endpoint, 0)

    def name(self, endpoint: str) -> str:
        """Return the name under which people see an endpoint, whichever replica it is."""
        return self._wanted[endpoint].at.name if endpoint in self._wanted else endpoint

    async def spent(self, endpoint: str) -> Sequence[Spent | None]:
        """Return how much CPU each replica of an endpoint has used, None for one that takes no requests."""
        return await asyncio.gather(*(keeper.spent() for keeper in self._of(endpoint)))

    async def use(self, endpoint: str) -> Sequence[Use]:
        """Return what each replica of an endpoint uses now."""
        return await asyncio.gather(*(keeper.use() for keeper in self._of(endpoint)))

    async def look_at_memory(self) -> None:
        """Look once more how much memory each server uses, before the run ends, and report what is near its limit."""
        await asyncio.gather(*(keeper.look_at_memory() for keeper in self._keepers.values()))

    def wanted(self) -> list[tuple[Desired, int]]:
        """Return what is wanted of each endpoint, and how many replicas of it."""
        return [(item, self._numbers[name]) for name, item in self._wanted.items()]

    def enlist(self, wanted: Sequence[Desired]) -> None:
        """Take on the endpoints of the start, which are to be built first."""
        for item in wanted:
            for at in self._take_on(item):
                keeper = self._keepers[at] = Keeper(self._surroundings, item, at, vital=self._surroundings.fail_fast)
                keeper.tell(State.BUILDING)

    def begin(self, without: Mapping[ServedAt, VhlocalError]) -> None:
        """Start every server that was enlisted; ``without`` has why endpoints have no environment."""
        for at, keeper in self._keepers.items():
            keeper.begin(without.get(replace(at, replica=1)))

    async def started(self) -> None:
        """Wait until each server answers, or the reason why not is published.

        Where the start fails fast, the error of the first server that does not come up is raised.
        """
        await asyncio.gather(*(keeper.started for keeper in self._keepers.values()))

    def want(self, wishes: Sequence[Wish]) -> None:
        """Ask every endpoint for what is wanted; one that fails reports it, and keeps what it had."""
        wanted = {wish.desired.endpoint.name for wish in wishes}
        for at in [at for at in self._keepers if at.endpoint not in wanted]:
            self._let_go(at)
        for name in self._numbers.keys() - wanted:
            del self._numbers[name], self._wanted[name]
        for wish in wishes:
            name = wish.desired.endpoint.name
            if name not in self._numbers:
                for at in self._take_on(wish.desired):
                    keeper = self._keepers[at] = Keeper(self._surroundings, wish.desired, at, vital=False)
                    keeper.add(wish)
                continue
            self._wanted[name] = wish.desired
            keepers = self._of(name)
            together = Together([keeper.at for keeper in keepers]) if len(keepers) > 1 else None
            for keeper in keepers:
                keeper.want(replace(wish, phases=wish.phases.copy()), together)

    def scale(self, endpoint: str, number: int) -> None:
        """Have so many replicas of an endpoint from now on; those that go, the last ones first, are drained."""
        before = self._of(endpoint)
        self._numbers[endpoint] = number
        for keeper in before[number:]:
            self._let_go(keeper.at)
        item = self._wanted[endpoint]
        for at in self._names(item):
            if at in self._keepers:
                self._keepers[at].rename(at)
            else:
                self._surroundings.routes.close(at)
                keeper = self._keepers[at] = Keeper(self._surroundings, item, at, vital=False)
                keeper.begin()

    def restart(self, endpoint: str) -> None:
        """Start every server of an endpoint anew, of the code that it has."""
        for keeper in self._of(endpoint):
            keeper.restart()

    def running(self) -> list[tuple[ServedAt, str]]:
        """Return the servers that run by what they serve; from any thread."""
        servers = ((keeper.at, keeper.server) for keeper in tuple(self._keepers.values()))
        return [(at, server) for at, server in servers if server is not None]

    def cannot_read(self, error: VhlocalError) -> None:
        """Mark every endpoint as older than what was saved, which could not be read."""
        for keeper in self._keepers.values():
            keeper.cannot_read(error)

    async def stop(self, grace: float) -> None:
        """End every server; the error of the first that could not be ended, once all others have."""
        await to_their_ends(*(keeper.stop(grace) for keeper in self._keepers.values()))

    async def retire(self) -> None:
        """End every server once no request is on its way to it: the version is served no longer."""
        self._numbers.clear()
        self._wanted.clear()
        await asyncio.gather(*(self._retire(self._keepers.pop(at), at) for at in tuple(self._keepers)))

    def _take_on(self, item: Desired) -> list[ServedAt]:
        """Take note of an endpoint, and return its replicas."""
        name = item.endpoint.name
        self._wanted[name], self._numbers[name] = item, self._first(name)
        return self._names(item)

    def _names(self, item: Desired) -> list[ServedAt]:
        number = self._numbers[item.endpoint.name]
        if number == 1:
            return [item.at]
        return [replace(item.at, replica=each, name=f"{item.at.name}/{each}") for each in range(1, number + 1)]

    def _of(self, endpoint: str) -> list[Keeper]:
        found = [keeper for at, keeper in self._keepers.items() if at.endpoint == endpoint]
        return sorted(found, key=lambda keeper: keeper.at.replica)

    def _let_go(self, at: ServedAt) -> None:
        self._surroundings.tasks.start(self._retire(self._keepers.pop(at), at), f"end {at}")

    async def _retire(self, keeper: Keeper, at: ServedAt) -> None:
        self._surroundings.routes.forget(at)
        try:
            await keeper.retire()
        finally:
            if at not in self._keepers:
                self._surroundings.board.forget(at)
                self._surroundings.bus.publish(Left(at))

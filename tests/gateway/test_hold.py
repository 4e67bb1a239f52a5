import asyncio

from tests.gateway.harness import ALIAS, PREFIX
from tests.gateway.routes import route_to
from vhlocal.gateway.hold import Hold
from vhlocal.gateway.table import Route, RouteTable, Upstream

HERE = Upstream("127.0.0.1", 1)


class Waiting:
    """A waiter that writes down what it is told."""

    def __init__(self, name: str, told: list[str]) -> None:
        self._name = name
        self._told = told
        self.expired = asyncio.Event()

    def settled(self) -> None:
        self._told.append(f"{self._name} settled")

    def held_too_long(self) -> None:
        self._told.append(f"{self._name} held too long")
        self.expired.set()


def holding(prefix: str) -> Route:
    return route_to(prefix, "predict", HERE, holding=True)


def test_waiters_go_in_order_once_their_own_route_settles(run):
    async def main():
        table, told = RouteTable(), []
        hold = Hold(asyncio.get_running_loop(), table, limit=3)
        table.publish([holding(PREFIX), holding(ALIAS)])
        assert hold.enter(holding(PREFIX), Waiting("one", told), 3600)
        assert hold.enter(holding(ALIAS), Waiting("alias", told), 3600)
        assert hold.enter(holding(PREFIX), Waiting("two", told), 3600)
        assert not hold.enter(holding(PREFIX), Waiting("too many", told), 3600)
        hold.settle()
        assert told == []
        table.publish([route_to(PREFIX, "predict", HERE), holding(ALIAS)])
        hold.settle()
        assert told == ["one settled", "two settled"]
        table.publish([])
        hold.settle()
        assert told[2:] == ["alias settled"]
        assert len(hold) == 0

    run(main)


def test_a_waiter_that_left_hears_nothing_and_one_that_stays_too_long_is_told(run):
    async def main():
        table, told = RouteTable(), []
        hold = Hold(asyncio.get_running_loop(), table, limit=2)
        table.publish([holding(PREFIX)])
        leaver, stayer = Waiting("leaver", told), Waiting("stayer", told)
        assert hold.enter(holding(PREFIX), leaver, 0.05)
        assert hold.enter(holding(PREFIX), stayer, 0.05)
        hold.leave(leaver)
        hold.leave(leaver)
        await stayer.expired.wait()
        assert told == ["stayer held too long"]
        assert len(hold) == 0

    run(main)

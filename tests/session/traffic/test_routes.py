import pytest

from tests.served import at
from vhlocal.gateway.table import Route, RouteTable
from vhlocal.model import Version
from vhlocal.runtime.base import Address
from vhlocal.session.traffic.routes import Routes, Target

WORKING = Version("acme", "words", "local", "20261124.1", ("dev",))
OLD = Version("acme", "words", "local", "20261124.0", ("prod", "old"))


@pytest.fixture
def table():
    return RouteTable()


@pytest.fixture
def routes(table):
    found = Routes(table)
    found.serve([WORKING])
    return found


def path(name: str, endpoint: str = "a") -> str:
    return f"/acme/words/local/{name}/{endpoint}"


def here(port: int) -> Address:
    return Address("127.0.0.1", port)


def asked(route: Route | None) -> list[int]:
    """Return the ports of the next six requests."""
    assert route is not None
    return [route.next().upstream.port for _ in range(6)]


def test_k9_bodies_are_read_whole_but_for_the_endpoints_that_want_them_as_they_come(table, routes):
    """K9: on every path of an endpoint, at once, whatever its route does."""

    def buffered(endpoint: str) -> list[bool]:
        found = [table.lookup(path(name, endpoint)) for name in (WORKING.name, "dev")]
        return [route.buffered for route in found if route is not None]

    for endpoint in "ab":
        routes.lead(at(endpoint, version=WORKING.name), here(1), "r1")
    assert (buffered("a"), buffered("b")) == ([True, True], [True, True])
    routes.stream(WORKING.name, frozenset({"a"}))
    assert (buffered("a"), buffered("b")) == ([False, False], [True, True])
    routes.hold(at("a", version=WORKING.name))
    assert buffered("a") == [False, False]
    routes.stream(WORKING.name, frozenset())
    assert (buffered("a"), buffered("b")) == ([True, True], [True, True])


def test_k3_replicas_share_every_path_and_who_is_down_leaves_the_turn(table, routes):
    """K3: only with none left is the endpoint down; one that is the only one has no number."""
    one, two = at("a", version=WORKING.name), at("a", 2, version=WORKING.name)
    routes.lead(one, here(1), "r1")
    alone = table.lookup(path("dev"))
    assert [replica.number for replica in alone.replicas] == [0]
    routes.lead(two, here(2), "r1")
    both = table.lookup(path("dev"))
    assert [replica.number for replica in both.replicas] == [1, 2]
    assert sorted(asked(both)) == [1, 1, 1, 2, 2, 2]
    for down in (routes.close, routes.hold):
        down(one)
        left = table.lookup(path(WORKING.name))
        assert (left.holding, asked(left)) == (False, [2] * 6)
        assert left.replicas[0].number == 2, "the other is wanted still"
    routes.close(two)
    assert (table.lookup(path("dev")).replicas, table.lookup(path("dev")).holding) == ((), True)
    routes.forget(one)
    assert (table.lookup(path("dev")).replicas, table.lookup(path("dev")).holding) == ((), False)


def test_k10_versions_stand_side_by_side_and_one_publish_moves_an_alias(table, routes):
    """P3, K10: the aliases' paths lead to whose they are now; nobody sees half of it."""
    seen: list[tuple[str, ...]] = []

    def look() -> None:
        found = (table.lookup(path(name)) for name in (WORKING.name, OLD.name, "dev", "prod", "old"))
        seen.append(tuple("" if route is None else route.version for route in found))

    routes.lead(at("a", version=WORKING.name), here(1), "r1")
    assert routes.target(at("a", version=WORKING.name)) == Target(here(1), revision="r1")
    assert table.lookup(path("dev")).replicas[0].version == "", "it is the only one"
    table.subscribe(look)
    routes.serve([WORKING, OLD])
    routes.lead(at("a", version=OLD.name), here(2), "r0")
    moved = Version("acme", "words", "local", WORKING.name, ("dev", "prod"))
    routes.serve([moved, Version("acme", "words", "local", OLD.name, ("old",))])
    assert seen == [
        (WORKING.name, "", WORKING.name, "", ""),
        (WORKING.name, OLD.name, WORKING.name, OLD.name, OLD.name),
        (WORKING.name, OLD.name, WORKING.name, WORKING.name, OLD.name),
    ]
    assert b"X-VHLocal-Version: 20261124.0" in table.lookup(path("old")).replicas[0].answer_lines
    assert routes.paths(at("a", version=WORKING.name)) == (path(WORKING.name), path("dev"), path("prod"))
    routes.serve([moved])
    assert (table.lookup(path(OLD.name)), table.lookup(path("old"))) == (None, None)
    assert routes.served() == (at("a", version=WORKING.name),)

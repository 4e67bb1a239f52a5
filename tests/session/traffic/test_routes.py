from vhlocal.gateway.table import RouteTable
from vhlocal.model import Version
from vhlocal.runtime.base import Address
from vhlocal.session.traffic.routes import Routes


def test_k9_bodies_are_read_whole_but_for_the_endpoints_that_want_them_as_they_come():
    """K9: on every path of an endpoint, at once, whatever its route does."""
    table = RouteTable()
    routes = Routes(Version("acme", "words", "local", "v", ("dev",)), table)
    paths = {name: [f"/acme/words/local/{version}/{name}" for version in ("v", "dev")] for name in ("a", "b")}

    def buffered(name: str) -> list[bool]:
        return [route.buffered for path in paths[name] if (route := table.lookup(path)) is not None]

    for name in paths:
        routes.lead(name, Address("127.0.0.1", 1), "r1")
    assert (buffered("a"), buffered("b")) == ([True, True], [True, True])
    routes.stream(frozenset({"a"}))
    assert (buffered("a"), buffered("b")) == ([False, False], [True, True])
    routes.hold("a")
    assert buffered("a") == [False, False]
    routes.stream(frozenset())
    assert (buffered("a"), buffered("b")) == ([True, True], [True, True])

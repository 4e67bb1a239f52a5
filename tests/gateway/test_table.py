from tests.gateway.harness import ALIAS, PREFIX
from vhlocal.gateway.table import Route, RouteTable, Upstream

HERE = Upstream("127.0.0.1", 1)


def test_publish_replaces_the_whole_table():
    table = RouteTable()
    table.publish([Route(PREFIX, "predict", HERE), Route(ALIAS, "predict", HERE)])
    assert table.lookup(ALIAS) == Route(ALIAS, "predict", HERE)
    table.publish([Route(PREFIX, "predict", None)])
    assert table.lookup(ALIAS) is None
    assert table.lookup(PREFIX) == Route(PREFIX, "predict", None)


def test_listeners_hear_of_a_publish_after_it_and_until_they_leave():
    table = RouteTable()
    heard = []
    leave = table.subscribe(lambda: heard.append(table.lookup(PREFIX)))
    table.publish([Route(PREFIX, "predict", HERE)])
    leave()
    table.publish([])
    assert heard == [Route(PREFIX, "predict", HERE)]

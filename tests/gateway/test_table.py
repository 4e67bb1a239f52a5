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


def test_a_route_says_what_its_answers_tell_of_the_code():
    assert Route(PREFIX, "predict", HERE).answer_lines == b""
    assert Route(PREFIX, "predict", HERE, revision="r1").answer_lines == b"X-VHLocal-Revision: r1\r\n"
    stale = Route(PREFIX, "predict", HERE, revision="r1", stale=True)
    assert stale.answer_lines == b"X-VHLocal-Revision: r1\r\nX-VHLocal-Stale: true\r\n"
    assert stale != Route(PREFIX, "predict", HERE, revision="r1")


def test_listeners_hear_of_a_publish_after_it_and_until_they_leave():
    table = RouteTable()
    heard = []
    leave = table.subscribe(lambda: heard.append(table.lookup(PREFIX)))
    table.publish([Route(PREFIX, "predict", HERE)])
    leave()
    table.publish([])
    assert heard == [Route(PREFIX, "predict", HERE)]

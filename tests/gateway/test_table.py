from collections import Counter

from tests.gateway.harness import ALIAS, PREFIX
from tests.gateway.routes import route_to
from vhlocal.gateway.table import Replica, Route, RouteTable, Turn, Upstream

HERE = Upstream("127.0.0.1", 1)
THREE = tuple(Replica(Upstream("127.0.0.1", number), number) for number in (1, 2, 3))


def test_publish_replaces_the_whole_table():
    table = RouteTable()
    table.publish([route_to(PREFIX, "predict", HERE), route_to(ALIAS, "predict", HERE)])
    assert table.lookup(ALIAS) == route_to(ALIAS, "predict", HERE)
    table.publish([route_to(PREFIX, "predict", None)])
    assert table.lookup(ALIAS) is None
    assert table.lookup(PREFIX) == route_to(PREFIX, "predict", None)


def test_a_replica_says_what_its_answers_tell_of_the_code():
    assert Replica(HERE).answer_lines == b""
    assert Replica(HERE, revision="r1").answer_lines == b"X-VHLocal-Revision: r1\r\n"
    stale = Replica(HERE, revision="r1", stale=True)
    assert stale.answer_lines == b"X-VHLocal-Revision: r1\r\nX-VHLocal-Stale: true\r\n"
    assert stale != Replica(HERE, revision="r1")
    one_of_many = Replica(HERE, 2, "20261126.0", "r1")
    told = b"X-VHLocal-Revision: r1\r\nX-VHLocal-Version: 20261126.0\r\nX-VHLocal-Replica: 2\r\n"
    assert one_of_many.answer_lines == told


def test_k3_replicas_are_asked_strictly_in_turn_whichever_prefix_is_asked_and_across_publishes():
    """K3: the ingress' default."""
    turn = Turn()
    asked = []
    for _ in range(50):  # each is a publish of its own
        own, alias = (Route(prefix, "predict", THREE, turn=turn) for prefix in (PREFIX, ALIAS))
        asked += [route.next().number for route in (own, own, alias, own)]
    assert Counter(asked[:198]) == {1: 66, 2: 66, 3: 66}
    assert all(len(set(asked[start : start + 3])) == 3 for start in range(len(asked) - 2))


def test_routes_differ_by_where_they_lead_and_not_by_whose_turn_it_is():
    assert Route(PREFIX, "predict", THREE) == Route(PREFIX, "predict", THREE, turn=Turn(7))
    assert Route(PREFIX, "predict", THREE) != Route(PREFIX, "predict", THREE[:2])


def test_listeners_hear_of_a_publish_after_it_and_until_they_leave():
    table = RouteTable()
    heard = []
    leave = table.subscribe(lambda: heard.append(table.lookup(PREFIX)))
    table.publish([route_to(PREFIX, "predict", HERE)])
    leave()
    table.publish([])
    assert heard == [route_to(PREFIX, "predict", HERE)]

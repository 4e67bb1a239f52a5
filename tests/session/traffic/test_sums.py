from tests.requests import ended
from vhlocal.session.traffic.sums import BOUNDS, Traffic, columns


def test_requests_add_up():
    traffic = Traffic()
    traffic.add(columns([ended(), ended(502, whole=False, first_byte_seconds=None)]))
    traffic.add(columns([ended(), ended(seconds=1000.0)]))
    assert traffic.statuses == {200: 3, 502: 1}
    assert (traffic.broken, traffic.bytes_in, traffic.bytes_out) == (1, 4, 80)
    assert (sum(traffic.total.counts), traffic.total.total) == (4, 1000.75)
    assert traffic.total.counts[BOUNDS.index(0.25)] == 3, "a bound belongs to its own bucket"
    assert traffic.total.counts[-1] == 1
    assert sum(traffic.first_byte.counts) == 3, "what did not happen is not counted"

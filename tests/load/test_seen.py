"""What was seen of replicas, from what the run told of them in turn."""

from __future__ import annotations

import pytest

from vhlocal.load.figures import Serving
from vhlocal.load.seen import replicas, serving


def look(replica=1, used=None, limit=None, periods=None, throttled=None, workers=None, threads=None):
    return {
        "name": f"web/{replica}",
        "replica": replica,
        "memory": {"used": used, "limit": limit},
        "cpu": {"limit": 0.5, "periods": periods, "throttled": throttled},
        "workers": workers,
        "threads": threads,
    }


def test_each_replica_has_its_highest_memory_and_its_part_of_the_time():
    looks = [
        [look(1, 10, 100, 1000, 900, 2, 4), look(2, 30, 100, 10, 0, 2, 4)],
        [look(1, 50, 100, 1010, 905, 2, 4), look(2, 20, 100, 30, 2, 2, 4)],
    ]
    one, two = replicas(looks)
    assert (one.name, one.memory_peak, one.throttled) == ("web/1", 50, 0.5)
    assert (two.name, two.memory_peak, two.throttled) == ("web/2", 30, 0.1)
    assert serving((one, two)) == Serving(2, 4, 2, 0.5, 50, 100)


@pytest.mark.parametrize(
    ("counts", "part"),
    [
        ([(None, None), (None, None)], None),
        ([(5, 5)], None),
        ([(5, 5), (5, 5)], None),
        ([(100, 50), (110, 60), (4, 1), (14, 1)], 0.5),  # a server in its place counts anew
        ([(None, None), (10, 0), (20, 5)], 0.5),
    ],
)
def test_throttling_is_what_came_since_the_look_before(counts, part):
    (seen,) = replicas([[look(periods=periods, throttled=throttled)] for periods, throttled in counts])
    assert seen.throttled == part


def test_what_is_not_known_of_one_is_not_known_of_all():
    assert serving(replicas([[look(1, workers=2, threads=1), look(2)]])).slots is None
    assert serving(()) == Serving(replicas=0)
    fullest = serving(replicas([[look(1, 90, None), look(2, 10, 100)]]))
    assert (fullest.memory_peak, fullest.memory_limit) == (10, 100)

"""What is asked about of all that is served (K3, K10, P3)."""

import pytest

from vhlocal.api.where import NotServed, asked_about
from vhlocal.model import ServedAt, Version

WORKING = Version("acme", "digits", "local", "20261126.0", ("dev",))
OLD = Version("acme", "digits", "local", "old", ("prod",))
SERVED = [
    ServedAt("20261126.0", "web", 1),
    ServedAt("20261126.0", "web", 2),
    ServedAt("20261126.0", "more", 1),
    ServedAt("old", "web", 1),
]


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({}, [0, 1, 2, 3]),
        ({"endpoint": "web"}, [0, 1, 3]),
        ({"version": "old"}, [3]),
        ({"version": "prod"}, [3]),
        ({"version": "dev", "endpoint": "web", "replica": "2"}, [1]),
        ({"replica": "1", "tail": "5"}, [0, 2, 3]),
    ],
)
def test_p3_a_version_is_found_by_its_name_and_by_where_an_alias_points_now(asked, found):
    is_wanted = asked_about(asked, SERVED, [WORKING, OLD])
    assert [number for number, at in enumerate(SERVED) if is_wanted(at)] == found


@pytest.mark.parametrize(
    ("asked", "said", "hint"),
    [
        ({"version": "olt"}, "no version `olt`", "did you mean `old`?"),
        ({"version": ""}, "no version ``", "choose from: 20261126.0, dev, old, prod"),
        ({"endpoint": "wbe"}, "no endpoint `wbe`", "did you mean `web`?"),
        ({"version": "prod", "endpoint": "more"}, "no endpoint `more` of old", "choose from: web"),
        ({"version": "old", "replica": "2"}, "no replica `2` of old", "choose from: 1"),
        ({"endpoint": "more", "replica": "2"}, "no replica `2`", "choose from: 1"),
    ],
)
def test_k10_what_there_is_not_is_told_with_what_there_is(asked, said, hint):
    with pytest.raises(NotServed) as caught:
        asked_about(asked, SERVED, [WORKING, OLD])
    assert (caught.value.message, caught.value.hint) == (said, hint)

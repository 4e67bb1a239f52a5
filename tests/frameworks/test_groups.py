"""Each framework has its turn, and what a commit tries is the same wherever it is tried."""

from __future__ import annotations

from tests.frameworks.groups import GROUPS, groups_of, head


def test_a_commit_tries_a_third_and_some_commit_each():
    thirds = {groups_of(str(number)) for number in range(50)}
    assert len(thirds) == 3
    assert sorted(name for third in thirds for name in third) == sorted(GROUPS)
    assert groups_of(head()) in thirds

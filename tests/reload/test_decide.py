import itertools

import pytest

from vhlocal.model import Strategy
from vhlocal.reload.decide import Abilities, Difference, decide, standing

CODE = Difference(code=True, environment=False, settings=False)


@pytest.mark.parametrize(("code", "environment", "settings"), list(itertools.product([False, True], repeat=3)))
@pytest.mark.parametrize("alone", [False, True])
def test_the_cheapest_way_that_brings_in_all_is_chosen(code, environment, settings, alone):
    way = decide(Difference(code, environment, settings), Abilities(running=True, forks=True, alone=alone), None)
    if environment or settings:
        assert way is (Strategy.RESTART if alone else Strategy.REPLACE)
    else:
        assert way is (Strategy.FORK if code else None)


@pytest.mark.parametrize(
    ("means", "chosen", "way"),
    [
        (Abilities(running=True, forks=True, alone=False), None, Strategy.FORK),
        (Abilities(running=True, forks=False, alone=False), None, Strategy.REPLACE),
        (Abilities(running=True, forks=False, alone=True), None, Strategy.RESTART),
        (Abilities(running=True, forks=True, alone=True), None, Strategy.FORK),
        (Abilities(running=True, forks=True, alone=False), Strategy.RESTART, Strategy.RESTART),
        (Abilities(running=True, forks=True, alone=False), Strategy.REPLACE, Strategy.REPLACE),
        (Abilities(running=True, forks=False, alone=True), Strategy.REPLACE, Strategy.RESTART),
        (Abilities(running=True, forks=False, alone=False), Strategy.FORK, Strategy.REPLACE),
        (Abilities(running=True, forks=False, alone=True), Strategy.FORK, Strategy.RESTART),
    ],
)
def test_the_users_choice_counts_as_far_as_the_server_allows_it(means, chosen, way):
    assert standing(means, chosen) is way
    assert decide(CODE, means, chosen) is way


@pytest.mark.parametrize("chosen", [None, *Strategy])
def test_a_server_that_has_ended_is_replaced(chosen):
    assert decide(CODE, Abilities(running=False, forks=False, alone=True), chosen) is Strategy.REPLACE

import itertools

import pytest

from vhlocal.reload.decide import Action, Difference, decide


@pytest.mark.parametrize(("code", "environment", "settings"), list(itertools.product([False, True], repeat=3)))
def test_the_cheapest_way_that_brings_in_all_is_chosen(code, environment, settings):
    action = decide(Difference(code, environment, settings))
    if environment or settings:
        assert action is Action.REPLACE
    elif code:
        assert action is Action.RESTART
    else:
        assert action is Action.NOTHING

"""CI's minute of the stress; ``python -m tests.stress`` is the whole."""

import pytest

from tests.stress.program import measure, options


@pytest.mark.usefixtures("base_image")
@pytest.mark.parametrize("runtime", ["process", "docker"])
def test_saves_cost_no_request_and_leave_nothing(runtime):
    # The other tests are its neighbours.
    goals = measure(options(["--seconds", "30", "--neighbours", "0", "--runtime", runtime]))
    assert [str(goal) for goal in goals if not goal.met] == []

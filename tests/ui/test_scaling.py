"""Replicas over time as a chart."""

from __future__ import annotations

from vhlocal.scaling.simulate import Outcome
from vhlocal.ui.scaling import chart


def drawn(*steps, seconds=60.0):
    return list(chart(Outcome(steps, (0.0,), 0, 1.0, seconds)))


def test_each_column_has_the_most_replicas_of_its_time():
    three, two, one, axis, legend = drawn((0, 1), (10, 3), (30.5, 2))
    assert three == "   3 |" + " " * 10 + "#" * 21
    assert two == "   2 |" + " " * 10 + "#" * 50
    assert one == "   1 |" + "#" * 60
    assert axis == "     +" + "-" * 60
    assert legend.endswith("60.0 s")


def test_many_replicas_are_drawn_in_a_few_lines():
    lines = drawn((0, 1), (30, 100))
    assert len(lines) == 10
    assert lines[0].startswith(" 104 |")
    assert lines[-3] == "  13 |" + "#" * 60


def test_no_time_at_all_is_a_chart_too():
    assert drawn((0, 1), seconds=0.0)[0] == "   1 |" + "#" * 60

"""What is shown in a thread of its own: all in order, and of a flood as many lines as can be, the rest counted."""

import threading

import pytest

from tests.served import at
from vhlocal.events import LinesLeftOut, LogLine, Notice, Ready, Stopping
from vhlocal.ui.behind import Behind


def line(number: int, endpoint: str = "web") -> LogLine:
    return LogLine(at(endpoint), "stdout", f"line {number}", 0.0)


class Stuck:
    """A terminal that shows nothing until it is let go."""

    def __init__(self):
        self.go = threading.Event()
        self.shown = []

    def __call__(self, event):
        self.go.wait(60)
        self.shown.append(event)


def test_no_publisher_waits_for_a_terminal_and_what_is_left_out_is_counted_where_it_was():
    terminal = Stuck()
    display = Behind(terminal, 10)
    for number in range(1000):
        display(line(number))
    display(line(0, "other"))
    display(Notice("kept"))
    assert terminal.shown == [], "nobody has waited for it"
    terminal.go.set()
    display.close()
    lines = [event for event in terminal.shown if isinstance(event, LogLine)]
    assert lines == [line(number) for number in range(len(lines))]
    assert 10 <= len(lines) <= 11
    assert terminal.shown[len(lines) :] == [
        LinesLeftOut(at("web"), 1000 - len(lines)),
        LinesLeftOut(at("other"), 1),
        Notice("kept"),
    ]


def test_lines_are_shown_again_once_half_of_those_that_wait_were():
    terminal = Stuck()
    display = Behind(terminal, 10)
    for number in range(100):
        display(line(number))
    terminal.go.set()
    while len(terminal.shown) < 10 or not any(isinstance(event, LinesLeftOut) for event in terminal.shown):
        pass  # told also where nothing more comes
    display(line(100))
    display.close()
    assert terminal.shown[-1] == line(100)
    told = [event.count for event in terminal.shown if isinstance(event, LinesLeftOut)]
    assert sum(told) + sum(isinstance(event, LogLine) for event in terminal.shown) == 101
    assert len(told) == 1


def test_who_waits_for_a_run_to_be_ready_has_seen_what_came_before():
    terminal = Stuck()
    terminal.go.set()
    display = Behind(terminal, 5)
    ready = Ready("http://127.0.0.1:8080", (), 1.0)
    for event in (Notice("one"), line(1), ready):
        display(event)
    assert terminal.shown == [Notice("one"), line(1), ready]
    display.close()


def test_what_goes_wrong_with_showing_is_raised_in_the_end_and_holds_up_nobody():
    def broken(event):
        raise ZeroDivisionError

    display = Behind(broken, 5)
    for _ in range(100):
        display(line(1))
    display(Stopping("Ctrl-C"))
    with pytest.raises(ZeroDivisionError):
        display.close()

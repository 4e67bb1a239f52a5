"""What a server outlived is no cause of its end."""

from __future__ import annotations

import pytest

from tests.requests import ended
from vhlocal.events import LogLine
from vhlocal.model import ServedAt
from vhlocal.session.diagnosis.last_words import last_words
from vhlocal.session.diagnosis.tracebacks import last_failure

BOOM = """\
Traceback (most recent call last):
  File "/valohai/code/main.py", line 12, in boom
    return {}["x"]
           ~~^^^^^
KeyError: 'x'
""".splitlines()
CHAIN = [*BOOM, "", "During handling of the above exception, another exception occurred:", "", *BOOM]
GONE = ["Worker exited with code 3.", "Shutting down: Master"]


def lines(*printed):
    """Return log lines of pairs of a time and what was printed then."""
    return [LogLine(ServedAt("v", "web"), "stderr", text, time) for time, texts in printed for text in texts]


def answer(status, begun, end):
    return ended(status, time=end, seconds=end - begun, gateway_seconds=0.0)


def test_what_was_printed_before_a_request_that_was_answered_was_outlived():
    log = lines((1.0, ["ModuleNotFoundError: No module named 'tensorrt'"]), (5.0, BOOM), (9.0, GONE))
    assert last_words(log, [answer(200, 6.0, 6.5)], 0.0) == GONE
    assert last_words(log, [answer(404, 2.0, 2.5)], 0.0) == [*BOOM, *GONE]


def test_what_was_printed_before_the_first_answer_was_asked_for_was_outlived():
    log = lines((1.0, BOOM), (3.0, GONE))
    assert (last_words(log, [], 2.0), last_words(log, [], 0.5)) == (GONE, [*BOOM, *GONE])


@pytest.mark.parametrize("end", [4.9, 5.1])
def test_an_exception_that_was_answered_with_a_500_was_outlived_whichever_came_first(end):
    log = lines((5.0, CHAIN), (5.2, GONE))
    assert last_words(log, [answer(500, 4.8, end)], 0.0) == GONE


def test_an_answer_is_for_one_exception_and_the_next_one_may_be_the_cause():
    log = lines((5.0, BOOM), (5.2, BOOM), (5.3, GONE))
    assert last_words(log, [answer(500, 4.9, 5.1)], 0.0) == [*BOOM, *BOOM, *GONE]
    assert last_words(log, [answer(500, 4.9, 5.1), answer(500, 4.9, 5.25)], 0.0) == GONE


def test_a_request_that_was_well_before_says_nothing_of_an_exception():
    log = lines((5.0, BOOM), (5.1, GONE))
    assert last_words(log, [answer(200, 4.8, 4.9), answer(500, 1.0, 1.1)], 0.0) == [*BOOM, *GONE]


@pytest.mark.parametrize(
    "heading",
    [
        ["ERROR:    Exception in ASGI application"],
        ["[2026-11-26 10:06:45 +0000] [7] [ERROR] Error in ASGI application"],
        ["[2026-11-26 10:06:45 +0000] [7] [ERROR] Exception in ASGI application"],
        ["[2026-11-26 10:06:45 +0000] [7] [ERROR] Error handling request /o/p/d/v/web/boom"],
        ["[2026-11-26 10:06:45,123] ERROR in app: Exception on /boom [GET]"],
        ["[2026-11-26 10:06:45,123] ERROR in app: Exception on request GET /boom"],
        ["Exception occurred during processing of request from ('127.0.0.1', 40212)"],
        ["Internal Server Error: /boom"],
        ["ERROR:tornado.application:Uncaught exception GET /boom (::1)", "HTTPServerRequest(protocol='http')"],
        ["Task exception was never retrieved", "future: <Task finished name='Task-3'>"],
        ["Exception ignored in: <function Pool.__del__ at 0x7f>"],
    ],
)
def test_an_exception_whose_heading_says_that_it_was_caught_was_outlived(heading):
    log = lines((5.0, [*BOOM, *heading, *CHAIN]), (5.0, GONE))
    assert last_words(log, [], 0.0) == [*BOOM, *heading, *GONE]


def test_a_traceback_that_is_longer_than_what_is_looked_at_else_was_outlived_as_well():
    long = [BOOM[0], *('  File "/x/site-packages/lib.py", line 1, in call' for _ in range(200)), *BOOM[1:]]
    log = lines((5.0, long), (9.0, GONE))
    assert last_words(log, [answer(500, 4.9, 5.1)], 0.0) == GONE
    assert last_failure([*long, *GONE]) == [*long, *GONE]

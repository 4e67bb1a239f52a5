"""Tracebacks as real Pythons print them."""

from pathlib import Path

import pytest

from vhlocal.model import Place
from vhlocal.session.diagnosis.tracebacks import last_failure, read_traceback, where

IMPORT = """\
[INFO] Booting worker
Traceback (most recent call last):
  File "/valohai/code/server.py", line 3, in <module>
    import model
  File "/valohai/code/lib/model.py", line 7, in <module>
    frame = pandas.DataFrame(1)
            ^^^^^^^^^^^^^^^^^^^
  File "/root/.local/lib/python3.11/site-packages/pandas/core/frame.py", line 886, in __init__
    raise ValueError("DataFrame constructor not properly called!")
ValueError: DataFrame constructor not properly called!
wsgi: server:app could not be loaded: ValueError: DataFrame constructor not properly called!
"""

SYNTAX = """\
  File "/valohai/code/server.py", line 8
    def x(:
          ^
SyntaxError: invalid syntax
"""

CHAINED = """\
Traceback (most recent call last):
  File "/valohai/code/server.py", line 3, in load
    open("x")
FileNotFoundError: [Errno 2] No such file or directory: 'x'

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "/valohai/code/server.py", line 5, in load
    raise RuntimeError("no model")
RuntimeError: no model
"""

STACKS = """\
Stack (most recent call first):
  File "/root/.local/lib/python3.11/site-packages/gunicorn/arbiter.py", line 425 in wait_for_signals
  File "/valohai/runner/serve_warm.py", line 64 in <module>
Stack (most recent call first):
  File "/usr/lib/python3.11/socket.py", line 706 in readinto
  File "/valohai/code/slow.py", line 4 in fetch
  File "/valohai/code/slow.py", line 9 in <module>
  File "<frozen importlib._bootstrap>", line 241 in _call_with_frames_removed
  File "/valohai/code/server.py", line 2 in <module>
"""

PROJECT = Path("/home/ada/digits")


def test_the_projects_own_lines_come_first_then_the_error_then_the_libraries():
    found = read_traceback(IMPORT.splitlines())
    assert found is not None
    assert str(found).splitlines() == [
        "server.py:3 in <module>",
        "    import model",
        "lib/model.py:7 in <module>",
        "    frame = pandas.DataFrame(1)",
        "ValueError: DataFrame constructor not properly called!",
        "within libraries:",
        "  /root/.local/lib/python3.11/site-packages/pandas/core/frame.py:886 in __init__",
    ]
    assert found.place(PROJECT) == Place(PROJECT / "lib/model.py", 7)


def test_a_syntax_error_has_no_head():
    found = read_traceback(SYNTAX.splitlines())
    assert found is not None
    assert found.place(PROJECT) == Place(PROJECT / "server.py", 8)
    assert str(found).splitlines() == ["server.py:8", "    def x(:", "SyntaxError: invalid syntax"]


def test_of_several_the_last_one_counts():
    found = read_traceback(CHAINED.splitlines())
    assert found is not None
    assert (found.error, found.own[-1].line) == ("RuntimeError: no model", 5)


@pytest.mark.parametrize("text", ["", "just a log line", 'File "x", line 1', "Error: no frames before"])
def test_without_frames_there_is_none(text):
    assert read_traceback(text.splitlines()) is None


def test_libraries_alone_have_no_place_in_the_project():
    found = read_traceback(IMPORT.replace("/valohai/code/", "/opt/x/").splitlines())
    assert found is not None
    assert found.place(PROJECT) is None


def test_where_a_process_is_names_the_innermost_line_of_the_project():
    place, inner = where(STACKS, PROJECT)
    assert place == Place(PROJECT / "slow.py", 4)
    assert inner == "/usr/lib/python3.11/socket.py in readinto"


def test_where_nothing_of_the_project_runs_there_is_no_place():
    assert where("\n".join(STACKS.splitlines()[:3]), PROJECT) == (None, "")


CAUGHT = ["Traceback (most recent call last):", "ModuleNotFoundError: No module named 'cupy'", "going on without a GPU"]
CHAIN = [
    "Traceback (most recent call last):",
    '  File "/valohai/code/manage.py", line 11, in main',
    "ModuleNotFoundError: No module named 'django'",
    "",
    "The above exception was the direct cause of the following exception:",
    "",
    "Traceback (most recent call last):",
    '  File "/valohai/code/manage.py", line 13, in main',
    "ImportError: Couldn't import Django.",
]


def test_the_last_failure_has_what_led_to_it_and_nothing_before():
    assert last_failure([*CAUGHT, *CHAIN]) == CHAIN
    assert last_failure(["sh: 1: uvicorn: not found"]) == ["sh: 1: uvicorn: not found"]

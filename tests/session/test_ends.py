"""What is told of a server's end: by what ended it, not by what it had printed and outlived before."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import cast

import pytest

from tests.fakes.runtime import FakeRuntime
from tests.session.test_keeper_model import by, wanted
from vhlocal.events import Bus
from vhlocal.model import Package, Place, ServedAt
from vhlocal.runtime.base import Exit, Runtime
from vhlocal.session.diagnosis.cause import Diagnosis
from vhlocal.session.diagnosis.last_words import Served

HANDLED = """\
Traceback (most recent call last):
  File "/valohai/code/server.py", line 7, in predict
    return MODEL[request]
KeyError: 'old'
served 1 request
OSError: [Errno 98] Address already in use
ModuleNotFoundError: No module named 'tensorrt'
""".splitlines()


def explained(tmp_path, ended, when="", *, away=False):
    async def ask():
        runtime = FakeRuntime()
        runtime.away = away
        diagnosis = Diagnosis(cast(Runtime, runtime), tmp_path, Bus(), lambda: Package(tmp_path, {}, ""), lambda *_: ())
        try:
            server = Served(ServedAt("v", "good"), wanted("good", "image", by(None)).endpoint, "r")
            return await diagnosis.of_end(server, ended, HANDLED, when, None)
        finally:
            runtime.close()

    return asyncio.run(ask())


@pytest.mark.parametrize(
    ("code", "finding", "reason"),
    [
        (137, "VH508", "the server was ended: killed (exit code 137)"),
        (139, "VH508", "the server was ended: segmentation fault (exit code 139)"),
        (143, "VH508", "the server was ended: terminated (exit code 143)"),
        (0, "VH514", "the server ended after it had served with exit code 0, as if it had finished"),
    ],
)
def test_an_end_without_a_word_is_not_told_with_what_was_outlived(tmp_path, code, finding, reason):
    told = explained(tmp_path, Exit(code))
    assert told.finding is not None
    assert (told.finding.definition.code, told.reason, told.detail) == (finding, reason, "")
    assert told.place is None or told.place.file.name != "server.py"


def test_k10_what_a_commits_code_does_is_told_where_git_has_it(tmp_path):
    place = Place(Path("v1:server.py"), 7)

    def named(there: Place) -> Place:
        return place if there == Place(tmp_path / "server.py", 7) else there

    diagnosis = Diagnosis(cast(Runtime, None), tmp_path, Bus(), lambda: Package(tmp_path, {}, ""), lambda *_: (), named)
    endpoint = wanted("good", "image", by(None)).endpoint
    stacks = 'Thread 0x1 (most recent call first):\n  File "/valohai/code/server.py", line 7 in predict\n'
    found = diagnosis.silent(endpoint, 20.0, (), stacks, new=False)
    assert found is not None
    assert (found.place, found.seen) == (place, f"the server has not answered in 20 s: it is still at {place}")
    assert explained(tmp_path, Exit(1)).place == Place(tmp_path / "server.py", 7)


def test_an_exception_that_ended_the_server_is_told(tmp_path):
    told = explained(tmp_path, Exit(1))
    assert "KeyError: 'old'" in told.detail


def test_a_command_that_ends_before_it_has_served_is_to_run_in_the_foreground(tmp_path):
    told = explained(tmp_path, Exit(0), "before its first answer")
    assert told.reason == "the server ended before its first answer with exit code 0, as if it had finished"
    assert told.hint == "end `server-command` with a server that keeps running and listens on port 8000"


@pytest.mark.parametrize("code", [0, 137, 143])
def test_a_server_that_ended_with_its_engine_is_told_so(tmp_path, code):
    """Whoever stops an engine ends its containers, gently or not: nothing in the project is to be changed."""
    told = explained(tmp_path, Exit(code), away=True)
    assert told.reason == "the server ended with its container engine: the engine does not answer"
    assert told.finding is None


def test_an_engine_that_is_away_hides_no_fault_of_the_code(tmp_path):
    assert "KeyError: 'old'" in explained(tmp_path, Exit(1), away=True).detail
    out_of_memory = explained(tmp_path, Exit(137, out_of_memory=True), away=True)
    assert out_of_memory.finding is not None and out_of_memory.finding.definition.code == "VH507"

"""What a run's events look like on the terminal."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

from rich.console import Console

from vhlocal.checks.server.ends import FAILED
from vhlocal.events import Found, Problem
from vhlocal.findings import Finding
from vhlocal.model import Place
from vhlocal.session.diagnosis.exits import as_error, explained
from vhlocal.ui.terminal import Terminal

FINDING = Finding(FAILED, Place(Path("/p/valohai.yaml"), 4), "the server ended with exit code 3", "mend it", "digits")


def shown(*events) -> str:
    output = StringIO()
    terminal = Terminal(Console(file=output, width=200))
    for event in events:
        terminal(event)
    return output.getvalue()


def test_a_finding_that_an_error_tells_is_shown_once_with_its_page():
    said = shown(Found(FINDING, "1", told=True), Problem(as_error(explained(FINDING), "digits"), "digits"))
    assert said.count(FINDING.seen) == 1
    assert said.count("more: vhlocal explain VH515\n") == 1


def test_a_finding_that_nothing_else_tells_is_shown():
    assert shown(Found(FINDING, "1"), Found(FINDING, "2")).count(FINDING.seen) == 1

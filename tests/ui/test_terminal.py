"""What a run's events look like on the terminal."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

from rich.console import Console

from tests.served import at
from vhlocal.checks.server.ends import FAILED
from vhlocal.events import Found, LogLine, Problem
from vhlocal.findings import Finding
from vhlocal.model import Place
from vhlocal.session.diagnosis.exits import as_error, explained
from vhlocal.ui.terminal import Terminal

FINDING = Finding(FAILED, Place(Path("/p/valohai.yaml"), 4), "the server ended with exit code 3", "mend it", "digits")


def shown(*events, verbose: bool = False) -> str:
    output = StringIO()
    terminal = Terminal(Console(file=output, width=200), verbose=verbose)
    for event in events:
        terminal(event)
    return output.getvalue()


def test_a_finding_that_an_error_tells_is_shown_once_with_its_page():
    said = shown(Found(FINDING, "1", told=True), Problem(as_error(explained(FINDING), "digits"), "digits"))
    assert said.count(FINDING.seen) == 1
    assert said.count("more: vhlocal explain VH515\n") == 1


def test_a_finding_that_nothing_else_tells_is_shown():
    assert shown(Found(FINDING, "1"), Found(FINDING, "2")).count(FINDING.seen) == 1


def test_banners_and_requests_of_vhlocals_own_are_shown_to_who_asks_for_them():
    banner = LogLine(at("digits"), "stdout", "Listening at: http://0.0.0.0:8000", 1.0, usual=True)
    own = LogLine(at("digits"), "stdout", "loaded", 2.0)
    assert shown(banner, own).splitlines() == ["digits | loaded"]
    assert shown(banner, own, verbose=True).splitlines() == [f"digits | {banner.text}", "digits | loaded"]

"""What others have written reaches no terminal but as text and colours, wherever it is shown."""

from __future__ import annotations

import re
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from rich.table import Table
from rich.text import Text

from tests.served import at
from tests.test_visible import OBEYED
from vhlocal import events
from vhlocal.checks.server.ends import FAILED
from vhlocal.errors import VhlocalError
from vhlocal.findings import Finding
from vhlocal.model import Place
from vhlocal.ui import console as consoles
from vhlocal.ui.findings import show_finding
from vhlocal.ui.terminal import Terminal

if TYPE_CHECKING:
    from rich.console import Console

#: What rich itself makes of a style.
COLOURS = re.compile(r"\x1b\[[0-9;]*m")

EVIL = [text for text in OBEYED if text != "\ud800"]


@pytest.fixture(params=[True, False], ids=["terminal", "file"])
def console(request, monkeypatch) -> Console:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    made = consoles.standard_output()
    made.file = StringIO()
    made._force_terminal = request.param
    made._color_system = made._detect_color_system() if request.param else None
    return made


def written(console: Console) -> str:
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


def printed(console: Console) -> str:
    said = written(console)
    return COLOURS.sub("", said) if console.is_terminal else said


def is_harmless(text: str) -> bool:
    return all(letter.isprintable() or letter == "\n" for letter in text)


def shown_somewhere(console: Console, evil: str) -> None:
    place = Place(Path(f"/p/{evil}.yaml"), 4)
    terminal = Terminal(console, verbose=True)
    error = VhlocalError(f"a {evil}", hint=f"b {evil}")
    terminal(events.LogLine(at("digits"), "stdout", f"c {evil}", 0.0))
    terminal(events.Notice(f"d {evil}", place, f"e {evil}"))
    terminal(events.Problem(error))
    consoles.show_error(console, error)
    show_finding(console, Finding(FAILED, place, f"f {evil}", f"g {evil}", "digits"), Path("/p"))
    table = Table()
    table.add_column(Text(evil))
    table.add_row(Text(f"h {evil}"))
    console.print(table)
    console.print(Text(f"i {evil}"))


@pytest.mark.parametrize("evil", EVIL, ids=ascii)
def test_nothing_is_obeyed_wherever_it_stands(console, evil):
    shown_somewhere(console, evil)
    assert is_harmless(printed(console))
    assert "note: d " in printed(console)


def test_a_name_begins_no_line(console):
    shown_somewhere(console, "x\n::error file=a::b")
    assert not [line for line in printed(console).splitlines() if line.startswith("::")]


def test_colours_of_an_app_reach_a_terminal_and_nothing_else(console):
    Terminal(console)(events.LogLine(at("digits"), "stdout", "\x1b[31mred\x1b[0m \x1b[2Jall", 0.0))
    said = written(console)
    assert "red" in said
    assert "\\x1b[2Jall" in said
    assert ("\x1b[31m" in said) is console.is_terminal
    assert console.is_terminal or "\x1b" not in said


def test_a_colour_that_is_not_ended_ends_with_its_line(console):
    for text in ("\x1b[41mred", "plain"):
        Terminal(console)(events.LogLine(at("digits"), "stdout", text, 0.0))
    assert not re.search(r"\x1b\[[0-9;]*41[0-9;]*m[^\n]*plain", console.file.getvalue())

"""What a person reads of a finding in a terminal, and a program in a file."""

from __future__ import annotations

import io
from pathlib import Path

from rich.console import Console

from vhlocal.checks.registry import ALL_DEFINITIONS
from vhlocal.findings import Finding
from vhlocal.model import Place
from vhlocal.ui.findings import show_finding

VH106 = next(each for each in ALL_DEFINITIONS if each.code == "VH106")


def shown(*, terminal: bool) -> list[str]:
    output = io.StringIO()
    console = Console(file=output, width=40, soft_wrap=True, color_system=None, force_terminal=terminal)
    show_finding(console, Finding(VH106, Place(Path("/p/valohai.yaml"), 4), "seen", "change"), Path("/p"))
    return output.getvalue().splitlines()


def test_a_file_gets_the_reason_in_one_line():
    assert f"    why: {VH106.why}" in shown(terminal=False)


def test_a_terminal_breaks_the_reason_between_words():
    lines = shown(terminal=True)
    first, last = lines.index("    why: A container's localhost can"), lines.index("    change: change")
    assert lines[first + 1] == "      be reached only from inside that"
    assert " ".join(line.strip() for line in lines[first:last]) == f"why: {VH106.why}"
    assert max(map(len, lines[first:last])) <= 40

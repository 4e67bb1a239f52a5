"""Findings in the terminal: by file, each with where, what was seen, why it matters, and what to change."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from rich.text import Text

from vhlocal.findings import Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from rich.console import Console

    from vhlocal.checks.report import Report
    from vhlocal.findings import Definition, Edit, Finding
    from vhlocal.model import Place

_STYLES = {Severity.ERROR: "bold red", Severity.WARNING: "bold yellow", Severity.NOTICE: "bold cyan"}


def show_report(console: Console, report: Report, base: Path) -> None:
    """Print a report; files are named from ``base`` where they are below it. Each code is explained once."""
    explained: set[str] = set()
    shown: dict[Edit, str] = {}
    for file, findings in groupby(report.findings, key=lambda finding: finding.place.file):
        console.print(Text(_from(file, base), "bold underline"))
        for finding in findings:
            show_finding(console, finding, base, explain=finding.definition.code not in explained, shown=shown)
            explained.add(finding.definition.code)
        console.print()
    for note in report.notes:
        console.print(Text.assemble(("note: ", "bold yellow"), note))
    console.print(summary(report))


def summary(report: Report) -> Text:
    """Return one line: how many findings of each severity there are, and how many are silenced."""
    parts = [
        (_counted(count, severity.value), _STYLES[severity])
        for severity in Severity
        if (count := report.count(severity))
    ]
    text = Text("ok: nothing found", "green") if not parts else Text(", ").join(Text(*part) for part in parts)
    if report.silenced:
        text.append(f", {len(report.silenced)} silenced", "dim")
    return text


def show_finding(
    console: Console, finding: Finding, base: Path, *, explain: bool = True, shown: dict[Edit, str] | None = None
) -> None:
    """Print one finding, with why it fails if that is to be ``explain``ed.

    ``shown`` are the edits that were printed before, with the codes of their findings: such a one is not printed again.
    """
    definition = finding.definition
    endpoint = f" (endpoint {finding.endpoint})" if finding.endpoint else ""
    style = _STYLES[definition.severity]
    console.print(
        Text.assemble("  ", (f"{definition.severity.value} {definition.code}", style), f": {finding.seen}{endpoint}")
    )
    console.print(Text(f"    at {_place(finding.place, base)}"))
    if explain:
        _show_why(console, definition.why)
    console.print(Text.assemble(("    change: ", "bold"), finding.change))
    show_edits(console, finding, base, shown)
    if finding.framework and not finding.edits:
        console.print(Text.assemble((f"    {finding.framework}: ", "bold"), definition.remedy[finding.framework]))
    if explain:
        console.print(Text(f"    more: {definition.explain}", "dim"))


def _show_why(console: Console, why: str) -> None:
    """Print prose. Nobody pastes it, so a terminal breaks it between words; a file gets it in one line."""
    text = Text.assemble(("why: ", "bold"), why)
    lines = text.wrap(console, max(console.width - 6, 20)) if console.is_terminal else [text]
    for number, line in enumerate(lines):
        line.rstrip()
        console.print(Text("      " if number else "    ").append_text(line))


def show_edits(console: Console, finding: Finding, base: Path, shown: dict[Edit, str] | None = None) -> None:
    """Print a finding's change in the project's own lines, to be pasted: what goes with `-`, what comes with `+`."""
    known = {} if shown is None else shown
    for edit in finding.edits:
        if edit in known:
            console.print(Text(f"    {_place(edit.place, base)}: same edit as for {known[edit]}", "dim"))
            continue
        known[edit] = finding.definition.code
        console.print(Text(f"    {_place(edit.place, base)}", "dim"))
        for line in edit.shown:
            console.print(Text(f"      {line}", {"-": "red", "+": "green"}.get(line[0], "")))


def show_page(console: Console, page: str, found: Sequence[Finding], base: Path) -> None:
    """Print a finding's page, given as Markdown, with where it was ``found`` and the change to make there."""
    from rich.markdown import Markdown  # noqa: PLC0415 - brings a highlighter of code, which no other output needs

    title, _, rest = page.partition("\n")
    console.print(Text(title.lstrip("# "), "bold"))
    console.print()
    if found:
        console.print(Text("In this project", "bold underline"))
        for finding in found:
            show_finding(console, finding, base, explain=False)
        console.print()
    console.print(Markdown(rest, code_theme="ansi_dark"), soft_wrap=False, width=min(console.width, 100))


def show_list(console: Console, definitions: Iterable[Definition]) -> None:
    """Print all findings there are, a line each."""
    for definition in definitions:
        style = _STYLES[definition.severity]
        console.print(Text.assemble((definition.code, style), f"  {definition.severity.value:<7}  {definition.title}"))


def _counted(count: int, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"


def _place(place: Place, base: Path) -> str:
    numbers = [str(number) for number in (place.line, place.column) if number is not None]
    return ":".join([_from(place.file, base), *numbers])


def _from(file: Path, base: Path) -> str:
    return str(file.relative_to(base)) if file.is_relative_to(base) else str(file)

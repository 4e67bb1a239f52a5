"""Where the time of a start went, as tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from vhlocal.session.start_up import slowest
from vhlocal.ui.requests import duration

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from vhlocal.model import Import, Status

#: Imports that are shown; the API has all of them.
_SHOWN = 15

#: How wide the bar of what took all the time would be.
_BAR = 20


def show_start_up(console: Console, status: Status) -> None:
    """Print how an endpoint came to be ready: its parts, its slowest imports, its first request."""
    start = status.start_up
    if start is None:
        return
    first = duration(start.first_request)
    console.print(
        Text.assemble(
            (f"{status.endpoint}: ", "dim"),
            f"ready after {duration(start.seconds)}; its first request took {first}",
        )
    )
    console.print(_parts(start.phases, start.seconds))
    if start.imports is None:
        console.print(Text("  imports are not measured: its command is no single Python program", "dim"))
    elif start.imports:
        console.print(_imports(start.imports))


def _parts(phases: Sequence[tuple[str, float]], total: float) -> Table:
    table = _table("part", "seconds", "")
    for name, seconds in phases:
        bar = "█" * round(_BAR * seconds / total) if total else ""
        table.add_row(name, f"{seconds:.3f}", Text(bar, "cyan"))
    return table


def _imports(imports: Sequence[Import]) -> Table:
    table = _table("import", "with all", "by itself", "imported by")
    for each in slowest(imports, _SHOWN):
        name = Text(each.module, "bold" if each.mine else "")
        name.append(" (yours)" if each.mine else "", "dim")
        name.append(" (at the first request)" if each.at_request else "", "dim")
        table.add_row(name, f"{each.seconds:.3f}", f"{each.own_seconds:.3f}", each.importer)
    shown = len(table.rows)
    if shown < len(imports):
        table.add_row(Text(f"{len(imports):,} modules in all; /api/profile has each", "dim"))
    return table


def _table(*columns: str) -> Table:
    table = Table(box=None, header_style="bold dim", padding=(0, 2, 0, 2))
    for number, column in enumerate(columns):
        table.add_column(column, no_wrap=True, overflow="ellipsis", justify="right" if number in {1, 2} else "left")
    return table

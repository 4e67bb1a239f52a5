"""Where the time of a start went, as tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from vhlocal.session.warm.start_up import slowest
from vhlocal.ui.requests import duration
from vhlocal.ui.tables import new_table, print_whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from vhlocal.model import Import, Status

#: Imports that are shown; the API has all of them.
_SHOWN = 15

#: How wide the bar of what took all the time would be.
_BAR = 30


def show_start_up(console: Console, status: Status) -> None:
    """Print how an endpoint came to be ready: its parts, its slowest imports, its first request."""
    start = status.start_up
    if start is None:
        return
    took = f"ready after {duration(start.seconds)}; its first request took {duration(start.first_request)}"
    console.print(Text.assemble((f"{status.endpoint}: ", "dim"), took))
    _show_parts(console, start.phases, start.seconds)
    if start.imports is None:
        console.print(Text("  imports are not measured: the command is not a single Python program", "dim"))
    elif start.imports:
        _show_imports(console, start.imports)


def _show_parts(console: Console, phases: Sequence[tuple[str, float]], total: float) -> None:
    table = new_table("  part", "seconds", "")
    table.columns[1].justify = "right"
    for name, seconds in phases:
        table.add_row(f"  {name}", f"{seconds:.3f}", Text("█" * round(_BAR * seconds / (total or 1)), "cyan"))
    print_whole(console, table)


def _show_imports(console: Console, imports: Sequence[Import]) -> None:
    table = new_table("  import", "seconds", "by itself", "imported by")
    table.columns[1].justify = table.columns[2].justify = "right"
    shown = slowest(imports, _SHOWN)
    for each in shown:
        name = Text(f"  {each.module}", "bold" if each.mine else "")
        name.append(" (yours)" if each.mine else "", "cyan")
        name.append(" (at the first request)" if each.at_request else "", "dim")
        table.add_row(name, f"{each.seconds:.3f}", f"{each.own_seconds:.3f}", each.importer)
    print_whole(console, table)
    if len(shown) < len(imports):
        console.print(Text(f"  {len(imports):,} modules in total: /api/profile lists them", "dim"))

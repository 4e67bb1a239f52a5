"""What a simulation of scaling came to: a table, and replicas over time as a small chart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from vhlocal.ui.requests import duration
from vhlocal.ui.tables import new_table, print_whole

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import Console

    from vhlocal.scaling.simulate import Outcome

_WIDTH = 60
_HEIGHT = 8


def show_outcomes(console: Console, about: str, rows: Sequence[tuple[str, str, str, Outcome]]) -> None:
    """Print what was replayed, outcomes, each behind its rule, range and target, and below them a chart of each."""
    console.print(Text(about))
    console.print()
    table = new_table("rule", "range", "target", "average", "most", "wait p50", "wait p95", "hit a cold start")
    for rule, within, target, outcome in rows:
        table.add_row(
            rule,
            within,
            target,
            f"{outcome.average:.2f}",
            str(outcome.most),
            duration(outcome.wait(0.5)),
            duration(outcome.wait(0.95)),
            f"{outcome.cold} of {len(outcome.waits)}",
        )
    print_whole(console, table)
    for rule, within, target, outcome in rows:
        console.print()
        console.print(Text(f"{rule} {within}, target {target}: ready replicas over time"))
        for line in chart(outcome):
            console.print(Text(line))


def chart(outcome: Outcome) -> Iterator[str]:
    """Yield the lines of a chart: in each column the most replicas that were ready in that part of the time."""
    columns = _columns(outcome)
    step = -(-outcome.most // _HEIGHT)
    for level in range(-(-outcome.most // step) * step, 0, -step):
        yield f"{level:>4} |" + "".join("#" if count > level - step else " " for count in columns).rstrip()
    yield "     +" + "-" * _WIDTH
    yield f"      0{duration(outcome.seconds):>{_WIDTH - 1}}"


def _columns(outcome: Outcome) -> list[int]:
    width = outcome.seconds / _WIDTH
    ends = [time for time, _ in outcome.steps[1:]] + [outcome.seconds]
    columns = [0] * _WIDTH
    for (begin, count), end in zip(outcome.steps, ends, strict=True):
        first = min(_WIDTH - 1, int(begin / width)) if width else 0
        last = min(_WIDTH - 1, int(end / width)) if width else _WIDTH - 1
        for column in range(first, last + 1):
            columns[column] = max(columns[column], count)
    return columns

"""``vhlocal metrics``."""

from __future__ import annotations

import csv
import io
import json
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import click

from vhlocal.cli.options import endpoint_names, not_both, only, project_options
from vhlocal.cli.running import client_of_run
from vhlocal.visible import json_text, one_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_COLUMNS = ("time", "endpoint", "version", "replica", "name", "count", "min", "max", "mean", "sum", "text")


@click.command("metrics", epilog="Example:  vhlocal metrics digits --csv > metrics.csv")
@click.argument("endpoint", required=False, shell_complete=endpoint_names)
@click.option("--json", "as_json", is_flag=True, help="Print as JSON, with all time buckets.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV, with a row per time bucket.")
@click.option("--step", type=click.IntRange(1), default=1, show_default=True, help="Width of the buckets, in seconds.")
@click.option("--version", help="Only metrics of this version or alias.")
@click.option("--replica", type=int, help="Only metrics of this replica.")
@project_options
def command(directory: Path, endpoint: str | None, as_json: bool, as_csv: bool, step: int, **where: Any) -> None:
    """Show the metrics that the endpoints print: lines of `{"vh_metadata": {...}}` on stdout."""
    not_both("as_csv", "as_json")
    has_buckets = as_json or as_csv
    if not has_buckets:
        only("without --json or --csv", *where)
    asked = {"endpoint": endpoint, **where, "step": step if has_buckets else None}
    found = client_of_run(directory).series({name: str(value) for name, value in asked.items() if value is not None})
    if as_json:
        click.echo(json_text(found))
    elif as_csv:
        written = io.StringIO()
        writer = csv.DictWriter(written, _COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(_rows(found))
        click.echo(written.getvalue(), nl=False)
    elif not found["series"] and not found["texts"]:
        line = json.dumps({"vh_metadata": {"accuracy": 0.92}})
        click.echo(f"No metrics yet. To record one, print a line of JSON to stdout: {line}")
    else:
        from vhlocal.ui import tables  # noqa: PLC0415 - rich is slow to import
        from vhlocal.ui.console import standard_output  # noqa: PLC0415

        tables.show_metrics(standard_output(), found)


def _rows(found: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the buckets of all series, and then the texts."""
    for series in found["series"]:
        for bucket in series["buckets"]:
            row = dict(zip(found["columns"], bucket, strict=True))
            yield {**_of(series), **row, "time": _moment(row["time"])}
    for texts in found["texts"]:
        for each in texts["texts"]:
            yield {**_of(texts), "time": _moment(each["time"]), "text": one_line(each["text"])}


def _of(series: Mapping[str, Any]) -> dict[str, Any]:
    names = {name: series[name] for name in ("endpoint", "version", "replica")}
    return {**names, "name": one_line(series["name"])}


def _moment(seconds: float) -> str:
    exactness = "milliseconds" if seconds % 1 else "seconds"
    return datetime.fromtimestamp(seconds, timezone.utc).isoformat(timespec=exactness)

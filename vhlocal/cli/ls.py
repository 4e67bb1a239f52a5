"""``vhlocal ls``."""

from __future__ import annotations

import json

import click

from vhlocal.cli.options import debug_option
from vhlocal.session.record import all_running

#: Changes when a reader of the older shape would be misled.
_SHAPE = 1


@click.command("ls", epilog="Example:  vhlocal ls --json")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@debug_option
def command(as_json: bool) -> None:
    """List all your runs on this machine, of every project."""
    runs = all_running()
    if as_json:
        facts = [
            {
                "directory": run.directory,
                "url": run.url,
                "version": run.version,
                "ready": run.ready,
                "runtime": run.runtime or None,
                "pid": run.pid,
            }
            for run in runs
        ]
        click.echo(json.dumps({"shape": _SHAPE, "runs": facts}, indent=2))
    elif runs:
        from vhlocal.ui import tables  # noqa: PLC0415 - rich is slow to import
        from vhlocal.ui.console import standard_output  # noqa: PLC0415

        rows = [(run.directory, run.url, run.version, "ready" if run.ready else "starting") for run in runs]
        tables.show_runs(standard_output(), rows)
    else:
        click.echo("Nothing is running")

"""``vhlocal ps``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from vhlocal.cli.options import project_options
from vhlocal.cli.running import client_of_run
from vhlocal.ui import tables
from vhlocal.ui.console import standard_output

if TYPE_CHECKING:
    from pathlib import Path

#: What a script can tell a run with an endpoint that does not answer by.
_NOT_ALL_READY = 1


@click.command("ps", epilog="Example:  vhlocal ps --json")
@click.option("--json", "as_json", is_flag=True, help="Print what the run's API gives.")
@project_options
def command(directory: Path, as_json: bool) -> None:
    """List the endpoints of this project's run with their state and URLs.

    The exit code is 0 when all endpoints are ready, 1 when one is not, 2 when there is no run.
    """
    found = client_of_run(directory).endpoints()
    if as_json:
        click.echo(json.dumps(found, indent=2))
    else:
        tables.show_endpoints(standard_output(), found["endpoints"])
        if found["open_to_network"]:
            click.echo(f"open to the network; status page: {found['page']}")
    if any(endpoint["state"] != "ready" for endpoint in found["endpoints"]):
        raise click.exceptions.Exit(_NOT_ALL_READY)

"""``vhlocal ps``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from vhlocal.cli.options import only, project_options
from vhlocal.cli.running import client_of_run

if TYPE_CHECKING:
    from pathlib import Path

#: Exit code for a run with an endpoint that does not answer.
_NOT_ALL_READY = 1


@click.command("ps", epilog="Example:  vhlocal ps --json")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@click.option("--link", is_flag=True, help="Print only the link to the run's page, which contains the key to it.")
@project_options
def command(directory: Path, as_json: bool, link: bool) -> None:
    """List the running endpoints with their state and URLs.

    Exit code: 0 if all endpoints are ready, 1 if one is not, 2 if nothing is running.
    """
    if link:
        only("with --link", "link")
    found = client_of_run(directory).endpoints()
    if link:
        click.echo(found["page"])
        return
    if as_json:
        # Output for scripts ends up in logs: the key is for people.
        click.echo(json.dumps({**found, "page": found["page"].partition("#")[0], "look": None}, indent=2))
    else:
        from vhlocal.ui import tables  # noqa: PLC0415 - rich is slow to import
        from vhlocal.ui.console import standard_output  # noqa: PLC0415

        tables.show_endpoints(standard_output(), found["endpoints"])
        click.echo(f"page: {found['page']}")
        if found["look"]:
            click.echo(f"Open to the network. From other machines, use: {found['look']}")
    if any(endpoint["state"] != "ready" for endpoint in found["endpoints"]):
        raise click.exceptions.Exit(_NOT_ALL_READY)

"""``vhlocal logs``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from vhlocal.cli.options import end_with_the_reader, endpoint_names, project_options
from vhlocal.cli.running import client_of_run
from vhlocal.ui.console import log_text, standard_output

if TYPE_CHECKING:
    from pathlib import Path


@click.command("logs", epilog="Example:  vhlocal logs -f digits")
@click.argument("endpoint", required=False, shell_complete=endpoint_names)
@click.option("-f", "--follow", is_flag=True, help="Keep following until the run stops.")
@click.option("-n", "--tail", default=200, show_default=True, help="Number of past lines to show.")
@click.option("--version", help="Only lines of this version or alias.")
@click.option("--replica", type=int, help="Only lines of this replica.")
@project_options
def command(
    directory: Path, endpoint: str | None, follow: bool, tail: int, version: str | None, replica: int | None
) -> None:
    """Show the logs of all endpoints, or of one."""
    client = client_of_run(directory)
    console = standard_output()
    if follow:
        end_with_the_reader()
    width = max((len(item["name"]) for item in client.endpoints()["endpoints"]), default=0)
    for line in client.logs(endpoint, tail, follow=follow, version=version, replica=replica):
        console.print(log_text(line["name"], line["stream"], line["text"], width))

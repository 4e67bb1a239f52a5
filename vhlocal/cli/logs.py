"""``vhlocal logs``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from vhlocal.cli.options import project_options
from vhlocal.cli.running import client_of_run
from vhlocal.ui.console import log_text, standard_output

if TYPE_CHECKING:
    from pathlib import Path


@click.command("logs", epilog="Example:  vhlocal logs -f digits")
@click.argument("endpoint", required=False)
@click.option("-f", "--follow", is_flag=True, help="Go on until the run ends.")
@click.option("-n", "--tail", default=200, show_default=True, help="How many lines of the past to show.")
@project_options
def command(directory: Path, endpoint: str | None, follow: bool, tail: int) -> None:
    """Show what the endpoints' servers printed, all of them or one."""
    client = client_of_run(directory)
    console = standard_output()
    width = max((len(item["endpoint"]) for item in client.endpoints()["endpoints"]), default=0)
    for line in client.logs(endpoint, tail, follow=follow):
        console.print(log_text(line["endpoint"], line["stream"], line["text"], width))

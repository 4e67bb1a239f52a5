"""``vhlocal url``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from vhlocal.cli.options import endpoint_names, project_options
from vhlocal.cli.running import client_of_run, url_of

if TYPE_CHECKING:
    from pathlib import Path


@click.command("url", epilog="Example:  curl $(vhlocal url digits --on dev)/predict")
@click.argument("endpoint", required=False, shell_complete=endpoint_names)
@click.option("--on", "--alias", "name", metavar="ALIAS", help="Print the URL under this alias or version.")
@project_options
def command(directory: Path, endpoint: str | None, name: str | None) -> None:
    """Print an endpoint's URL, without a slash at the end. With a single endpoint, its name may be left out.

    Exit code: 0, or 2 if nothing is running or there is no such endpoint or alias.
    """
    click.echo(url_of(client_of_run(directory).endpoints(), endpoint, name))

"""``vhlocal open``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from vhlocal.cli.browser import NO_BROWSER, open_in_browser
from vhlocal.cli.options import endpoint_names, project_options
from vhlocal.cli.running import client_of_run, url_of

if TYPE_CHECKING:
    from pathlib import Path


@click.command("open", epilog="Example:  vhlocal open")
@click.argument("endpoint", required=False, shell_complete=endpoint_names)
@project_options
def command(directory: Path, endpoint: str | None) -> None:
    """Open the run's page in your browser, or an endpoint's URL, and print the link.

    The page's link contains its key. The link is printed even if this machine has no browser.

    Exit code: 0, or 2 if nothing is running or there is no such endpoint.
    """
    client = client_of_run(directory)
    found = client.endpoints()
    if endpoint is None:
        link, address = found["page"], client.invitation()
    else:
        link = address = f"{url_of(found, endpoint, None)}/"
    click.echo(link)
    if not open_in_browser(address):
        click.echo(NO_BROWSER, err=True)

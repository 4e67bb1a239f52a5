"""``vhlocal url``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from vhlocal.cli.options import endpoint_names, project_options
from vhlocal.cli.running import client_of_run
from vhlocal.errors import InputError
from vhlocal.project.schema import did_you_mean

if TYPE_CHECKING:
    from pathlib import Path


@click.command("url", epilog="Example:  curl $(vhlocal url digits --alias dev)/predict")
@click.argument("endpoint", required=False, shell_complete=endpoint_names)
@click.option("--alias", metavar="ALIAS", help="Print the URL under this alias, or another version.")
@project_options
def command(directory: Path, endpoint: str | None, alias: str | None) -> None:
    """Print an endpoint's URL, without a slash at the end. With a single endpoint, its name may be left out.

    Exit code: 0, or 2 if nothing is running or there is no such endpoint or alias.
    """
    found = client_of_run(directory).endpoints()
    urls: dict[str, dict[str, str]] = {}
    for each in found["endpoints"]:
        urls.setdefault(each["endpoint"], {}).update({url.split("/")[-2]: url for url in each["urls"]})
    if endpoint is None and len(urls) == 1:
        (endpoint,) = urls
    if endpoint is None:
        raise InputError("there are several endpoints", hint=f"name one: {', '.join(urls)}")
    if endpoint not in urls:
        raise InputError(f"no endpoint `{endpoint}` is running", hint=did_you_mean(endpoint, urls))
    by_name = urls[endpoint]
    name = alias or next((name for name in (found["version"], *by_name) if name in by_name), found["version"])
    if name not in by_name:
        raise InputError(f"`{endpoint}` is not served under `{name}`", hint=did_you_mean(name, by_name))
    click.echo(by_name[name])

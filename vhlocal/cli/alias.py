"""``vhlocal alias``."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import click

from vhlocal.cli.options import only, project_options
from vhlocal.cli.running import client_of_run
from vhlocal.cli.standing import from_here
from vhlocal.errors import InputError
from vhlocal.project.naming import validate_name
from vhlocal.visible import one_line

if TYPE_CHECKING:
    from pathlib import Path


@click.command("alias", epilog="Example:  vhlocal alias prod 20261126.1")
@click.argument("name", required=False)
@click.argument("version", required=False)
@click.option("--back", is_flag=True, help="Point it at the version that it pointed at before.")
@click.option("--force", is_flag=True, help="Move it even if an endpoint is no longer served under it.")
@project_options
def command(directory: Path, name: str | None, version: str | None, back: bool, force: bool) -> None:
    """Point an alias at another version at once, or list the aliases and their last moves.

    No server is started or stopped. Requests in flight finish on the version that they reached.
    """
    if name is None:
        only("without the name of an alias")
    elif back:
        only("with --back", "back", "force")
    client = client_of_run(directory)
    if name is None:
        found = client.aliases()
        for alias, to in sorted(found["aliases"].items()):
            click.echo(one_line(f"{alias}  {to}"))
        if found["forgotten"]:
            click.echo(f"… {found['forgotten']:,} earlier moves are not kept")
        for move in found["moves"]:
            when = datetime.fromtimestamp(move["time"])
            text = f"{when:%H:%M:%S}  {move['alias']}: {move['before'] or 'nowhere'} → {move['after'] or 'nowhere'}"
            click.echo(one_line(text))
        return
    validate_name(name, "an alias")
    if back == (version is not None):
        raise InputError("name a version, or give --back", hint=f"vhlocal alias {name} VERSION")
    moved = client.point(name, {"force": force, **({"back": True} if back else {"version": version})})
    before = f" (was {moved['before']})" if moved["before"] else ""
    click.echo(one_line(f"{name} points at {moved['after'] or 'no version'}{before}"))
    for endpoint in moved["down"]:
        see = from_here()(f"vhlocal logs {endpoint} --version {name}")
        click.echo(one_line(f"note: {endpoint} does not answer under it now: {see}"), err=True)

"""``vhlocal scale``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from vhlocal.cli.options import project_options
from vhlocal.cli.running import client_of_run
from vhlocal.errors import InputError
from vhlocal.visible import one_line

if TYPE_CHECKING:
    from pathlib import Path


@click.command("scale", epilog="Example:  vhlocal scale digits=3")
@click.argument("wanted", metavar="ENDPOINT=NUMBER[-NUMBER]...", nargs=-1, required=True)
@click.option("--version", help="A version that is served beside the working tree's, or an alias of it.")
@project_options
def command(directory: Path, wanted: tuple[str, ...], version: str | None) -> None:
    """Change how many servers an endpoint of the run has. Those that go are drained first.

    Within a range, such as 1-4, their number follows the load by the rule that `autoscale` names.
    """
    client = client_of_run(directory)
    for text in wanted:
        endpoint, sign, number = text.partition("=")
        if not endpoint or not sign:
            raise InputError(f'"{text}" names no number of replicas', hint=f"such as vhlocal scale {endpoint}=3")
        told = client.scale(endpoint, number, version)
        noun = "replica" if told["replicas"] == "1" else "replicas"
        click.echo(one_line(f"{endpoint}: {told['replicas']} {noun}, before {told['before']}"))

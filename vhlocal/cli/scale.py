"""``vhlocal scale``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from vhlocal.cli.options import project_options
from vhlocal.cli.running import client_of_run
from vhlocal.cli.simulation import show_simulation, simulation_options
from vhlocal.errors import InputError
from vhlocal.project.selection import replica_range
from vhlocal.visible import one_line

if TYPE_CHECKING:
    from pathlib import Path


@click.command("scale", epilog="Example:  vhlocal scale digits=3")
@click.argument("wanted", metavar="ENDPOINT=NUMBER[-NUMBER]...", nargs=-1)
@click.option("--version", help="A version served beside the working tree's, or its alias.")
@simulation_options
@project_options
def command(
    directory: Path, wanted: tuple[str, ...], version: str | None, *, is_simulation: bool, **simulation: Any
) -> None:
    """Change how many servers an endpoint of the run has. Servers that are removed are drained first.

    With a range, such as 1-4, the number follows the load, by the rule that `autoscale` names.

    With --simulate, an access log is replayed instead, with the replicas that published scaling rules would have run:
    vhlocal scale [ENDPOINT] --simulate [--from FILE]. It needs no run.
    """
    if is_simulation:
        if len(wanted) > 1 or any("=" in text for text in wanted):
            hint = "vhlocal scale [ENDPOINT] --simulate; ranges are given with --range"
            raise InputError("a simulation takes one endpoint, by name only", hint=hint)
        show_simulation(directory, next(iter(wanted), None), version, simulation)
        return
    if any(value not in (None, (), False) for value in simulation.values()):
        raise InputError("these options are for a simulation", hint="add --simulate")
    if not wanted:
        raise InputError("no endpoint is named", hint="such as vhlocal scale digits=3, or --simulate")
    numbers = [_number(text) for text in wanted]
    client = client_of_run(directory)
    for endpoint, number in numbers:
        done = client.scale(endpoint, number, version)
        noun = "replica" if done["replicas"] == "1" else "replicas"
        click.echo(one_line(f"{endpoint}: {done['replicas']} {noun} (was {done['before']})"))


def _number(text: str) -> tuple[str, str]:
    """Return an endpoint and how many replicas it is to have, as it was written; InputError for what is none."""
    endpoint, sign, number = text.partition("=")
    if not endpoint or not sign:
        raise InputError(
            f"`{text}` does not say how many replicas", hint=f"write vhlocal scale {endpoint or 'ENDPOINT'}=3"
        )
    return endpoint, str(replica_range(endpoint, number))

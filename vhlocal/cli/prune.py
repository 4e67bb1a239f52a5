"""``vhlocal prune``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from vhlocal.cli.options import project_options
from vhlocal.project.settings import environment
from vhlocal.runtime.docker.engine import Engine
from vhlocal.runtime.docker.prune import Left, prune
from vhlocal.session.record import goes_on, layers_in_use

if TYPE_CHECKING:
    from pathlib import Path


@click.command("prune", epilog="Example:  vhlocal prune --all")
@click.option("--all", "everything", is_flag=True, help="Also what is needed still, `vhlocal build`'s images included.")
@project_options
def command(directory: Path, everything: bool) -> None:
    """Remove images and containers that are not needed any more.

    These are the layers that no project of yours stands on, and what a killed run of this project left. They are
    made again when they are wanted. Base images and everything that vhlocal did not make stay.
    """
    engine = Engine.connect(environment())
    gone = prune(engine, layers_in_use(), Left(str(directory), goes_on), everything=everything)
    engine.close()
    for kind, names in (("container", gone.containers), ("image", gone.images), ("volume", gone.volumes)):
        for name in names:
            click.echo(f"removed {kind} {name}")
    click.echo(f"freed up to {gone.size / 1e6:.0f} MB" if gone.images else "no image was to be removed")

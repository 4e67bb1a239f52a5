"""``vhlocal prune``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from vhlocal.cli.options import project_options
from vhlocal.errors import EngineError
from vhlocal.project.settings import environment
from vhlocal.runtime.connect import engine_may_answer
from vhlocal.session.record import goes_on, layers_in_use, new_run

if TYPE_CHECKING:
    from pathlib import Path


@click.command("prune", epilog="Example:  vhlocal prune --all")
@click.option("--all", "everything", is_flag=True, help="Also what is needed still, `vhlocal build`'s images included.")
@project_options
def command(directory: Path, everything: bool) -> None:
    """Remove images, environments and containers that are not needed any more.

    These are the layers that no project of yours stands on, and what a killed run of this project left. They are
    made again when they are wanted. Base images and everything that vhlocal did not make stay.
    """
    removed = [*_images(directory, everything), *_environments(directory, everything)]
    for kind, name, _ in removed:
        click.echo(f"removed {kind} {name}")
    size = sum(size for _, _, size in removed)
    click.echo(f"freed up to {size / 1e6:.0f} MB" if size else "no image or environment was to be removed")


def _images(directory: Path, everything: bool) -> list[tuple[str, str, int]]:
    """Prune what the engine has: kind, name and bytes of each thing removed. Without an engine there is nothing."""
    if not engine_may_answer(environment()):
        return []
    # Not at the top: without an engine the SDK, which takes long to import, is not needed.
    from vhlocal.runtime.docker.engine import Engine  # noqa: PLC0415
    from vhlocal.runtime.docker.prune import Left, prune  # noqa: PLC0415

    engine = Engine.connect(environment())
    try:
        gone = prune(engine, layers_in_use(), Left(str(directory), goes_on), everything=everything)
    finally:
        engine.close()
    images = [("image", name, gone.size if number == 0 else 0) for number, name in enumerate(gone.images)]
    others = (("container", gone.containers), ("volume", gone.volumes))
    return [*((kind, name, 0) for kind, names in others for name in names), *images]


def _environments(directory: Path, everything: bool) -> list[tuple[str, str, int]]:
    from vhlocal.runtime.process.connect import connect  # noqa: PLC0415

    try:
        runtime = connect(str(directory), new_run())
    except EngineError:  # a system without process servers
        return []
    try:
        return [("environment", name, size) for name, size in runtime.prune(layers_in_use(), everything)]
    finally:
        runtime.close()

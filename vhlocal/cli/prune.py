"""``vhlocal prune``."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from vhlocal.cli.options import project_options
from vhlocal.errors import EngineError
from vhlocal.project.frozen import prune as prune_versions
from vhlocal.project.settings import environment
from vhlocal.runtime.connect import engine_may_answer
from vhlocal.session.record import goes_on, known_layers, layers_in_use, new_run
from vhlocal.storage import identity
from vhlocal.values import dataclass

if TYPE_CHECKING:
    from vhlocal.runtime.docker.prune import Removable


@dataclass(frozen=True)
class _Thing:
    """One thing that is removed, or would be; ``size`` in bytes."""

    kind: str
    name: str
    size: int = 0


@click.command("prune", epilog="Example:  vhlocal prune --dry-run")
@click.option("--all", "everything", is_flag=True, help="Also remove images still in use and those of `vhlocal build`.")
@click.option("--dry-run", is_flag=True, help="Show what would be removed, with sizes.")
@project_options
def command(directory: Path, everything: bool, dry_run: bool) -> None:
    """Remove images, environments, versions and containers that are no longer needed.

    That is: layers that none of your projects use, commits' files that no run serves, and what a killed run of this
    project left behind. They are rebuilt when needed. Base images are kept, and so is everything that vhlocal did
    not make for you.
    """
    things = [
        *_images(directory, everything, dry_run),
        *_environments(directory, everything, dry_run),
        *(_Thing("version", name, size) for name, size in prune_versions(dry_run=dry_run)),
    ]
    for thing in things:
        size = f" ({_megabytes(thing.size)})" if thing.size else ""
        click.echo(f"{'would remove' if dry_run else 'removed'} {thing.kind} {thing.name}{size}")
    total = _megabytes(sum(thing.size for thing in things))
    if not things:
        click.echo("Nothing to remove")
    elif dry_run:
        click.echo(f"This would free up to {total}; nothing was removed")
    else:
        click.echo(f"Freed up to {total}")


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB"


def _images(directory: Path, everything: bool, dry_run: bool) -> list[_Thing]:
    """Prune what the engine has, or find what there is to prune. Without an engine there is nothing."""
    # Not at the top: without an engine the SDK, which takes long to import, is not needed.
    from vhlocal.runtime.docker.layers import forget_earlier  # noqa: PLC0415

    forget_earlier(Path(tempfile.gettempdir()))
    if not engine_may_answer(environment()):
        return []
    from vhlocal.runtime.docker.engine import Engine  # noqa: PLC0415
    from vhlocal.runtime.docker.prune import Left, Owned, removable, remove  # noqa: PLC0415

    engine = Engine.connect(environment())
    try:
        owned = Owned(identity(), known_layers())
        found = removable(engine, layers_in_use(), owned, Left(str(directory), goes_on), everything=everything)
        return _things(found if dry_run else remove(engine, found))
    finally:
        engine.close()


def _things(found: Removable) -> list[_Thing]:
    if found.others:
        click.echo(
            f"{len(found.others)} vhlocal images on this engine are kept: other users or an older vhlocal made them\n"
            "  (list them with `docker image ls --filter label=vhlocal.kind`)",
            err=True,
        )
    return [
        *(_Thing("container", item.labels.get("vhlocal.endpoint") or "a build") for item in found.containers),
        *(_Thing("volume", name) for name in found.volumes),
        *(_Thing("image", name, found.sizes[image.id]) for image in found.images for name in image.tags or (image.id,)),
    ]


def _environments(directory: Path, everything: bool, dry_run: bool) -> list[_Thing]:
    from vhlocal.runtime.process.connect import connect  # noqa: PLC0415

    try:
        runtime = connect(str(directory), new_run())
    except EngineError:  # a system without process servers
        return []
    try:
        found = runtime.prune(layers_in_use(), everything, dry_run)
        return [_Thing("environment", name, size) for name, size in found]
    finally:
        runtime.close()

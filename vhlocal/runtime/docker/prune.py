"""What vhlocal made and nobody needs any more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vhlocal.errors import EngineError
from vhlocal.runtime.docker import labels

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from vhlocal.runtime.docker.engine import Engine, Image


@dataclass(frozen=True)
class Pruned:
    """What was removed, by name, and the images' size in bytes: an upper bound, as images share layers."""

    containers: tuple[str, ...]
    images: tuple[str, ...]
    volumes: tuple[str, ...]
    size: int


@dataclass(frozen=True)
class Left:
    """Containers that were left: those of the project in ``directory`` whose run no longer ``goes_on``."""

    directory: str
    goes_on: Callable[[str], bool]


def prune(engine: Engine, needed: Collection[str], left: Left, *, everything: bool) -> Pruned:
    """Remove images that are not ``needed`` (by tag), and containers that were left.

    With ``everything``, needed layers, whole images and pip's downloads
    go as well. What a container still uses stays.
    """
    found = engine.containers(f"{labels.DIRECTORY}={left.directory}")
    containers = [container for container in found if not left.goes_on(container.labels.get(labels.RUN, ""))]
    for container in containers:
        engine.remove(container.id)
    removed = _remove_images(engine, set() if everything else set(needed), artifacts=everything)
    volumes = []
    if everything and labels.PIP_CACHE in engine.volumes(labels.KIND):
        engine.remove_volume(labels.PIP_CACHE)
        volumes.append(labels.PIP_CACHE)
    return Pruned(
        tuple(container.labels.get(labels.ENDPOINT) or "a build" for container in containers),
        tuple(tag for image in removed for tag in image.tags),
        tuple(volumes),
        sum(image.size for image in removed),
    )


def _remove_images(engine: Engine, needed: set[str], *, artifacts: bool) -> list[Image]:
    removed: list[Image] = []
    # An image that another stands on can only go after it: what is refused is tried again until nothing moves.
    waiting = [
        image
        for image in engine.images(labels.KIND)
        if not needed.intersection(image.tags) and (artifacts or image.labels[labels.KIND] == "layer")
    ]
    while waiting:
        refused = []
        for image in waiting:
            try:
                for tag in image.tags or (image.id,):
                    engine.remove_image(tag)
            except EngineError:
                refused.append(image)
            else:
                removed.append(image)
        if len(refused) == len(waiting):
            break
        waiting = refused
    return removed

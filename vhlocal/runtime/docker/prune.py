"""What vhlocal made for one user and nobody needs any more: found first, so that it can be shown, then removed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vhlocal.errors import EngineError
from vhlocal.runtime.docker import labels
from vhlocal.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from vhlocal.runtime.docker.engine import Container, Engine, Image


@dataclass(frozen=True)
class Removable:
    """What there is to remove.

    ``sizes`` are the bytes of each image beyond the one that it was made on, by id. ``others`` are images that somebody
    else made on this engine, or a vhlocal that did not yet record whose they are: they stay.
    """

    containers: tuple[Container, ...]
    images: tuple[Image, ...]
    volumes: tuple[str, ...]
    sizes: Mapping[str, int]
    others: tuple[Image, ...]


@dataclass(frozen=True)
class Left:
    """Containers that were left: those of the project in ``directory`` whose run no longer ``goes_on``."""

    directory: str
    goes_on: Callable[[str], bool]


@dataclass(frozen=True)
class Owned:
    """Which images are the user's: those that carry the ``identity``, and those whose tags are ``known`` to be.

    An earlier vhlocal wrote no identity.
    """

    identity: str
    known: Collection[str]

    def __contains__(self, image: Image) -> bool:
        """Tell whether an image is the user's."""
        owner = image.labels.get(labels.OWNER)
        return owner == self.identity if owner else not set(image.tags).isdisjoint(self.known)


def removable(engine: Engine, needed: Collection[str], owned: Owned, left: Left, *, everything: bool) -> Removable:
    """Find images that are not ``needed`` (by tag), and containers that were left.

    With ``everything`` it is needed layers, whole images and pip's downloads as well. What a container still uses
    stays, as does what others made.
    """
    found = engine.containers(f"{labels.DIRECTORY}={left.directory}")
    containers = tuple(item for item in found if not left.goes_on(item.labels.get(labels.RUN, "")))
    every = engine.images(labels.KIND)
    used = _used(every, engine.used_images() - {item.image for item in containers})
    images = tuple(
        image
        for image in every
        if image in owned
        and image.id not in used
        and (everything or (image.labels[labels.KIND] == "layer" and set(image.tags).isdisjoint(needed)))
    )
    others = tuple(image for image in every if image not in owned)
    volumes = engine.volumes(labels.PIP_CACHE) if everything and not others else []
    return Removable(containers, images, tuple(volumes), _sizes(engine, images), others)


def remove(engine: Engine, what: Removable) -> Removable:
    """Remove it, and return what has been: what came into use in the meantime stays."""
    for container in what.containers:
        engine.remove(container.id)
    images = _remove_images(engine, what.images)
    for volume in what.volumes:
        engine.remove_volume(volume)
    return Removable(what.containers, images, what.volumes, what.sizes, what.others)


def _used(images: Iterable[Image], used: set[str]) -> set[str]:
    """Return the ids that are used, by containers or by images that are."""
    parents = {image.id: image.labels.get(labels.PARENT, "") for image in images}
    found, waiting = set(), list(used)
    while waiting:
        known = waiting.pop()
        if known and known not in found:
            found.add(known)
            waiting.append(parents.get(known, ""))
    return found


def _sizes(engine: Engine, images: Iterable[Image]) -> dict[str, int]:
    sizes = {}
    for image in images:
        parent = engine.image(image.labels.get(labels.PARENT, "")) if image.labels.get(labels.PARENT) else None
        sizes[image.id] = max(0, image.size - (parent.size if parent else 0))
    return sizes


def _remove_images(engine: Engine, images: Iterable[Image]) -> tuple[Image, ...]:
    removed: list[Image] = []
    # An image that another stands on can only go after it: what is refused is tried again until nothing moves.
    waiting = list(images)
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
    return tuple(removed)

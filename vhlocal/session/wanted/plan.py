"""What has to be done before servers can start, from what is wanted and what is there. Pure, and it prints."""

from __future__ import annotations

from dataclasses import field, replace
from typing import TYPE_CHECKING

from vhlocal.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from vhlocal.model import Place, ServedAt
    from vhlocal.runtime.base import Layer, PresentImage, PresentServer


@dataclass(frozen=True)
class Environment:
    """What an endpoint's server runs in: a base image, and the layers on it, lowest first.

    ``places`` is where in the user's files each of these images is asked for.
    """

    at: ServedAt
    base: str
    layers: tuple[Layer, ...]
    places: Mapping[str, Place] = field(default_factory=dict, compare=False)

    @property
    def image(self) -> str:
        """The name of the topmost image."""
        return self.layers[-1].tag if self.layers else self.base


@dataclass(frozen=True)
class Remove:
    """Take away a server that an earlier run left."""

    server: PresentServer
    cause: str

    @property
    def subject(self) -> str:
        """What the server was for."""
        return self.server.endpoint or "a build"

    def __str__(self) -> str:
        return f"remove {self.subject} ({self.cause})"


@dataclass(frozen=True)
class Pull:
    """Bring a base image here."""

    image: str
    cause: str
    endpoints: tuple[ServedAt, ...]
    place: Place | None = None

    @property
    def key(self) -> str:
        """The image that exists afterwards."""
        return self.image

    def __str__(self) -> str:
        return f"pull {self.image} ({self.cause})"


@dataclass(frozen=True)
class Make:
    """Make one layer, after ``needs`` (an image that another step brings) if that is not None."""

    layer: Layer
    cause: str
    endpoints: tuple[ServedAt, ...]
    needs: str | None
    place: Place | None = None

    @property
    def key(self) -> str:
        """The image that exists afterwards."""
        return self.layer.tag

    def __str__(self) -> str:
        return f"make {self.layer.title} on {self.layer.parent} ({self.cause})"


@dataclass(frozen=True)
class Plan:
    """Steps towards the wanted environments; those that do not need one another may go side by side."""

    remove: tuple[Remove, ...]
    images: tuple[Pull | Make, ...]

    def __str__(self) -> str:
        return "\n".join(str(step) for step in (*self.remove, *self.images))


def plan(
    environments: Iterable[Environment],
    images: Mapping[str, PresentImage],
    servers: Iterable[PresentServer] = (),
) -> Plan:
    """Compare what is wanted with what is there.

    ``images`` maps the names of those that exist; ``servers`` are those of earlier runs. A base image that is gone is
    only pulled when something has to be made on it, or when nothing is.
    """
    steps: dict[str, Pull | Make] = {}
    for environment in environments:
        _plan_environment(environment, images, steps)
    removals = tuple(Remove(server, "left by a run that was killed") for server in servers)
    return Plan(removals, tuple(steps.values()))


def _plan_environment(
    environment: Environment, images: Mapping[str, PresentImage], steps: dict[str, Pull | Make]
) -> None:
    wanted: list[Pull | Make] = []
    parent = environment.base
    for layer in environment.layers:
        cause = _cause(layer, parent, images, made={step.key for step in wanted})
        if cause:
            wanted.append(Make(layer, cause, (environment.at,), None, environment.places.get(layer.tag)))
        parent = layer.tag
    if environment.base not in images and (not environment.layers or len(wanted) == len(environment.layers)):
        place = environment.places.get(environment.base)
        wanted.insert(0, Pull(environment.base, "not on this machine yet", (environment.at,), place))
    previous: str | None = None
    for step in wanted:
        _merge(step, previous, steps)
        previous = step.key


def _cause(layer: Layer, parent: str, images: Mapping[str, PresentImage], made: set[str]) -> str:
    present = images.get(layer.tag)
    if present is None:
        return "first build"
    if parent in made:
        return f"{parent} is rebuilt"
    if parent in images and present.parent != images[parent].id:
        return f"{parent} has changed"
    return ""


def _merge(step: Pull | Make, needs: str | None, steps: dict[str, Pull | Make]) -> None:
    known = steps.get(step.key)
    endpoints = (*(known.endpoints if known else ()), *step.endpoints)
    if isinstance(step, Pull):
        steps[step.key] = replace(step, endpoints=endpoints)
    else:
        steps[step.key] = replace(step, endpoints=endpoints, needs=needs)

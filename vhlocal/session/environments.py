"""From the wanted environments to images that exist."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from vhlocal.errors import BuildError, EngineError
from vhlocal.session.execute import execute
from vhlocal.session.plan import plan
from vhlocal.session.record import ProjectState
from vhlocal.session.tasks import in_thread

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from vhlocal.events import Bus
    from vhlocal.runtime.base import PresentServer, Runtime
    from vhlocal.session.desired import Desired


async def make_environments(
    runtime: Runtime, bus: Bus, wanted: Sequence[Desired], leftovers: Iterable[PresentServer]
) -> dict[str, tuple[tuple[str, float], ...]]:
    """Look at what is there, plan what is missing, and make it; servers of earlier runs are removed first.

    Return what was made for each endpoint: title and seconds of each step.
    """
    environments = [item.environment for item in wanted]
    names = {name for each in environments for name in (each.base, *(layer.tag for layer in each.layers))}
    images = {name: found for name in names if (found := await in_thread(runtime.image, name)) is not None}
    return await execute(plan(environments, images, leftovers), runtime, bus)


def remember_environments(directory: Path, wanted: Sequence[Desired]) -> None:
    """Keep the layers that the project stands on from ``vhlocal prune``."""
    tags = {layer.tag for item in wanted for layer in item.environment.layers}
    ProjectState(directory).keep_layers(sorted(tags))


async def forget_environments(runtime: Runtime, directory: Path) -> None:
    """Remove the layers that the project left long ago; what fails is tried again the next time."""
    with contextlib.suppress(EngineError, BuildError, OSError):
        await in_thread(ProjectState(directory).forget_layers, runtime.discard)

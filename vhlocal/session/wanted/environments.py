"""From the wanted environments to images that exist."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from vhlocal.errors import BuildError, EngineError
from vhlocal.events import Notice, Problem
from vhlocal.session.record import ProjectState
from vhlocal.session.tasks import in_thread
from vhlocal.session.wanted.execute import Outcome, always, execute
from vhlocal.session.wanted.plan import plan

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from vhlocal.errors import VhlocalError
    from vhlocal.events import Bus
    from vhlocal.model import ServedAt
    from vhlocal.runtime.base import PresentServer, Runtime
    from vhlocal.session.wanted.desired import Desired
    from vhlocal.session.wanted.execute import IsNeeded


async def make_environments(
    runtime: Runtime,
    bus: Bus,
    wanted: Sequence[Desired],
    leftovers: Iterable[PresentServer],
    *,
    fail_fast: bool = True,
    is_needed: IsNeeded = always,
) -> Outcome:
    """Look at what is there, plan what is missing, and make it; servers of earlier runs are removed first.

    ``fail_fast`` raises the BuildError of the first step that fails; see ``execute``, also for ``is_needed``.
    """
    environments = [item.environment for item in wanted]
    names = {name for each in environments for name in (each.base, *(layer.tag for layer in each.layers))}
    images = {name: found for name in names if (found := await in_thread(runtime.image, name)) is not None}
    return await execute(plan(environments, images, leftovers), runtime, bus, fail_fast=fail_fast, is_needed=is_needed)


def tell_problems(bus: Bus, failed: Mapping[ServedAt, VhlocalError]) -> None:
    """Report why the environments of endpoints could not be made: each reason once, with the endpoints it is about."""
    names: dict[int, list[str]] = {}
    errors = {id(error): error for error in failed.values()}
    for name, error in failed.items():
        names.setdefault(id(error), []).append(str(name))
    for key, error in errors.items():
        bus.publish(Problem(_about(", ".join(names[key]), error)))


def _about(who: str, error: VhlocalError) -> VhlocalError:
    return BuildError(
        f"{who}: {error.message}", place=error.place, hint=error.hint, detail=error.detail, finding=error.finding
    )


class Upkeep:
    """Sees to it that a server's environment is there: it may have been removed since it was made.

    ``made`` gets what was made again, by endpoint: title and seconds of each step.
    """

    def __init__(self, runtime: Runtime, bus: Bus, made: dict[ServedAt, tuple[tuple[str, float], ...]]) -> None:
        self._runtime = runtime
        self._bus = bus
        self._made = made
        self._one_at_a_time = asyncio.Lock()
        self._unmade: set[ServedAt] = set()

    async def make_all(
        self,
        wanted: tuple[Desired, ...],
        leftovers: Sequence[PresentServer],
        *,
        fail_fast: bool,
        is_needed: IsNeeded = always,
    ) -> Mapping[ServedAt, VhlocalError]:
        """See ``make_environments``; return why the environments of some endpoints are not there."""
        outcome = await make_environments(
            self._runtime, self._bus, wanted, leftovers, fail_fast=fail_fast, is_needed=is_needed
        )
        self._made |= outcome.took
        self._unmade |= set(outcome.failed)  # nobody has removed them
        return outcome.failed

    async def is_there(self, wanted: Desired) -> bool:
        """Tell whether a server can be made in its environment."""
        return await in_thread(self._runtime.image, wanted.environment.image) is not None

    async def make(self, wanted: Desired) -> None:
        """Make what is missing, and report it; BuildError where that fails."""
        async with self._one_at_a_time:  # another endpoint may stand on the same
            if not await self.is_there(wanted):
                at = wanted.at
                if at not in self._unmade:
                    text = f"{wanted.environment.image} was removed: making it again"
                    self._bus.publish(Notice(text, endpoint=at.name))
                self._made |= (await make_environments(self._runtime, self._bus, (wanted,), ())).took
                self._unmade.discard(at)


def remember_environments(directory: Path, wanted: Sequence[Desired]) -> None:
    """Keep the layers that the project stands on from ``vhlocal prune``."""
    tags = {layer.tag for item in wanted for layer in item.environment.layers}
    ProjectState(directory).keep_layers(sorted(tags))


async def forget_environments(runtime: Runtime, directory: Path) -> None:
    """Remove the layers that the project left long ago; what fails is tried again the next time."""
    with contextlib.suppress(EngineError, BuildError, OSError):
        await in_thread(ProjectState(directory).forget_layers, runtime.discard)

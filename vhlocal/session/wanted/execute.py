"""Walks a plan and decides nothing: every step in its own thread, each as soon as what it needs is there."""

from __future__ import annotations

import asyncio
import time
from dataclasses import field
from typing import TYPE_CHECKING

from vhlocal.errors import BuildError
from vhlocal.events import Notice, PullProgress, StepFailed, StepFinished, StepOutput, StepStarted, StepUnneeded
from vhlocal.masked import masked
from vhlocal.session.tasks import in_thread, together
from vhlocal.session.wanted.plan import Make, Plan, Pull, Remove
from vhlocal.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable

    from vhlocal.events import Bus, Event
    from vhlocal.model import ServedAt
    from vhlocal.runtime.base import Runtime

    IsNeeded = Callable[[str], bool]


def always(image: str) -> bool:
    """Tell that an image is needed, whatever is saved meanwhile."""
    return True


@dataclass
class Outcome:
    """How the images of a plan were made, by endpoint: title and seconds of each step, and why one is not there."""

    took: dict[ServedAt, tuple[tuple[str, float], ...]] = field(default_factory=dict)
    failed: dict[ServedAt, BuildError] = field(default_factory=dict)


async def execute(
    plan: Plan, runtime: Runtime, bus: Bus, *, fail_fast: bool = True, is_needed: IsNeeded = always
) -> Outcome:
    """Remove what is to go, then make all images.

    ``is_needed`` tells whether something still stands on an image, from any thread; nothing is published of the others.
    ``fail_fast`` ends the other steps with the first that fails, and raises its BuildError; else only what stands on
    that image is left out. Any other error is raised, and ends all.
    """
    await together(*(_remove(step, runtime, bus) for step in plan.remove))
    loop = asyncio.get_running_loop()
    made: dict[str, asyncio.Future[tuple[str, float] | BuildError]] = {
        step.key: loop.create_future() for step in plan.images
    }

    async def walk(step: Pull | Make) -> None:
        needed = await made[step.needs] if isinstance(step, Make) and step.needs is not None else None
        if isinstance(needed, BuildError):
            made[step.key].set_result(needed)
            return
        try:
            made[step.key].set_result(await _step(step, runtime, bus, is_needed))
        except BuildError as error:
            if fail_fast:
                raise
            made[step.key].set_result(error)

    await together(*map(walk, plan.images))
    outcome = Outcome()
    for step in plan.images:
        result = made[step.key].result()
        for at in step.endpoints:
            if isinstance(result, BuildError):
                outcome.failed.setdefault(at, result)
            else:
                outcome.took[at] = (*outcome.took.get(at, ()), result)
    return outcome


async def _remove(step: Remove, runtime: Runtime, bus: Bus) -> None:
    await in_thread(runtime.remove, step.server.id)
    bus.publish(Notice(f"removed the {runtime.remains} of {step.subject}, {step.cause}"))


async def _step(step: Pull | Make, runtime: Runtime, bus: Bus, is_needed: IsNeeded) -> tuple[str, float]:
    """Do one step, and return its title and its seconds."""
    title = f"pull {step.image}" if isinstance(step, Pull) else step.layer.title
    started = time.monotonic()
    shown = _Shown(step, title, bus, is_needed)
    bus.publish(StepStarted(step.key, title, step.cause, step.endpoints))
    try:
        if isinstance(step, Pull):
            await in_thread(runtime.pull, step.image, shown.pull)
        else:
            await in_thread(runtime.build, step.layer, shown.line)
    except BuildError as error:
        error.place = error.place or step.place
        error.message, error.detail = masked(error.message), masked(error.detail or "") or None
        shown.publish(StepFailed(step.key, title, tuple(shown.output)))
        raise
    seconds = time.monotonic() - started
    shown.publish(StepFinished(step.key, title, seconds))
    return title, seconds


class _Shown:
    """What is published of a step: nothing while nobody needs it. ``output`` has all lines."""

    def __init__(self, step: Pull | Make, title: str, bus: Bus, is_needed: IsNeeded) -> None:
        self._step = step
        self._title = title
        self._bus = bus
        self._is_needed = is_needed
        self._was_needed = True
        self.output: list[str] = []

    def line(self, text: str) -> None:
        text = masked(text)
        self.output.append(text)
        self.publish(StepOutput(self._step.key, text))

    def pull(self, layer: str, status: str, current: int, total: int) -> None:
        self.publish(PullProgress(self._step.key, self._step.key, layer, status, current, total))

    def publish(self, event: Event) -> None:
        """Publish an event of the step if something needs it, and first whether something does, if that has changed."""
        step = self._step
        was_needed, self._was_needed = self._was_needed, self._is_needed(step.key)
        if was_needed and not self._was_needed:
            self._bus.publish(StepUnneeded(step.key, self._title))
        elif self._was_needed and not was_needed:
            self._bus.publish(StepStarted(step.key, self._title, "needed again", step.endpoints))
        if self._was_needed:
            self._bus.publish(event)

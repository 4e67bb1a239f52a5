"""Walks a plan and decides nothing: every step in its own thread, each as soon as what it needs is there."""

from __future__ import annotations

import asyncio
import time
from dataclasses import field
from typing import TYPE_CHECKING

from vhlocal.errors import BuildError
from vhlocal.events import Notice, PullProgress, StepFailed, StepFinished, StepOutput, StepStarted
from vhlocal.masked import masked
from vhlocal.session.tasks import in_thread, together
from vhlocal.session.wanted.plan import Make, Plan, Pull, Remove
from vhlocal.values import dataclass

if TYPE_CHECKING:
    from vhlocal.events import Bus
    from vhlocal.model import ServedAt
    from vhlocal.runtime.base import Runtime


@dataclass
class Outcome:
    """How the images of a plan were made, by endpoint: title and seconds of each step, and why one is not there."""

    took: dict[ServedAt, tuple[tuple[str, float], ...]] = field(default_factory=dict)
    failed: dict[ServedAt, BuildError] = field(default_factory=dict)


async def execute(plan: Plan, runtime: Runtime, bus: Bus, *, fail_fast: bool = True) -> Outcome:
    """Remove what is to go, then make all images.

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
            made[step.key].set_result(await _step(step, runtime, bus))
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


async def _step(step: Pull | Make, runtime: Runtime, bus: Bus) -> tuple[str, float]:
    """Do one step, and return its title and its seconds."""
    title = f"pull {step.image}" if isinstance(step, Pull) else step.layer.title
    started = time.monotonic()
    output: list[str] = []

    def on_line(text: str) -> None:
        text = masked(text)
        output.append(text)
        bus.publish(StepOutput(step.key, text))

    def on_pull(layer: str, status: str, current: int, total: int) -> None:
        bus.publish(PullProgress(step.key, step.key, layer, status, current, total))

    bus.publish(StepStarted(step.key, title, step.cause, step.endpoints))
    try:
        if isinstance(step, Pull):
            await in_thread(runtime.pull, step.image, on_pull)
        else:
            await in_thread(runtime.build, step.layer, on_line)
    except BuildError as error:
        error.place = error.place or step.place
        error.message, error.detail = masked(error.message), masked(error.detail or "") or None
        bus.publish(StepFailed(step.key, title, tuple(output)))
        raise
    seconds = time.monotonic() - started
    bus.publish(StepFinished(step.key, title, seconds))
    return title, seconds

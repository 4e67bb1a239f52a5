"""Walks a plan and decides nothing: every step in its own thread, each as soon as what it needs is there."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from vhlocal.errors import BuildError
from vhlocal.events import Notice, PullProgress, StepFailed, StepFinished, StepOutput, StepStarted
from vhlocal.session.plan import Make, Plan, Pull, Remove
from vhlocal.session.tasks import in_thread, together

if TYPE_CHECKING:
    from vhlocal.events import Bus
    from vhlocal.runtime.base import Runtime


async def execute(plan: Plan, runtime: Runtime, bus: Bus) -> dict[str, tuple[tuple[str, float], ...]]:
    """Remove what is to go, then make all images; BuildError of the first step that fails, the others ended.

    Return what was made for each endpoint: title and seconds of each step.
    """
    await together(*(_remove(step, runtime, bus) for step in plan.remove))
    made = {step.key: asyncio.Event() for step in plan.images}
    took: dict[str, tuple[str, float]] = {}
    await together(*(_step(step, runtime, bus, made, took) for step in plan.images))
    names = {name for step in plan.images for name in step.endpoints}
    return {name: tuple(took[step.key] for step in plan.images if name in step.endpoints) for name in names}


async def _remove(step: Remove, runtime: Runtime, bus: Bus) -> None:
    await in_thread(runtime.remove, step.server.id)
    bus.publish(Notice(f"removed the {runtime.noun} of {step.subject}, {step.cause}"))


async def _step(
    step: Pull | Make,
    runtime: Runtime,
    bus: Bus,
    made: dict[str, asyncio.Event],
    took: dict[str, tuple[str, float]],
) -> None:
    if isinstance(step, Make) and step.needs is not None:
        await made[step.needs].wait()
    title = f"pull {step.image}" if isinstance(step, Pull) else step.layer.title
    started = time.monotonic()
    output: list[str] = []

    def on_line(text: str) -> None:
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
        bus.publish(StepFailed(step.key, title, tuple(output)))
        raise
    took[step.key] = title, time.monotonic() - started
    bus.publish(StepFinished(step.key, *took[step.key]))
    made[step.key].set()

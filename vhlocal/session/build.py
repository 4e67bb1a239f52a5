"""``vhlocal build``: the whole artifact of every endpoint, tagged, and nothing running."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from vhlocal.events import Bus, Problem, StepFinished, StepStarted
from vhlocal.session.leftovers import find_leftovers, remove_servers
from vhlocal.session.record import new_run
from vhlocal.session.tasks import in_thread
from vhlocal.session.wanted.desired import Desired, desired
from vhlocal.session.wanted.environments import make_environments

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from vhlocal.model import Version
    from vhlocal.runtime.base import ImageRuntime
    from vhlocal.session.wanted.load import Loader


async def build(directory: Path, load: Loader, connect: Callable[[str], ImageRuntime], bus: Bus) -> tuple[str, ...]:
    """Make every wanted endpoint's image and return their tags; BuildError, and nothing left, when one fails."""
    inputs, notices = await in_thread(load, "", None)
    for notice in notices:
        bus.publish(notice)
    run = new_run()
    runtime = await in_thread(connect, run)
    wanted = desired(inputs, runtime.base)
    try:
        leftovers = await find_leftovers(runtime, str(directory))
        await make_environments(runtime, bus, wanted, leftovers)
        return tuple([await _artifact(runtime, bus, load.version, item) for item in wanted])
    finally:
        problem = await remove_servers(runtime, str(directory), run)
        if problem is not None:
            bus.publish(Problem(problem))
        await in_thread(runtime.close)


def artifact_tag(version: Version, endpoint: str) -> str:
    """Return the tag of an endpoint's whole image: project, endpoint and version."""
    return f"vhlocal/{version.project}/{endpoint}:{version.name}".lower()


async def _artifact(runtime: ImageRuntime, bus: Bus, version: Version, item: Desired) -> str:
    tag = artifact_tag(version, item.endpoint.name)
    bus.publish(StepStarted(tag, tag, "the whole image", (item.at,)))
    seconds = await in_thread(_timed, runtime, item, tag)
    bus.publish(StepFinished(tag, tag, seconds))
    return tag


def _timed(runtime: ImageRuntime, item: Desired, tag: str) -> float:
    began = time.monotonic()
    runtime.package(item.spec, tag)
    return time.monotonic() - began

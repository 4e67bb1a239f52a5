"""What a replica uses at one moment: what is measured while it is under load."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from vhlocal.errors import EngineError
from vhlocal.values import dataclass

if TYPE_CHECKING:
    from vhlocal.contract.limits import ContainerLimits
    from vhlocal.model import ServedAt
    from vhlocal.runtime.base import Throttling
    from vhlocal.session.endpoint.server import Server


@dataclass(frozen=True)
class Use:
    """Memory in bytes, cached files aside. None stands for what is not known.

    ``slots`` are how many workers answer requests, and how many threads in each, of a WSGI application in Gunicorn's
    own workers; of others it is not known.
    """

    at: ServedAt
    memory: int | None = None
    memory_limit: int | None = None
    cpu_limit: float | None = None
    throttling: Throttling | None = None
    slots: tuple[int, int] | None = None


async def use_of(at: ServedAt, server: Server | None, limits: ContainerLimits) -> Use:
    """Return what a server uses now; no more than its limits where none runs, or its engine is away."""
    use = Use(at, memory_limit=limits.memory, cpu_limit=limits.cpus)
    if server is None or not server.running:
        return use
    try:
        used = await server.usage()
    except EngineError:
        return use
    slots = None if server.reached is None else server.reached.serving.slots
    return (
        replace(use, slots=slots)
        if used is None
        else replace(use, memory=used.memory, throttling=used.throttling, slots=slots)
    )

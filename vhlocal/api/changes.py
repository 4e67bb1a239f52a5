"""What can be asked of a run's deployment, from JSON and in JSON."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from vhlocal.api import describe
from vhlocal.errors import InputError
from vhlocal.project.selection import replica_range
from vhlocal.session.wanted.load import Asked

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping

    from vhlocal.session.deployment import Deployment, Served

    Work = Callable[[Deployment], Coroutine[Any, Any, dict[str, Any]]]


async def versions(deployment: Deployment) -> list[dict[str, Any]]:
    """Return the versions that are served, the working tree's first."""
    return [_version(deployment, served) for served in deployment.served]


async def aliases(deployment: Deployment) -> dict[str, Any]:
    """Return where each alias points, and the last moves, the oldest first, with how many there were before them."""
    pointing = {alias: served.name for served in deployment.served for alias in deployment.aliases(served.name)}
    moves = [
        {"alias": move.alias, "before": move.before, "after": move.after, "time": move.time}
        for move in deployment.moves.last()
    ]
    return {"aliases": pointing, "moves": moves, "forgotten": deployment.moves.forgotten}


def adding(asked: Mapping[str, Any]) -> Work:
    """Serve a commit: ``ref``, and, if given, ``name``, ``aliases``, ``files`` and ``variables``."""
    wanted = Asked(
        "" if asked.get("ref") == "" else _text(asked, "ref"),  # "" is refused as other refs that name no commit are
        _text(asked, "name", ""),
        tuple(map(str, asked.get("aliases") or ())),
        {str(key): Path(str(value)) for key, value in _mapping(asked, "files").items()},
        {str(key): str(value) for key, value in _mapping(asked, "variables").items()},
    )

    async def work(deployment: Deployment) -> dict[str, Any]:
        return _version(deployment, await deployment.add(wanted))

    return work


def removing(name: str) -> Work:
    """Serve a version no longer."""

    async def work(deployment: Deployment) -> dict[str, Any]:
        await deployment.remove(name)
        return {"removed": name}

    return work


def pointing(alias: str, asked: Mapping[str, Any]) -> Work:
    """Move an alias to ``version`` or ``back``, with ``force`` also where an endpoint is lost by that.

    ``down`` in the answer are the endpoints that do not answer under it now.
    """
    force = asked.get("force") is True

    async def work(deployment: Deployment) -> dict[str, Any]:
        if asked.get("back"):
            move = await deployment.back(alias, force=force)
        else:
            move = await deployment.point(alias, _text(asked, "version"), force=force)
        down = [] if move.after is None else deployment.down(move.after)
        return {"alias": alias, "before": move.before, "after": move.after, "down": down}

    return work


def scaling(asked: Mapping[str, Any]) -> Work:
    """Have so many ``replicas`` of an ``endpoint``, of a ``version`` if that is not the working tree's."""
    endpoint = _text(asked, "endpoint")
    within = replica_range(endpoint, str(asked.get("replicas", "")))
    version = _text(asked, "version", "") or None

    async def work(deployment: Deployment) -> dict[str, Any]:
        before = await deployment.scale(endpoint, within, version)
        return {"endpoint": endpoint, "before": before, "replicas": str(within)}

    return work


def restarting(asked: Mapping[str, Any]) -> Work:
    """Have new servers of an ``endpoint``, of a ``version`` if that is not the working tree's."""
    endpoint, version = _text(asked, "endpoint"), _text(asked, "version", "") or None

    async def work(deployment: Deployment) -> dict[str, Any]:
        return {"endpoint": endpoint, "replicas": await deployment.restart(endpoint, version)}

    return work


def using(endpoint: str, version: str | None) -> Work:
    """Report what each replica of an endpoint uses at this moment."""

    async def work(deployment: Deployment) -> dict[str, Any]:
        return {"replicas": [describe.use(each) for each in await deployment.use(endpoint, version)]}

    return work


def _version(deployment: Deployment, served: Served) -> dict[str, Any]:
    inputs = served.inputs()
    return {
        "version": served.name,
        "aliases": list(deployment.aliases(served.name)),
        "ref": served.ref or None,
        "commit": inputs.origin.identifier,
        "revision": inputs.package.revision,
        "notices": [describe.notice(notice) for notice in served.notices],
        "endpoints": [describe.status(status) for status in deployment.statuses(served.name)],
    }


def _text(asked: Mapping[str, Any], name: str, default: str | None = None) -> str:
    value = asked.get(name, default)
    if not isinstance(value, str) or (not value and default is None):
        raise InputError(f"`{name}` is missing or not text")
    return value


def _mapping(asked: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = asked.get(name) or {}
    if not isinstance(value, dict):
        raise InputError(f"`{name}` must be a mapping")
    return value

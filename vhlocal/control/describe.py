"""A run in JSON's words: what the API, ``ps --json`` and the error pages give. Pure."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

from vhlocal.contract.paths import SEGMENTS, names_of, script_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from vhlocal.events import LogLine, Notice
    from vhlocal.findings import Finding
    from vhlocal.model import Status, Version


def status(known: Status) -> dict[str, Any]:
    """Return one endpoint's status."""
    return {
        "endpoint": known.endpoint,
        "state": known.state.value,
        "reason": known.reason,
        "hint": known.hint,
        "place": str(known.place) if known.place else None,
        "detail": known.detail,
        "code": known.finding.definition.code if known.finding else None,
        "page": known.finding.definition.page if known.finding else None,
        "urls": list(known.urls),
        "revision": known.revision,
        "broken": known.broken,
        "strategy": known.strategy.value if known.strategy else None,
        "image": known.image,
        "container": known.container,
        "restarts": known.restarts,
        "memory": {"peak": known.memory.peak, "limit": known.memory.limit} if known.memory else None,
        "since": known.since,
    }


def version(known: Version) -> dict[str, Any]:
    """Return a version's names."""
    return {
        "owner": known.owner,
        "project": known.project,
        "deployment": known.deployment,
        "version": known.name,
        "aliases": list(known.aliases),
    }


def log_line(line: LogLine) -> dict[str, Any]:
    """Return one log line."""
    return {"endpoint": line.endpoint, "stream": line.stream, "text": line.text, "time": line.time}


def notice(known: Notice) -> dict[str, Any]:
    """Return one notice."""
    return {
        "endpoint": known.endpoint,
        "text": known.text,
        "hint": known.hint,
        "place": str(known.place) if known.place else None,
    }


def finding(known: Finding) -> dict[str, Any]:
    """Return one finding."""
    definition = known.definition
    return {
        "code": definition.code,
        "severity": definition.severity.value,
        "title": definition.title,
        "endpoint": known.endpoint,
        "place": str(known.place),
        "seen": known.seen,
        "why": definition.why,
        "change": known.change,
        "framework": known.framework or None,
        "remedy": dict(definition.remedy),
        "page": definition.page,
    }


def unknown_prefix(prefix: str, running: Version, endpoints: Iterable[str]) -> tuple[str, list[str]]:
    """Say which part of an unknown prefix is wrong, and return the paths that would be right, likeliest first."""
    names = names_of(prefix) or {}
    endpoints = list(endpoints)
    expected: dict[str, Sequence[str]] = {
        "owner": [running.owner],
        "project": [running.project],
        "deployment": [running.deployment],
        "version": [running.name, *running.aliases],
        "endpoint": endpoints,
    }
    paths = [
        script_name(running, endpoint, name) + "/"
        for name in (running.name, *running.aliases)
        for endpoint in endpoints
    ]
    nearest = sorted(
        paths, key=lambda path: difflib.SequenceMatcher(None, path, prefix, autojunk=False).ratio(), reverse=True
    )
    for segment in SEGMENTS:
        if names.get(segment) not in expected[segment]:
            return f"no {segment} `{names.get(segment, '')}`; running: {', '.join(expected[segment])}", nearest
    return f"nothing is served at {prefix}", nearest

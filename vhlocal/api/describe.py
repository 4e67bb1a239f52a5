"""A run in JSON's words: what the API, ``ps --json`` and the error pages give. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vhlocal.api.unknown import unknown_path

if TYPE_CHECKING:
    from vhlocal.api.reloads import Reload
    from vhlocal.events import LogLine, Notice
    from vhlocal.findings import Finding
    from vhlocal.model import Call, Import, Status, Version
    from vhlocal.session.endpoint.use import Use
    from vhlocal.session.view import View

#: Changes when a reader of the older shape of ``/api/endpoints`` and ``ps --json`` would be misled.
SHAPE = 1


def status(known: Status) -> dict[str, Any]:
    """Return one endpoint's status."""
    return {
        "endpoint": known.endpoint,
        "version": known.at.version,
        "replica": known.at.replica,
        "name": known.name,
        "state": known.state.value,
        "caveat": known.caveat,
        "reason": known.reason,
        "hint": known.hint,
        "place": str(known.place) if known.place else None,
        "detail": known.detail,
        "code": known.finding.definition.code if known.finding else None,
        "page": known.finding.definition.page if known.finding else None,
        "urls": list(known.urls),
        "description": known.description,
        "revision": known.revision,
        "broken": known.broken,
        "strategy": known.strategy.value if known.strategy else None,
        "image": known.image,
        "container": known.container,
        "restarts": known.restarts,
        "memory": {"peak": known.memory.peak, "limit": known.memory.limit} if known.memory else None,
        "since": known.since,
        "ready_seconds": round(known.start_up.seconds, 3) if known.start_up else None,
    }


def start_up(known: Status) -> dict[str, Any]:
    """Return where the time of an endpoint's last start went; times are None where it has not been ready yet."""
    start = known.start_up
    imports = None if start is None or start.imports is None else [_import(each) for each in start.imports]
    return {
        "endpoint": known.endpoint,
        "ready_seconds": round(start.seconds, 3) if start else None,
        "phases": [{"phase": name, "seconds": round(seconds, 6)} for name, seconds in start.phases] if start else [],
        "first_request_seconds": round(start.first_request, 6) if start else None,
        "imports": imports,
    }


def _import(known: Import) -> dict[str, Any]:
    return {
        "module": known.module,
        "self_seconds": known.own_seconds,
        "cumulative_seconds": known.seconds,
        "imported_by": known.importer or None,
        "project": known.mine,
        "at_first_request": known.at_request,
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
    at = line.at
    return {
        "endpoint": at.endpoint,
        "version": at.version,
        "replica": at.replica,
        "name": at.name,
        "stream": line.stream,
        "text": line.text,
        "time": line.time,
    }


def use(known: Use) -> dict[str, Any]:
    """Return what a replica uses: memory in bytes, CPU in cores."""
    throttling, slots = known.throttling, known.slots
    return {
        "endpoint": known.at.endpoint,
        "version": known.at.version,
        "replica": known.at.replica,
        "name": known.at.name,
        "memory": {"used": known.memory, "limit": known.memory_limit},
        "cpu": {
            "limit": known.cpu_limit,
            "periods": throttling and throttling.periods,
            "throttled": throttling and throttling.throttled,
        },
        "workers": slots and slots[0],
        "threads": slots and slots[1],
    }


def reload(known: Reload) -> dict[str, Any]:
    """Return how one save was brought in, or that it could not be."""
    error = known.error
    return {
        "id": known.id,
        "time": known.time,
        "endpoint": known.endpoint,
        "version": known.version,
        "replicas": known.replicas,
        "revision": known.revision,
        "changed": list(known.changed),
        "strategy": known.strategy.value if known.strategy else None,
        "phases": [{"phase": name, "seconds": round(seconds, 6)} for name, seconds in known.phases],
        "seconds": None if known.seconds is None else round(known.seconds, 6),
        "outcome": known.outcome.value,
        "error": None if error is None else error._asdict(),
        "comparison": known.comparison or None,
        "differs": list(known.differs),
    }


def notice(known: Notice) -> dict[str, Any]:
    """Return one notice."""
    return {
        "endpoint": known.endpoint,
        "text": known.text,
        "hint": known.hint,
        "place": str(known.place) if known.place else None,
    }


def unknown(view: View, path: str) -> dict[str, Any]:
    """Return what there is instead of a path, decoded, at which nothing is served."""
    endpoints: dict[str, list[str]] = {}
    for status in view.board.statuses():
        endpoints.setdefault(status.at.version, []).append(status.endpoint)
    found = unknown_path(path, view.versions(), endpoints)
    return {"error": found.error, "hint": found.hint, "known": found.known}


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
        "edits": [
            {"place": str(edit.place), "old": edit.old, "new": edit.new, "shown": list(edit.shown)}
            for edit in known.edits
        ],
        "framework": known.framework or None,
        "remedy": dict(definition.remedy),
        "page": definition.page,
    }


def call(known: Call | None) -> dict[str, str] | None:
    """Return a request that an app has a route for; a body of the disk is left to who sends it."""
    return None if known is None else {"method": known.method, "target": known.target, "body": known.body}

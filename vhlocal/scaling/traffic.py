"""Recorded requests, read from the lines of an access log."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING, Any

from vhlocal.errors import InputError
from vhlocal.model import Place
from vhlocal.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_SWITCHED = 101

#: Seconds until the year 10000: a time in milliseconds is beyond.
_LAST_TIME = 253_402_300_800
#: Seconds that a request can have taken: a simulation looks at each few of them.
_LONGEST = 31 * 24 * 3600
#: The most that a fact of a line can be.
_MOST = {"time": _LAST_TIME, "seconds": _LONGEST, "gateway_seconds": _LONGEST, "status": 999}


@dataclass(frozen=True)
class Request:
    """When a request came, in epoch seconds, and how many seconds a server then took for it."""

    arrival: float
    seconds: float


@dataclass(frozen=True)
class Traffic:
    """An endpoint's requests by arrival. ``left_out`` counts those that no server answered, and WebSockets.

    ``versions`` are those that the requests went to, in the order of their names.
    """

    endpoint: str
    requests: tuple[Request, ...]
    left_out: int
    versions: tuple[str, ...] = ()


def read_traffic(lines: Iterable[str], file: Path, endpoint: str | None, version: str | None = None) -> Traffic:
    """Return the requests of one endpoint, of the only one where none is named; ``file`` is where the lines are from.

    Those to all of its versions, unless one is named.

    A request came its ``seconds`` before its ``time``, and took them less its ``gateway_seconds``. InputError for a
    line that is none of an access log's, with its number, and where there is no request or the endpoint is not clear.
    """
    found: dict[str, list[Request]] = {}
    left_out: dict[str, int] = {}
    versions: dict[str, set[str]] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        facts = _facts(line, Place(file, number))
        name, served = facts["endpoint"], str(facts.get("version") or "")  # logs of old runs name none
        if name is None or version not in (None, served):
            continue
        if served:
            versions.setdefault(name, set()).add(served)
        gateway = facts["gateway_seconds"]
        found.setdefault(name, [])
        if gateway is None or facts["status"] == _SWITCHED:
            left_out[name] = left_out.get(name, 0) + 1
        else:
            arrival = facts["time"] - facts["seconds"]
            found[name].append(Request(arrival, max(0.0, facts["seconds"] - gateway)))
    if not found and version is not None:
        raise InputError(
            f"{file} has no request to a version {version}",
            hint="give the version's name; its aliases are not recorded",
        )
    name = _chosen(found, endpoint, file)
    if not found[name]:
        raise InputError(f"no request to `{name}` in {file} was answered by a server", hint="record some first")
    requests = tuple(sorted(found[name], key=lambda request: request.arrival))
    return Traffic(name, requests, left_out.get(name, 0), tuple(sorted(versions.get(name, ()))))


def _chosen(found: dict[str, list[Request]], endpoint: str | None, file: Path) -> str:
    if not found:
        raise InputError(f"{file} has no request to an endpoint", hint="record some: vhlocal up --access-log FILE")
    if endpoint is None and len(found) > 1:
        names = sorted(found)
        raise InputError(
            f"{file} has requests to {', '.join(names)}",
            hint=f"name one of them: vhlocal scale {names[0]} --simulate --from {shlex.quote(str(file))}",
        )
    if endpoint is not None and endpoint not in found:
        raise InputError(f"{file} has no request to `{endpoint}`", hint=f"it has some to {', '.join(sorted(found))}")
    return endpoint or next(iter(found))


def _facts(line: str, place: Place) -> dict[str, Any]:
    try:
        facts = json.loads(line)
    except (ValueError, RecursionError) as error:
        hint = "each line of an access log is one JSON object: remove the other lines"
        raise InputError("the line is not JSON", place=place, hint=hint, detail=line.strip()[:200]) from error
    wrong = None
    if not isinstance(facts, dict):
        wrong = "the line is not a JSON object"
    elif not (facts.get("endpoint", 0) is None or isinstance(facts.get("endpoint"), str)):
        wrong = "the line has no `endpoint`"
    else:
        asked = (
            "time",
            "seconds",
            "status",
            *(() if facts.get("gateway_seconds", 0) is None else ("gateway_seconds",)),
        )
        wrong = next((fault for name in asked if (fault := _fault(name, facts.get(name)))), None)
    if wrong:
        raise InputError(
            f"{wrong}: this is not a vhlocal access log",
            place=place,
            hint="give a file that `vhlocal up --access-log FILE` has written",
            detail=line.strip()[:200],
        )
    return dict(facts)


def _fault(name: str, value: object) -> str | None:
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return f"`{name}` is not a number"
    if not 0 <= value <= _MOST[name]:  # of NaN, neither is true
        return f"`{name}` is not between 0 and {_MOST[name]}"
    return None

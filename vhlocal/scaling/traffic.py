"""Recorded requests, read from the lines of an access log."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

from vhlocal.errors import InputError
from vhlocal.model import Place
from vhlocal.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_SWITCHED = 101


@dataclass(frozen=True)
class Request:
    """When a request came, in epoch seconds, and how many seconds a server then took for it."""

    arrival: float
    seconds: float


@dataclass(frozen=True)
class Traffic:
    """An endpoint's requests by arrival. ``left_out`` counts those that no server answered, and WebSockets."""

    endpoint: str
    requests: tuple[Request, ...]
    left_out: int


def read_traffic(lines: Iterable[str], file: Path, endpoint: str | None) -> Traffic:
    """Return the requests of one endpoint, of the only one where none is named; ``file`` is where the lines are from.

    A request came its ``seconds`` before its ``time``, and took them less its ``gateway_seconds``. InputError for a
    line that is none of an access log's, with its number, and where there is no request or the endpoint is not clear.
    """
    found: dict[str, list[Request]] = {}
    left_out: dict[str, int] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        facts = _facts(line, Place(file, number))
        name = facts["endpoint"]
        if name is None:
            continue
        gateway = facts["gateway_seconds"]
        found.setdefault(name, [])
        if gateway is None or facts["status"] == _SWITCHED:
            left_out[name] = left_out.get(name, 0) + 1
        else:
            arrival = facts["time"] - facts["seconds"]
            found[name].append(Request(arrival, max(0.0, facts["seconds"] - gateway)))
    name = _chosen(found, endpoint, file)
    if not found[name]:
        raise InputError(f"no request to `{name}` in {file} was answered by a server", hint="record some first")
    return Traffic(name, tuple(sorted(found[name], key=lambda request: request.arrival)), left_out.get(name, 0))


def _chosen(found: dict[str, list[Request]], endpoint: str | None, file: Path) -> str:
    if not found:
        raise InputError(f"{file} has no request to an endpoint", hint="record some: vhlocal up --access-log FILE")
    if endpoint is None and len(found) > 1:
        names = sorted(found)
        raise InputError(
            f"{file} has requests to {', '.join(names)}",
            hint=f"name one of them: vhlocal scale {names[0]} --simulate",
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
        wrong = next((f"`{name}` is not a number" for name in asked if not _is_number(facts.get(name))), None)
    if wrong:
        raise InputError(
            f"{wrong}: this is not a vhlocal access log",
            place=place,
            hint="give a file that `vhlocal up --access-log FILE` has written",
            detail=line.strip()[:200],
        )
    return dict(facts)


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value) and value >= 0

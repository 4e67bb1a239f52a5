"""What is said of a path that nothing is served at: which part of it is wrong, and which paths would be right. Pure."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from vhlocal.contract.paths import SEGMENTS, script_name
from vhlocal.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from vhlocal.model import Version

_FORM = "an endpoint's path is /" + "/".join(SEGMENTS)


@dataclass(frozen=True)
class Unknown:
    """An error, what to do, and the paths that are served, likeliest first."""

    error: str
    hint: str
    known: list[str]


def unknown_path(path: str, running: Sequence[Version], endpoints: Mapping[str, Sequence[str]]) -> Unknown:
    """Say what is wrong with a path, decoded, that leads to no endpoint of the versions that run (P1, K10).

    ``endpoints`` are by version.
    """
    served = {
        name: (version, tuple(dict.fromkeys(endpoints.get(version.name, ()))))
        for version in running
        for name in (version.name, *version.aliases)
    }
    first = running[0]
    named = path.removeprefix("/").split("/")[3:4]
    asked = [served[name] for name in named if name in served] or list(served.values())
    expected = {
        "owner": (first.owner,),
        "project": (first.project,),
        "deployment": (first.deployment,),
        "version": tuple(served),
        "endpoint": tuple(dict.fromkeys(endpoint for _, there in asked for endpoint in there)),
    }
    known = [
        f"{script_name(version, endpoint, name)}/" for name, (version, there) in served.items() for endpoint in there
    ]
    known.sort(key=lambda right: _likeness(right, path), reverse=True)
    at = f" in {named[0]}" if len(running) > 1 and named and named[0] in served else ""
    return Unknown(*_wrong_part(path, expected, at), known)


def _wrong_part(path: str, expected: Mapping[str, Sequence[str]], at: str) -> tuple[str, str]:
    names = path.removeprefix("/").split("/", len(SEGMENTS) - 1)
    if not names[-1]:
        names.pop()
    if len(names) < len(SEGMENTS) and names[:1] != list(expected["owner"]):
        # Not the beginning of an endpoint's path: such are links of apps that forget their prefix.
        return f"nothing is served at {path}", f"{_FORM}; an app's own links begin with its prefix, SCRIPT_NAME"
    for segment, name in zip(SEGMENTS, names, strict=False):
        right = expected[segment]
        if not name or name.startswith("/"):
            return f"the {segment} is missing: the path has two slashes in a row", _FORM
        if name not in right:
            where = at if segment == "endpoint" else ""
            return f"no {segment} `{name}`{where}; running: {', '.join(right)}", _meant(name, right)
    missing = SEGMENTS[len(names) :]
    if missing:
        right = expected[missing[0]]
        return f"the path ends before the {missing[0]}; running: {', '.join(right)}", _FORM
    return f"nothing is served at {path}", "see all paths with `vhlocal ps`"


def _meant(name: str, right: Sequence[str]) -> str:
    by_lower = {each.lower(): each for each in right}
    if name.lower() in by_lower:
        return f"names are case-sensitive: did you mean `{by_lower[name.lower()]}`?"
    near = difflib.get_close_matches(name.lower(), by_lower, 1)
    return f"did you mean `{by_lower[near[0]]}`?" if near else "see all paths with `vhlocal ps`"


def _likeness(right: str, path: str) -> float:
    return difflib.SequenceMatcher(None, right.lower(), path.lower(), autojunk=False).ratio()

"""What was asked of endpoints that have several replicas, and when these are to be compared. Pure."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from vhlocal.checks.prefix.compared import looks
from vhlocal.contract.paths import split_target

if TYPE_CHECKING:
    from vhlocal.model import RequestRecord, ServedAt

#: How many paths of an endpoint are compared at a time, and how often in all, for each revision.
_MOST_PATHS = 8
_MOST_TIMES = 24

_Key = tuple[str, str | None, str]


class AskedOfReplicas:
    """The paths that GET requests have asked for, for each revision of an endpoint.

    Replicas are compared once a path is new, and after each request that may have changed something: one comparison at
    a time for an endpoint, and so many in all.
    """

    def __init__(self) -> None:
        self._paths: defaultdict[_Key, dict[str, None]] = defaultdict(dict)
        self._times: defaultdict[_Key, int] = defaultdict(int)
        self._waiting: set[_Key] = set()

    def calls_for_comparison(self, record: RequestRecord, path: str) -> bool:
        """Remember a request, and return whether to compare now; ``path`` is what to ask for by GET in its place."""
        if record.endpoint is None or not record.replica or record.reason or "?" in record.target:
            return False
        if not (200 <= record.status < 400 or record.status == 404) or record.method == "HEAD":
            return False
        key = record.version, record.endpoint, record.revision
        paths, known = self._paths[key], len(self._paths[key])
        for one in (path, *(() if record.method == "GET" else _own_path(record))):
            if len(paths) < _MOST_PATHS:
                paths[one] = None
        if (record.method == "GET" and len(paths) == known) or key in self._waiting or self._times[key] >= _MOST_TIMES:
            return False
        self._waiting.add(key)
        self._times[key] += 1
        return True

    def take(self, at: ServedAt, revision: str) -> tuple[str, ...]:
        """Return the paths to compare now; what is asked from now on calls for another comparison."""
        key = at.version, at.endpoint, revision
        self._waiting.discard(key)
        return tuple(self._paths[key])


def _own_path(record: RequestRecord) -> tuple[str, ...]:
    """Return the path of a request that is no GET, if a GET of it only looks: not every app minds the method."""
    split = split_target(record.target.encode())
    is_plain = record.target.isascii() and record.target.isprintable()
    path = "" if split is None else split[1].decode()
    return (path,) if is_plain and (path in ("", "/") or looks(path)) else ()

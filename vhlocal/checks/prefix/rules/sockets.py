"""VH412: a WebSocket is refused below the prefix (P4, P7, K9)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vhlocal.checks.prefix.evidence import SWITCHED
from vhlocal.checks.prefix.settings import OWN_WAYS
from vhlocal.checks.rule import Rule
from vhlocal.findings import Definition, Example, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vhlocal.checks.prefix.evidence import Evidence
    from vhlocal.findings import Finding

DEFINITION = Definition(
    code="VH412",
    title="A WebSocket is rejected below the prefix",
    severity=Severity.ERROR,
    why="A WebSocket begins with a GET request, and its path has the prefix like any other. A middleware that removes "
    "the prefix only from HTTP requests leaves it there: pages work, but the WebSockets that they open are "
    "rejected.",
    remedy={
        "": "Treat a WebSocket's path like any other request's.",
        **OWN_WAYS,
        "FastAPI": 'Write `if scope["type"] in ("http", "websocket"):` in the middleware, or remove it and write '
        "`wsgi: server:app`.",
    },
    example=Example(
        "python",
        'if scope["type"] == "http":',
        'if scope["type"] in ("http", "websocket"):',
    ),
    rows=("P4", "P7", "K9"),
)


def find(evidence: Evidence) -> Iterator[Finding]:
    """Yield a WebSocket that is there without the prefix, or under the version, and not where it is asked for."""
    version, alias = evidence.case.version, evidence.case.alias
    if evidence.unprefixed is not None or evidence.twice is not None:
        return
    for path in evidence.case.sockets:
        bare, below, by_alias = (evidence.socket(prefix, path) for prefix in ("", version, alias))
        if below is None or below.status >= 500:
            continue
        if below.status != SWITCHED and bare is not None and bare.status == SWITCHED:
            seen = f"the WebSocket at `{path}` works, but {below.status} at `{version}{path}`"
        elif below.status == SWITCHED and by_alias is not None and 400 <= by_alias.status < 500:
            if evidence.is_lost(alias, "/"):
                continue  # another finding reports that nothing is there
            seen = f"the WebSocket at `{version}{path}` works, but {by_alias.status} at `{alias}{path}`"
        else:
            continue
        change, code = "remove the prefix in `X-VH-Prefix` from a WebSocket's path, too", evidence.code
        caveat, has_own_way = "but rejects its WebSocket below its prefix", code.framework in OWN_WAYS
        change = "give it its prefix" if has_own_way else change
        edits = code.fixes.own_way if has_own_way else ()
        yield evidence.finding(DEFINITION, code.place_of(path), seen, change, caveat, edits)
        return


RULE = Rule((DEFINITION,), find)

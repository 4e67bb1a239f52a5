"""VH408: Uvicorn serves routes that do not begin with the prefix (R6)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vhlocal.checks.prefix.servers import ASGI_SERVERS
from vhlocal.checks.rule import Rule
from vhlocal.findings import Definition, Example, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vhlocal.checks.prefix.evidence import Evidence
    from vhlocal.findings import Finding

DEFINITION = Definition(
    code="VH408",
    title="Uvicorn serves an app without its prefix",
    severity=Severity.ERROR,
    why="Uvicorn hands the whole path to the app, the prefix included, and takes nothing away. Routes that begin at "
    "`/` are not reached: the app answers 404 to everything.",
    remedy={
        "": "Write `wsgi: server:app`: the prefix is then known to the app, under every name.",
        "FastAPI": "Write `wsgi: server:app`; or give each route the prefix: "
        '`APIRouter(prefix="/owner/project/deployment/{version}/endpoint")`.',
    },
    example=Example("yaml", "server-command: ~/.local/bin/uvicorn server:app --host 0.0.0.0", "wsgi: server:app"),
    rows=("P4", "R5", "R6"),
)


def find(evidence: Evidence) -> Iterator[Finding]:
    """Yield a path that is there without the prefix alone, under Uvicorn and its like."""
    path = evidence.unprefixed
    if path is not None and not evidence.is_doubling and evidence.is_served_by(*ASGI_SERVERS):
        yield evidence.finding(
            DEFINITION,
            evidence.code.started,
            f"it answers at `{path or '/'}`, and 404 at `{evidence.case.version}{path}`",
            "serve it by `wsgi`, or give each route the prefix",
        )


RULE = Rule((DEFINITION,), find)

"""VH401: the app knows nothing of its prefix (P4)."""

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
    code="VH401",
    title="The app does not know its prefix",
    severity=Severity.ERROR,
    why="An endpoint is served below `/<owner>/<project>/<deployment>/<version>/<endpoint>`, and the server in the "
    "container is sent that whole path: nothing takes the prefix away. An app whose routes begin at `/` has no route "
    "for it, and answers 404 to everything.",
    remedy={
        "": "Let a server that takes the prefix into account run the app (`wsgi: server:app`), or wrap it in a "
        "middleware that reads the prefix of the request from `X-VH-Prefix`.",
        "Flask": "Write `wsgi: server:app` instead of `server-command`.",
        "Django": "Write `wsgi: mysite.wsgi` instead of `server-command`.",
        "FastAPI": "Write `wsgi: server:app` instead of `server-command`.",
        "WSGI": "Write `wsgi: server:application`, or move the prefix from `PATH_INFO` to `SCRIPT_NAME` first.",
    },
    example=Example(
        "yaml",
        "server-command: ~/.local/bin/waitress-serve --port=$VALOHAI_PORT server:app",
        "wsgi: server:app",
    ),
    rows=("P1", "P4", "P5", "P7"),
)


def find(evidence: Evidence) -> Iterator[Finding]:
    """Yield a path that is there without the prefix alone."""
    path = evidence.unprefixed
    if path is not None and not evidence.is_doubling and not evidence.is_served_by(*ASGI_SERVERS):
        yield evidence.finding(
            DEFINITION,
            evidence.code.app,
            f"it answers at `{path or '/'}`, and 404 at `{evidence.case.version}{path}`",
            "serve it by `wsgi`, or have it take the prefix of `X-VH-Prefix` from the path",
        )


RULE = Rule((DEFINITION,), find)

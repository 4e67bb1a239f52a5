"""VH403: the prefix is put before paths, or taken from them, twice (P4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vhlocal.checks.rule import Rule
from vhlocal.findings import Definition, Example, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vhlocal.checks.prefix.evidence import Evidence
    from vhlocal.findings import Finding

DEFINITION = Definition(
    code="VH403",
    title="The prefix is added to the path, or removed from it, twice",
    severity=Severity.ERROR,
    why="The path arrives with its prefix. Uvicorn's `root_path` is for proxies that remove the prefix, so Uvicorn "
    "adds it to the path again. Gunicorn has already moved the prefix to `SCRIPT_NAME` when a middleware in the "
    "app looks for it in the path. Either way, the app sees a path that it has no route for.",
    remedy={
        "": "Do it once: in the server or in the app.",
        "Flask": "Remove the middleware: under `wsgi`, `SCRIPT_NAME` and `PATH_INFO` are already right.",
        "Django": "Remove the middleware and `FORCE_SCRIPT_NAME`: under `wsgi`, `SCRIPT_NAME` and `PATH_INFO` are "
        "already right.",
        "FastAPI": "Remove `--root-path`, and write `wsgi: server:app`.",
        "WSGI": 'Remove the prefix only if `environ["SCRIPT_NAME"]` is empty.',
    },
    example=Example(
        "yaml",
        "server-command: ~/.local/bin/uvicorn server:app --host 0.0.0.0 --root-path $SCRIPT_NAME",
        "wsgi: server:app",
    ),
    rows=("P4", "R4", "R6", "R7"),
)


def find(evidence: Evidence) -> Iterator[Finding]:
    """Yield a path that is there only with a prefix more, or only without one where the server adds its own."""
    code, version = evidence.code, evidence.case.version
    if not evidence.is_doubling:
        return
    if evidence.twice is not None:
        seen = f"it answers if the path has the prefix twice, and returns 404 at `{version}{evidence.twice}`"
        yield evidence.finding(
            DEFINITION, code.app, seen, "leave the prefix to the server, which has already removed it", evidence.caveat
        )
    else:
        seen = (
            f"the server was given a root path: 404 at `{version}{evidence.unprefixed}`, but an answer without the "
            f"prefix"
        )
        yield evidence.finding(
            DEFINITION,
            code.root_path or code.app,
            seen,
            f"remove the root path: {code.by_wsgi}",
            evidence.caveat,
            code.fixes.by_wsgi_alone,
        )


RULE = Rule((DEFINITION,), find)

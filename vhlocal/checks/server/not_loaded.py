"""VH513: what ``wsgi`` names could not be loaded (R4)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from vhlocal.checks.rule import Rule
from vhlocal.findings import Definition, Example, Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vhlocal.checks.server.evidence import Ended

DEFINITION = Definition(
    code="VH513",
    title="The application that `wsgi` names could not be loaded",
    severity=Severity.ERROR,
    why="Gunicorn imports the module and looks up the callable in it before it answers requests. If the import fails, "
    "or the module has no such name, no worker can start, and the server ends.",
    remedy={
        "": "Name a packaged module and the app's name in it: `module:app`.",
        "Django": "Name the module that calls `get_wsgi_application()`: `site.wsgi`.",
    },
    example=Example("yaml", "wsgi: server:application", "wsgi: server:app"),
    rows=("R4",),
)

_NOT_LOADED = re.compile(r"^wsgi: \S+ could not be loaded: (.+)$", re.MULTILINE)


def find(ended: Ended) -> Iterator[Finding]:
    """Yield why it could not be."""
    reasons = _NOT_LOADED.findall(ended.text)
    if reasons:
        change = ended.fix or "make sure that the module has that name; the log says why"
        if "null bytes" in reasons[-1]:
            change = "save that module again: it holds null bytes, as after a save that was broken off"
        yield Finding(
            DEFINITION,
            ended.place,
            f"`wsgi: {ended.endpoint.wsgi}` could not be loaded: {reasons[-1]}",
            change,
            ended.endpoint.name,
        )


RULE = Rule((DEFINITION,), find)

"""VH409: Gunicorn by `server-command` fails under every alias (R8)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vhlocal.checks.prefix.evidence import NONSENSE
from vhlocal.checks.prefix.servers import GUNICORN
from vhlocal.checks.rule import Rule
from vhlocal.findings import Definition, Example, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vhlocal.checks.prefix.evidence import Evidence
    from vhlocal.findings import Finding

DEFINITION = Definition(
    code="VH409",
    title="Gunicorn answers 500 under an alias",
    severity=Severity.ERROR,
    why="Gunicorn takes the prefix from `SCRIPT_NAME` in the environment, which is the version's prefix, and answers "
    "500 to every path that does not begin with it; the app is never called. Paths under an alias never begin with "
    "it.",
    remedy={
        "": "Write `wsgi: server:app` instead of starting Gunicorn yourself. Otherwise, remove the prefix in "
        "`X-VH-Prefix` from the path in a middleware, and start Gunicorn with an empty `SCRIPT_NAME`.",
        "Django": "Write `wsgi: mysite.wsgi` instead of starting Gunicorn yourself.",
    },
    example=Example(
        "yaml",
        "server-command: ~/.local/bin/gunicorn --bind 0.0.0.0:$VALOHAI_PORT server:app",
        "wsgi: server:app",
    ),
    rows=("P3", "P5", "R8"),
)


def find(evidence: Evidence) -> Iterator[Finding]:
    """Yield an alias under which all is 500, where the version's paths are answered."""
    case = evidence.case
    paths = ("/", NONSENSE)
    versions, aliases = ([evidence.under(prefix, path) for path in paths] for prefix in (case.version, case.alias))
    works = all(answer is not None and answer.status < 500 for answer in versions)
    fails = all(answer is not None and answer.status == 500 for answer in aliases)
    if works and fails and evidence.is_served_by(GUNICORN):
        seen = f"500 at `{case.alias}/`, where `{case.version}/` works"
        code, caveat = evidence.code, "but answers 500 under aliases"
        yield evidence.finding(DEFINITION, code.started, seen, code.by_wsgi, caveat, code.fixes.by_wsgi)


RULE = Rule((DEFINITION,), find)

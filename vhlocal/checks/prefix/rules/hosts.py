"""VH411: the app answers to this machine's names alone (K9)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vhlocal.checks.rule import Rule
from vhlocal.findings import Definition, Example, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vhlocal.checks.prefix.evidence import Evidence
    from vhlocal.findings import Finding

DEFINITION = Definition(
    code="VH411",
    title="The app answers to hosts of this machine alone",
    severity=Severity.ERROR,
    why="In production a request names the host of the cluster in its `Host` header, which reaches the app unchanged. "
    "An app that accepts `localhost` or an address alone refuses each of them, mostly with 400.",
    remedy={
        "": "Accept the host of your cluster. Its ingress alone reaches the server, so `*`, every name, will do.",
        "Django": 'Write `ALLOWED_HOSTS = ["*"]` in the settings, or the host of your cluster in place of `*`.',
        "FastAPI": 'Write `TrustedHostMiddleware, allowed_hosts=["*"]`, or leave the middleware out.',
    },
    example=Example("python", "ALLOWED_HOSTS = []", 'ALLOWED_HOSTS = ["*"]'),
    rows=("K9",),
)


def find(evidence: Evidence) -> Iterator[Finding]:
    """Yield an endpoint whose root is answered to a name of this machine, and refused to one as production's."""
    case = evidence.case
    answer = evidence.under(case.version, "/")
    if answer is None or not 400 <= answer.status < 500:
        return
    for host in case.local_hosts:
        local = evidence.locally(host)
        if local is not None and local.status != answer.status and local.status < 500:
            place = evidence.code.hosts or evidence.code.app
            seen = f"{answer.status} to a request whose host is `{case.host}`, {local.status} where it is `{host}`"
            caveat = f"but answers {answer.status} to production's host"
            change = "accept the host of your cluster, or every one"
            yield evidence.finding(DEFINITION, place, seen, change, caveat, evidence.code.fixes.hosts)
            return


RULE = Rule((DEFINITION,), find)

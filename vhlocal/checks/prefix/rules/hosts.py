"""VH411: the app answers to this machine's names alone (K9)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vhlocal.checks.prefix.evidence import NONSENSE, Asked
from vhlocal.checks.rule import Rule
from vhlocal.findings import Definition, Example, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vhlocal.checks.hosts import Hosts
    from vhlocal.checks.prefix.evidence import Evidence
    from vhlocal.findings import Finding

DEFINITION = Definition(
    code="VH411",
    title="The app only accepts host names of this machine",
    severity=Severity.ERROR,
    why="In production, a request names the cluster's host in its `Host` header, which reaches the app unchanged. An "
    "app that accepts only `localhost` or an address rejects every request, usually with 400. Bokeh and Panel compare "
    "the `Origin` of WebSockets in the same way: their pages load, and stay empty.",
    remedy={
        "": "Accept the cluster's host. Only the ingress can reach the server, so `*` (every name) is fine.",
        "Django": 'Write `ALLOWED_HOSTS = ["*"]` in the settings, or the cluster\'s host instead of `*`.',
        "Flask": 'Write `app.config["TRUSTED_HOSTS"] = None`, or remove it; name no host in routes or `SERVER_NAME`.',
        "FastAPI": 'Write `TrustedHostMiddleware, allowed_hosts=["*"]`, or remove the middleware.',
    },
    example=Example("python", "ALLOWED_HOSTS = []", 'ALLOWED_HOSTS = ["*"]'),
    rows=("K9",),
)

CHANGE = "accept your cluster's host, or any"
#: What frameworks answer to a host that they do not accept.
_REFUSED = 400


def find(evidence: Evidence) -> Iterator[Finding]:
    """Yield an endpoint that answers to a name of this machine and refuses one as production's, or refuses all."""
    case, hosts = evidence.case, evidence.code.hosts
    root, nonsense, local = (
        evidence.under(case.version, "/"),
        evidence.under(case.version, NONSENSE),
        evidence.local_alone,
    )
    if local is not None:
        asked, answer = local
        refused = evidence.answers[Asked(case.version, asked.target)].status
        seen = f"{refused} to a request whose host is `{case.host}`, {answer.status} where it is `{asked.host}`"
    elif root is not None and nonsense is not None and root.status == nonsense.status == _REFUSED and _is_empty(hosts):
        refused = root.status
        seen = f"{refused} to every request, whatever its host: `{hosts.setting if hosts else ''}` is empty"
    else:
        return
    place = hosts.place if hosts else evidence.code.app
    caveat = f"but answers {refused} to production's host"
    yield evidence.finding(DEFINITION, place, seen, CHANGE, caveat, evidence.code.fixes.hosts)


def _is_empty(hosts: Hosts | None) -> bool:
    return hosts is not None and hosts.names == ()


RULE = Rule((DEFINITION,), find)

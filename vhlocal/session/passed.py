"""What is said of limits: of production's ingress, that a request passed here (K9), and of the gateway's own. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vhlocal.checks.server.evidence import Passed
from vhlocal.checks.server.registry import PASSED, diagnose
from vhlocal.events import Notice
from vhlocal.findings import Note
from vhlocal.gateway.report import FailureKind

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vhlocal.findings import Finding
    from vhlocal.gateway.report import LimitPassed
    from vhlocal.model import Endpoint


def tell_passed(passed: LimitPassed, endpoints: Iterable[Endpoint]) -> Finding | Notice | None:
    """Return the finding that a request works here and would not in production (K9).

    A notice that the gateway is full; None for an endpoint that has gone.
    """
    if passed.kind is FailureKind.FULL:
        text = f"{passed.limit:,.0f} clients are connected at once; more are answered 503"
        return Notice(text, hint="raise the limit of open files (`ulimit -n`), or see who keeps connections open")
    for endpoint in endpoints:
        if endpoint.name == passed.endpoint:
            body = passed.kind is FailureKind.TOO_LARGE
            found = diagnose(PASSED, Passed(endpoint, passed.method, body, passed.limit))
            return Notice(found.text, endpoint=endpoint.name) if isinstance(found, Note) else found
    return None

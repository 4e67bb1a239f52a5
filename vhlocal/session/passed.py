"""What is said of limits: of production's ingress, that a request passed here (K9), and of the gateway's own. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vhlocal.events import Notice
from vhlocal.gateway.report import FailureKind

if TYPE_CHECKING:
    from vhlocal.gateway.report import LimitPassed


def limit_notice(passed: LimitPassed) -> Notice:
    """Return the notice that a request works here and would not in production (K9), or that the gateway is full."""
    if passed.kind is FailureKind.FULL:
        text = f"{passed.limit:,.0f} clients are connected at once; more are answered 503"
        return Notice(text, hint="raise the limit of open files (`ulimit -n`), or see who keeps connections open")
    if passed.kind is FailureKind.TOO_LARGE:
        text = f"a {passed.method} request's body is over {passed.limit / 1024 / 1024:g} MB"
        then = "413; ask for a larger proxy-body-size, or send less at once"
    else:
        text = f"a {passed.method} request was not answered for {passed.limit:g} s"
        then = "504; answer sooner, or ask for a longer proxy-read-timeout"
    return Notice(text, None, f"production's ingress answers it with {then}", passed.endpoint)

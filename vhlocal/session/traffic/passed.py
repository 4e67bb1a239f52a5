"""What is said of production's ingress: limits that a request passed here, headers that it drops (K9). Pure."""

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


#: What is said of an answer that production's ingress would change, and what to do, by what it changes it for.
_OF_ANSWERS = {
    "trailers": (
        "an answer's trailers were dropped, as production's ingress drops them",
        "send what they say in the answer's head, or in its body",
    ),
    "X-Accel-Redirect": (
        "production's ingress acts on the answer's `X-Accel-Redirect`: the client gets what is served at the path in "
        "it; vhlocal passes the answer on",
        "send the content itself",
    ),
    "X-Accel-Limit-Rate": (
        "production's ingress acts on the answer's `X-Accel-Limit-Rate`, and sends so many bytes a second; vhlocal "
        "does not",
        "leave the header out, unless this is wanted",
    ),
    "X-Accel-Buffering": (
        "production's ingress acts on the answer's `X-Accel-Buffering: yes`, and may hold back a stream's parts; "
        "vhlocal does not",
        "leave the header out, unless this is wanted",
    ),
}

_REASON = "it only passes names of letters, digits and dashes"

#: Bytes of a header's name that are shown: a client may choose any length.
_SHOWN = 80


def tell_dropped(name: str, endpoint: str) -> Notice:
    """Return the notice of a request's header that does not reach the app, or of what an answer does (K9)."""
    if name in _OF_ANSWERS:
        text, hint = _OF_ANSWERS[name]
        return Notice(text, hint=hint, endpoint=endpoint)
    text = f"the header `{name[:_SHOWN]}` was dropped, as production's ingress drops it: {_REASON}"
    return Notice(text, hint="let the client send it with dashes", endpoint=endpoint)


def tell_passed(passed: LimitPassed, endpoints: Iterable[Endpoint]) -> Finding | Notice | None:
    """Return the finding that a request works here and would not in production (K9).

    A notice that the gateway is full, or of an answer's head; None for an endpoint that has gone.
    """
    if passed.kind is FailureKind.FULL:
        text = f"{passed.limit:,.0f} clients are connected at once; more get 503"
        return Notice(text, hint="raise the limit of open files (`ulimit -n`), or see who keeps connections open")
    for endpoint in endpoints:
        if endpoint.name == passed.endpoint:
            if passed.kind is FailureKind.LARGE_HEAD:
                text = f"production's ingress answers 502 to an answer with a head of over {passed.limit:,.0f} bytes"
                hint = "send smaller cookies and fewer headers, unless you know its `proxy-buffer-size` to be larger"
                return Notice(text, hint=hint, endpoint=endpoint.name)
            body = passed.kind is FailureKind.TOO_LARGE
            found = diagnose(PASSED, Passed(endpoint, passed.method, body, passed.limit))
            return Notice(found.text, endpoint=endpoint.name) if isinstance(found, Note) else found
    return None

"""VH602 and VH603: a request works here, and production's ingress would not let it (K9)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vhlocal.checks.rule import Rule
from vhlocal.checks.server.evidence import place_of
from vhlocal.findings import Definition, Example, Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vhlocal.checks.server.evidence import Passed

LARGE_BODY = Definition(
    code="VH602",
    title="A request's body is larger than production's ingress accepts",
    severity=Severity.WARNING,
    why="ingress-nginx itself answers 413 to a body over 1 MB: the request never reaches the server. vhlocal passes it "
    "on, unless you use `--strict`.",
    remedy={
        "": "Send less at once (a smaller image, a reference to a file), or ask your cluster administrator for a "
        "larger `proxy-body-size`.",
    },
    example=Example(
        "python",
        'requests.post(url, data=open("photo.png", "rb"))',
        'requests.post(url, json={"photo": "s3://bucket/photo.png"})',
    ),
    rows=("K9",),
)
SLOW_ANSWER = Definition(
    code="VH603",
    title="An answer takes longer than production's ingress waits",
    severity=Severity.WARNING,
    why="ingress-nginx answers 504 once a server has been silent for 60 seconds, and hangs up. vhlocal keeps waiting, "
    "unless you use `--strict`.",
    remedy={
        "": "Answer sooner: do the work in the background and let the client poll for the result, or send parts of the "
        "answer as they come. Or ask your cluster administrator for a longer `proxy-read-timeout`.",
    },
    example=Example("python", "return train_and_predict(data)", 'return {"job": queue.put(data)}'),
    rows=("K9",),
)


def find(passed: Passed) -> Iterator[Finding]:
    """Yield the limit that a request has passed."""
    endpoint = passed.endpoint
    if passed.body:
        seen = f"a {passed.method} request's body is over {passed.limit / 1024 / 1024:g} MB"
        change = "production's ingress answers it with 413; ask for a larger proxy-body-size, or send less at once"
    else:
        seen = f"a {passed.method} request was not answered for {passed.limit:g} s"
        change = "production's ingress answers it with 504; answer sooner, or ask for a longer proxy-read-timeout"
    yield Finding(LARGE_BODY if passed.body else SLOW_ANSWER, place_of(endpoint, ""), seen, change, endpoint.name)


RULE = Rule((LARGE_BODY, SLOW_ANSWER), find)

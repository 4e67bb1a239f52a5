"""VH404: a redirect leads outside of the prefix (P1, P4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vhlocal.checks.rule import Rule
from vhlocal.findings import Definition, Example, Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vhlocal.checks.edits import Edits
    from vhlocal.checks.prefix.evidence import Evidence

DEFINITION = Definition(
    code="VH404",
    title="The app redirected to a path outside its prefix",
    severity=Severity.ERROR,
    why="A `Location` that begins with `/` leads to the root of the host, outside the endpoint. The client follows it "
    "and gets 404, or another service.",
    remedy={
        "": "Put the request's prefix (`X-VH-Prefix`) before the path.",
        "Flask": '`redirect(url_for("result"))`.',
        "Django": '`redirect("result")`, with the name of the URL; and `LOGIN_URL = "login"`, which is also a name.',
        "FastAPI": '`RedirectResponse(request.url_for("result"))`.',
        "WSGI": '`environ["SCRIPT_NAME"] + "/result"`.',
    },
    example=Example("python", 'return redirect("/result")', 'return redirect(url_for("result"))'),
    rows=("P1", "P4", "P7"),
)


def find(evidence: Evidence) -> Iterator[Finding]:
    """Yield the first redirect that leaves the endpoint, though it stays on this host."""
    for asked, answer in evidence.own():
        for location in answer.values("location") if answer.is_redirect else ():
            path = evidence.case.leaves(location, asked.target)
            if path is not None:
                seen = f"`{asked.target}` redirects to `{path}`, outside the prefix"
                code = evidence.code
                if code.builds_urls and not code.writes(path):
                    yield _built(evidence, seen)
                    return
                change = "let the framework build the URL, or put the prefix before the path"
                place = code.place_written(path)
                yield evidence.finding(DEFINITION, place, seen, change, edits=code.fixes.prefixed(path, place))
                return


def _built(evidence: Evidence, seen: str) -> Finding:
    """Return what was found of an app whose framework builds its URLs, but knows of no prefix."""
    code = evidence.code
    edits: Edits = ()
    place, change = code.app, "put the request's prefix (`X-VH-Prefix`) before the path"
    if code.strips is not None:
        place = code.strips
        change = 'also set `environ["SCRIPT_NAME"]` to the prefix that is removed here: URLs are built with it'
    elif evidence.endpoint.server_command is not None and code.may_be_served:
        change = f"{code.by_wsgi}: the framework then builds its URLs with the prefix"
        edits = code.fixes.by_wsgi
    return Finding(DEFINITION, place, seen, change, evidence.endpoint.name, edits=edits)


RULE = Rule((DEFINITION,), find)

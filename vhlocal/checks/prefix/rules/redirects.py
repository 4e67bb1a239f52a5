"""VH404: a redirect leads outside of the prefix (P1, P4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vhlocal.checks.rule import Rule
from vhlocal.findings import Definition, Example, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vhlocal.checks.prefix.evidence import Evidence
    from vhlocal.findings import Finding

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
                change = "let the framework build the URL, or put the prefix before the path"
                code = evidence.code
                yield evidence.finding(
                    DEFINITION, code.place_leading_to(path), seen, change, edits=code.fixes.prefixed(path)
                )
                return


RULE = Rule((DEFINITION,), find)

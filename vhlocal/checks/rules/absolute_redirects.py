"""VH309: the code redirects to an absolute path, which leaves the prefix (P1, P4)."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from vhlocal.checks.request_prefix import prefixed
from vhlocal.checks.rule import Rule
from vhlocal.findings import Definition, Example, Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vhlocal.checks.subject import Subject

DEFINITION = Definition(
    code="VH309",
    title="A redirect leads outside of the prefix",
    severity=Severity.WARNING,
    why="An endpoint is served below `/<owner>/<project>/<deployment>/<version>/<endpoint>`. A `Location` that begins "
    "with `/` leads to the root of the host, where the endpoint is not: the browser gets 404.",
    remedy={
        "": "Redirect to a path that has the prefix of the request before it (`X-VH-Prefix`).",
        "Flask": '`redirect(url_for("result"))`.',
        "Django": '`redirect("result")`, the name of the URL.',
        "FastAPI": '`RedirectResponse(request.url_for("result"))`.',
        "WSGI": '`environ["SCRIPT_NAME"] + "/result"`.',
    },
    example=Example("python", 'return redirect("/result")', 'return redirect(url_for("result"))'),
    rows=("P1", "P4", "P7"),
)

_REDIRECTS = {
    "flask.redirect",
    "werkzeug.utils.redirect",
    "django.shortcuts.redirect",
    "django.http.HttpResponseRedirect",
    "django.http.HttpResponsePermanentRedirect",
    "fastapi.responses.RedirectResponse",
    "starlette.responses.RedirectResponse",
}


def find(subject: Subject) -> Iterator[Finding]:
    """Yield the redirects of the known frameworks whose path is written out."""
    for reach in subject.reaches:
        for module, _, node in reach.calls:
            if module.dotted(node.func) not in _REDIRECTS:
                continue
            given = [
                *node.args[:1],
                *(keyword.value for keyword in node.keywords if keyword.arg in ("url", "location")),
            ]
            for target in given:
                path = target.value if isinstance(target, ast.Constant) else None
                if isinstance(path, str) and path.startswith("/") and not path.startswith("//"):
                    seen = f"`{path}` leads to the root of the host, outside of the endpoint's path"
                    change = "let the framework build the URL"
                    edits = prefixed(module, target, reach.framework, by_wsgi=reach.endpoint.wsgi is not None)
                    yield Finding(DEFINITION, module.place(node), seen, change, reach.endpoint.name, edits=edits)


RULE = Rule((DEFINITION,), find)

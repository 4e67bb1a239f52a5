"""VH309: the code redirects to an absolute path, which leaves the prefix (P1, P4)."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from vhlocal.checks.host_urls import behind_host, in_place_of_host
from vhlocal.checks.links import names_reader, where_it_leads
from vhlocal.checks.request_prefix import prefixed
from vhlocal.checks.rule import Rule
from vhlocal.findings import Definition, Example, Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vhlocal.checks.modules import Module
    from vhlocal.checks.reach import Reach
    from vhlocal.checks.subject import Subject

DEFINITION = Definition(
    code="VH309",
    title="A redirect leads outside the prefix",
    severity=Severity.WARNING,
    why="An endpoint is served below `/<owner>/<project>/<deployment>/<version>/<endpoint>`. A `Location` that begins "
    "with `/`, or is built from the host's name and a path, leads to the root of the host, outside the endpoint: "
    "the browser gets 404.",
    remedy={
        "": "Redirect to a path that begins with the request's prefix (`X-VH-Prefix`).",
        "Flask": '`redirect(url_for("result"))`.',
        "Django": '`redirect("result")`, with the name of the URL.',
        "FastAPI": '`RedirectResponse(request.url_for("result"))`.',
        "WSGI": '`environ["SCRIPT_NAME"] + "/result"`.',
    },
    example=Example("python", 'return redirect("/result")', 'return redirect(url_for("result"))'),
    rows=("P1", "P4", "P7"),
)

_REDIRECTS = {
    "flask.redirect",
    "werkzeug.utils.redirect",
    "quart.redirect",
    "django.shortcuts.redirect",
    "django.http.HttpResponseRedirect",
    "django.http.HttpResponsePermanentRedirect",
    "fastapi.responses.RedirectResponse",
    "starlette.responses.RedirectResponse",
    "aiohttp.web.HTTPFound",
    "aiohttp.web.HTTPMovedPermanently",
    "aiohttp.web.HTTPPermanentRedirect",
    "aiohttp.web.HTTPSeeOther",
    "aiohttp.web.HTTPTemporaryRedirect",
    "bottle.redirect",
    "falcon.HTTPFound",
    "falcon.HTTPMovedPermanently",
    "falcon.HTTPPermanentRedirect",
    "falcon.HTTPSeeOther",
    "falcon.HTTPTemporaryRedirect",
    "litestar.response.Redirect",
    "sanic.redirect",
    "sanic.response.redirect",
}
_GIVEN = ("url", "location", "path", "to")


def find(subject: Subject) -> Iterator[Finding]:
    """Yield the redirects of the known frameworks whose path is written out, be it behind the host's own name."""
    for reach in subject.reaches:
        for module, _, node in reach.calls:
            if module.dotted(node.func) not in _REDIRECTS:
                continue
            given = [*node.args[:1], *(keyword.value for keyword in node.keywords if keyword.arg in _GIVEN)]
            for target in given:
                yield from _judge(module, node, target, reach)


def _judge(module: Module, call: ast.Call, target: ast.expr, reach: Reach) -> Iterator[Finding]:
    where, by_wsgi = module.place(call), reach.endpoint.wsgi is not None
    change = "let the framework build the URL"
    path = target.value if isinstance(target, ast.Constant) else None
    is_absolute = isinstance(path, str) and path.startswith("/") and not path.startswith("//")
    if isinstance(path, str) and (is_absolute or names_reader(path)):
        seen = f"`{path}` leads to {where_it_leads(path)}, outside the endpoint's path"
        edits = prefixed(module, target, reach.framework, by_wsgi=by_wsgi) if is_absolute else ()
        yield Finding(DEFINITION, where, seen, change, reach.endpoint.name, edits=edits)
    elif (behind := behind_host(module, target)) is not None:
        seen = f"`{behind.written}` leads to `{behind.path}` at the root of the host, outside the endpoint's path"
        edits = in_place_of_host(module, target, behind, reach.framework, by_wsgi=by_wsgi)
        yield Finding(DEFINITION, where, seen, change, reach.endpoint.name, edits=edits)


RULE = Rule((DEFINITION,), find)

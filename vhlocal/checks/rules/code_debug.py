"""VH301: a debugger or a reloader that the code switches on."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from vhlocal.checks.commands import lines_of
from vhlocal.checks.edits import with_import, without_keyword, written
from vhlocal.checks.rule import Rule
from vhlocal.checks.serving import servings
from vhlocal.findings import Definition, Example, Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vhlocal.checks.modules import Module
    from vhlocal.checks.subject import Subject

DEFINITION = Definition(
    code="VH301",
    title="The code turns on a debugger or reloader",
    severity=Severity.WARNING,
    why="A debugger shows the code and its variables to anyone who causes an error, and some debuggers let them run "
    "code. A reloader runs a second process that watches files, which never change in an image.",
    remedy={
        "": "Leave it off, or turn it on with a variable that only your own machine sets.",
        "Flask": '`app.run(host="0.0.0.0")` without `debug=True`; or better, serve the app with `wsgi: server:app`.',
        "Django": '`DEBUG = os.environ.get("DJANGO_DEBUG") == "1"` in the settings.',
        "FastAPI": "`uvicorn.run(app)` without `reload=True`.",
    },
    example=Example("python", 'app.run(host="0.0.0.0", port=8000, debug=True)', 'app.run(host="0.0.0.0", port=8000)'),
)

_DJANGO = {"INSTALLED_APPS", "ROOT_URLCONF", "MIDDLEWARE"}


_BY_VARIABLE = 'os.environ.get("DJANGO_DEBUG") == "1"'


def find(subject: Subject) -> Iterator[Finding]:
    """Yield servers that a script starts with it, and Django's settings with ``DEBUG``."""
    for reach in subject.reaches:
        name = reach.endpoint.name
        for serving in servings(reach, subject.variables):
            if serving.debug:
                seen = f"`{serving.name}` is called with {serving.debug}"
                edits = without_keyword(serving.module, serving.call, serving.debug.partition("=")[0])
                yield Finding(DEFINITION, serving.place, seen, f"remove {serving.debug}", name, edits=edits)
        for module, site, call in reach.calls:
            if site.is_sure and module.dotted(call.func) == "werkzeug.debug.DebuggedApplication":
                seen = "`DebuggedApplication` shows a debugger to anyone who causes an error"
                app = ast.get_source_segment("\n".join(lines_of(module.source)), call.args[0]) if call.args else None
                edits = written(module, call, app) if app else ()
                yield Finding(DEFINITION, module.place(call), seen, "serve the app without it", name, edits=edits)
        for item in reach.reached:
            node = _debug_setting(item.module)
            if node is not None:
                change = f"take it from the environment: `DEBUG = {_BY_VARIABLE}`"
                seen = "Django's settings have DEBUG = True"
                edits = with_import(item.module, written(item.module, node, _BY_VARIABLE), "import os")
                yield Finding(DEFINITION, item.module.place(node), seen, change, name, edits=edits)


def _debug_setting(module: Module) -> ast.expr | None:
    value = module.constants.get("DEBUG")
    is_on = isinstance(value, ast.Constant) and value.value is True
    return value if is_on and _DJANGO & module.constants.keys() else None


RULE = Rule((DEFINITION,), find)

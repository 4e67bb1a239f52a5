"""VH408, by the code alone: an ASGI server is started, and no route begins with the prefix (R6)."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from vhlocal.checks.commands import exported
from vhlocal.checks.modules import keyword
from vhlocal.checks.prefix.code import read_code
from vhlocal.checks.prefix.fixes import ROUTING
from vhlocal.checks.prefix.rules.uvicorn import DEFINITION, change_for, edits_for
from vhlocal.checks.prefix.servers import ASGI_SERVERS
from vhlocal.checks.rule import Rule
from vhlocal.checks.servers import program_of, the_server
from vhlocal.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vhlocal.checks.commands import Command
    from vhlocal.checks.modules import Module
    from vhlocal.checks.reach import Reach
    from vhlocal.checks.subject import Subject

_APPS = {"fastapi.FastAPI", "fastapi.applications.FastAPI", "starlette.applications.Starlette"}
#: What code speaks of that may do something about the prefix, in names and in texts.
_OF_PREFIXES = re.compile(r"script_?name|vh_?default|x-vh|vh_prefix|root_?path|raw_path|base_?path|forwarded", re.I)
#: Middlewares that leave the path alone.
_HARMLESS = {"CORSMiddleware", "GZipMiddleware", "TrustedHostMiddleware", "HTTPSRedirectMiddleware"} | {
    "SessionMiddleware",
    "AuthenticationMiddleware",
}
_WRAPPING = {"add_middleware", "Middleware"}
_MOUNTING = {"mount", "Mount"}
#: Words of routes that are methods of much else, such as `dict.get`.
OF_OTHERS = {"get", "post", "put", "patch", "delete", "head", "options", "route", "expose", "websocket"}

#: What a reader of `ready` has to know of such an endpoint.
CAVEAT = "but answers 404 below its prefix"


def find(subject: Subject) -> Iterator[Finding]:
    """Yield servers of apps all of whose routes are written out, and are surely not below the prefix."""
    for reach in subject.reaches:
        commands = subject.commands[reach.endpoint.name]
        command = the_server(commands)
        set_names = {*subject.variables, *exported(commands)}
        if command is None or "UVICORN_ROOT_PATH" in set_names or not _is_made_bare(command, reach):
            continue
        routes = list(_routes(reach))
        if routes and all(map(is_bare, routes)) and not may_know(reach):
            code = read_code(reach.endpoint, subject.package)
            yield Finding(
                DEFINITION,
                command.place,
                no_route(routes[0]),
                change_for(code),
                reach.endpoint.name,
                code.framework if code.framework in DEFINITION.remedy else "",
                caveat=CAVEAT,
                edits=edits_for(code),
            )


def _is_made_bare(command: Command, reach: Reach) -> bool:
    """Tell whether what is served is surely an app as its framework makes it, under a server that adds nothing."""
    if command.program in ASGI_SERVERS:
        if program_of(command) is None or command.values("--root-path") or command.has("--factory"):
            return False
        found = ((module_of(reach, target), target.attribute or "app") for target in reach.targets)
        served = [(module, name) for module, name in found if module is not None]
        return len(served) == 1 and _is_app(*served[0])
    runs = [(module, call) for module, _, call in reach.calls if module.dotted(call.func) == "uvicorn.run"]
    if command.script is None or len(runs) != 1:
        return False
    module, call = runs[0]
    if any(option.arg in ("root_path", "factory", None) for option in call.keywords) or not call.args:
        return False
    app = call.args[0]
    if isinstance(app, ast.Name):
        return _is_app(module, app.id)
    text = app.value if isinstance(app, ast.Constant) else None
    name, _, attribute = text.partition(":") if isinstance(text, str) else ("", "", "")
    return f"{name}.py" == module.path and _is_app(module, attribute)


def no_route(route: str | None) -> str:
    """Return what is seen of an app none of whose routes begins with the prefix; ``route`` is one of them."""
    return f"none of the app's routes (such as `{route}`) begins with the prefix"


def module_of(reach: Reach, target: object) -> Module | None:
    """Return the module that a target names, None where it is not packaged."""
    paths = {getattr(target, "script", ""), f"{getattr(target, 'module', '').replace('.', '/')}.py"}
    return next((item.module for item in reach.reached if item.module.path in paths), None)


def _is_app(module: Module, name: str) -> bool:
    made = module.constants.get(name)
    return isinstance(made, ast.Call) and module.dotted(made.func) in _APPS


def _routes(reach: Reach) -> Iterator[str | None]:
    """Yield the path of each route, and of what is put before routes; None for one that is not written out."""
    for module, _, call in reach.calls:
        word = module.dotted(call.func).rpartition(".")[2]
        path = call.args[0] if call.args else keyword(call, "path")
        if word in _MOUNTING:
            yield written_out(path) or None if written_out(path) != "/" else None
        elif word in ROUTING and (word not in OF_OTHERS or may_be_path(path)):
            yield written_out(path)
        prefix = keyword(call, "prefix")
        if prefix is not None:
            yield written_out(prefix)


def may_be_path(node: ast.expr | None) -> bool:
    """Tell whether what a call is given may be the path of a route."""
    text = written_out(node)
    return isinstance(node, ast.JoinedStr | ast.BinOp) or (text is not None and text[:1] in ("", "/"))


def written_out(node: ast.expr | None) -> str | None:
    """Return a text that is written out, None for what is not."""
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def is_bare(route: str | None) -> bool:
    """Tell whether a path surely begins otherwise than the prefix, whose first segment is the owner."""
    return route is not None and (route in ("", "/") or re.match(r"/[\w.~-]+", route) is not None)


def may_know(reach: Reach) -> bool:
    """Tell whether something in the code may deal with the prefix, or cannot be read."""
    if any(item.module.tree is None for item in reach.reached):
        return True
    return any(_speaks_of_prefixes(site.node) or _wraps(module, site.node) for module, site in reach.sites)


def _speaks_of_prefixes(node: ast.AST) -> bool:
    if isinstance(node, ast.Constant) and node.value in ("path", "PATH_INFO"):
        return True
    words = (getattr(node, field, None) for field in ("id", "attr", "arg", "name", "value"))
    return any(isinstance(word, str) and _OF_PREFIXES.search(word) for word in words)


def _wraps(module: Module, node: ast.AST) -> bool:
    if not isinstance(node, ast.Call) or module.dotted(node.func).rpartition(".")[2] not in _WRAPPING:
        return False
    return not node.args or module.dotted(node.args[0]).rpartition(".")[2] not in _HARMLESS


RULE = Rule((DEFINITION,), find)

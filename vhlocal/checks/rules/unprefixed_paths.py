"""VH401, by the code alone: a server that the code starts knows paths that surely are not below the prefix (P4)."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from vhlocal.checks.edits import in_line, together
from vhlocal.checks.modules import keyword
from vhlocal.checks.prefix.code import read_code
from vhlocal.checks.prefix.fixes import ROUTING
from vhlocal.checks.prefix.rules.ignored import DEFINITION
from vhlocal.checks.rule import Rule
from vhlocal.checks.rules.unprefixed import (
    CAVEAT,
    OF_OTHERS,
    is_bare,
    may_be_path,
    may_know,
    module_of,
    no_route,
    written_out,
)
from vhlocal.checks.servers import the_server
from vhlocal.findings import Finding
from vhlocal.model import Place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vhlocal.checks.commands import Command
    from vhlocal.checks.edits import Edits
    from vhlocal.checks.modules import Module
    from vhlocal.checks.reach import Reach
    from vhlocal.checks.subject import Subject

_FLASK = "flask.Flask"
_WAITRESS = ("waitress-serve", "waitress")
_FLASK_PREFIXES = ("url_prefix", "prefix", "static_url_path")
#: What goes between the server and the app, and could take the prefix away.
_BETWEEN = {"wsgi_app", "DispatcherMiddleware", "before_request", "url_map", "script_root"}
_HANDLER = "http.server.BaseHTTPRequestHandler"
_REFUSING = {"send_error", "send_response"}
_TAKEN = 'self.path = self.path.removeprefix(self.headers.get("X-VH-Prefix", "").rstrip("/")) or "/"'


def find(subject: Subject) -> Iterator[Finding]:
    """Yield Flask's apps under a server that adds nothing, and handlers of Python's own server that compare paths."""
    for reach in subject.reaches:
        command = the_server(subject.commands[reach.endpoint.name])
        if command is None or may_know(reach):
            continue
        if reach.framework == "Flask" and _serves_flask(command, reach):
            yield from _flask(reach, subject)
        elif command.script is not None:
            yield from _handlers(reach)


def _serves_flask(command: Command, reach: Reach) -> bool:
    """Tell whether one app of Flask's is served by its own server or Waitress, with nothing around it."""
    if any(_is_between(site.node) for _, site in reach.sites):
        return False
    if command.program in _WAITRESS:
        if command.values("--url-prefix") or command.has("--call"):
            return False
        served = [(module, target.attribute) for target in reach.targets if (module := module_of(reach, target))]
        return len(served) == 1 and _is_app(*served[0])
    runs = [
        (module, given)
        for module, site, call in reach.calls
        if command.script is not None
        and (given := _run_by(module, call)) is not None
        and not (site.where.branch or site.where.fallback)
    ]
    return len(runs) == 1 and isinstance(runs[0][1], ast.Name) and _is_app(runs[0][0], runs[0][1].id)


def _run_by(module: Module, call: ast.Call) -> ast.expr | None:
    """Return the app that a call serves, None for what serves none."""
    if module.dotted(call.func) == "waitress.serve" and call.args:
        return None if keyword(call, "url_prefix") is not None else call.args[0]
    is_run = isinstance(call.func, ast.Attribute) and call.func.attr == "run"
    is_app = is_run and module.maker(call.func.value) == _FLASK  # type: ignore[attr-defined]
    return call.func.value if is_app else None  # type: ignore[attr-defined]


def _is_app(module: Module, name: str) -> bool:
    made = module.constants.get(name)
    return isinstance(made, ast.Call) and module.dotted(made.func) == _FLASK


def _is_between(node: ast.AST) -> bool:
    return {getattr(node, "attr", ""), getattr(node, "id", "")} & _BETWEEN != set()


def _flask(reach: Reach, subject: Subject) -> Iterator[Finding]:
    routes = list(_routes(reach))
    if routes and all(map(is_bare, routes)):
        code = read_code(reach.endpoint, subject.package)
        seen = no_route(routes[0])
        change = f"{code.by_wsgi}; or remove the prefix from the path"
        edits = code.fixes.by_wsgi
        name = reach.endpoint.name
        yield Finding(DEFINITION, code.app, seen, change, name, "Flask", caveat=CAVEAT, edits=edits)


def _routes(reach: Reach) -> Iterator[str | None]:
    """Yield the path of each route and of what is put before routes; None for one that is not written out."""
    for module, _, call in reach.calls:
        word = module.dotted(call.func).rpartition(".")[2] or getattr(call.func, "attr", "")
        given = call.args[1:] if word == "add_resource" else [*call.args[:1], *_keyword(call, "rule")]
        if word in ROUTING:
            paths = given if word == "add_resource" else given[:1]
            yield from (written_out(path) for path in paths if word not in OF_OTHERS or may_be_path(path))
        for name in _FLASK_PREFIXES:
            yield from (written_out(value) for value in _keyword(call, name))


def _keyword(call: ast.Call, name: str) -> list[ast.expr]:
    value = keyword(call, name)
    return [] if value is None else [value]


def _handlers(reach: Reach) -> Iterator[Finding]:
    for item in reach.reached:
        for made in item.module.classes.values():
            if [item.module.dotted(base) for base in made.bases] != [_HANDLER] or _sets_path(made):
                continue
            found = [(method, paths) for method in _methods(made) if (paths := _compared(method))]
            if found:
                (method, paths), *_ = found
                line, path = paths[0]
                place = Place(item.module.source, line)
                seen = f"none of the paths that `{method.name}` looks for (such as `{path}`) begins with the prefix"
                change = "remove the prefix (`X-VH-Prefix`) from the path"
                edits = together(*(_prefix_taken(item.module, each) for each, _ in found))
                yield Finding(DEFINITION, place, seen, change, reach.endpoint.name, caveat=CAVEAT, edits=edits)
                return


def _methods(made: ast.ClassDef) -> list[ast.FunctionDef]:
    return [node for node in made.body if isinstance(node, ast.FunctionDef) and node.name.startswith("do_")]


def _compared(method: ast.FunctionDef) -> list[tuple[int, str]]:
    """Return the paths that a method compares with, if it refuses all others and does nothing else with the path."""
    paths: list[tuple[int, str]] = []
    for node in ast.walk(method):
        match node:
            case ast.Compare(left=left, ops=[ast.Eq() | ast.NotEq()], comparators=[ast.Constant(value=str(path))]):
                if _is_path(left) and is_bare(path):
                    paths.append((node.lineno, path))
    uses = sum(1 for node in ast.walk(method) if _is_path(node))
    return paths if uses == len(paths) and any(_refuses(node) for node in ast.walk(method)) else []


def _sets_path(made: ast.ClassDef) -> bool:
    return any(_is_path(node) and not isinstance(node.ctx, ast.Load) for node in ast.walk(made))  # type: ignore[attr-defined]


def _is_path(node: ast.AST) -> bool:
    match node:
        case ast.Attribute(value=ast.Name(id="self"), attr="path"):
            return True
    return False


def _refuses(node: ast.AST) -> bool:
    """Tell whether a node answers that there is nothing."""
    match node:
        case ast.Call(func=ast.Attribute(attr=name), args=[ast.Constant(value=404), *_]) if name in _REFUSING:
            return True
        case ast.Call(func=ast.Attribute(attr=name), args=[ast.Attribute(attr="NOT_FOUND"), *_]) if name in _REFUSING:
            return True
    return False


def _prefix_taken(module: Module, method: ast.FunctionDef) -> Edits:
    """Have a method take the prefix from the path before it looks at that."""
    first = method.body[0]
    line = module.source.read_text(encoding="utf-8-sig").splitlines()[first.lineno - 1]
    if line[: first.col_offset].strip():  # in the line of `def`
        return ()
    space = " " * first.col_offset
    return in_line(Place(module.source, first.lineno), line, f"{space}{_TAKEN}\n{line}")


RULE = Rule((DEFINITION,), find)

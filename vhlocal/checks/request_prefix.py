"""What the prefix of a request is called in the code that answers it (P7)."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from vhlocal.checks.commands import lines_of
from vhlocal.checks.edits import Edits, in_line, with_import, written
from vhlocal.model import Place

if TYPE_CHECKING:
    from vhlocal.checks.modules import Module


_BY_HEADER = 'headers.get("X-VH-Prefix", "").rstrip("/")'
_HEAD = re.compile(r"<head\b[^<>]*>", re.IGNORECASE)
#: What the prefix of the request is called in the templates of each framework: with a slash at its end (P7).
_IN_TEMPLATES = {
    "Flask": "request.headers['X-VH-Prefix']",
    "Django": "request.headers.x_vh_prefix",
    "FastAPI": "request.headers['X-VH-Prefix']",
}


def prefix_of(module: Module, node: ast.expr, framework: str, *, by_wsgi: bool) -> tuple[str, str]:
    """Return the expression for the request's prefix at a node, and the import that it needs; "" for none known.

    If `wsgi` serves, it is the framework's own; else it reads the header (P7).
    """
    given = _parameters(module, node)
    if framework == "Flask":
        return "request.script_root" if by_wsgi else f"request.{_BY_HEADER}", "from flask import request"
    if framework == "Django" and "request" in given:
        return 'request.META["SCRIPT_NAME"]' if by_wsgi else f"request.{_BY_HEADER}", ""
    if framework == "WSGI" and "environ" in given:
        return 'environ["SCRIPT_NAME"]' if by_wsgi else 'environ.get("HTTP_X_VH_PREFIX", "").rstrip("/")', ""
    if framework == "FastAPI":
        name = next((name for name, kind in given.items() if kind.endswith(".Request")), "")
        prefix = f'{name}.scope["root_path"]' if by_wsgi else f"{name}.{_BY_HEADER}"
        return (prefix, "") if name else ("", "")
    return "", ""


def prefixed(module: Module, node: ast.expr, framework: str, *, by_wsgi: bool) -> Edits:
    """Return the edit that puts the prefix of the request before a path; none where no expression for that is known."""
    prefix, needed = prefix_of(module, node, framework, by_wsgi=by_wsgi)
    source = ast.get_source_segment("\n".join(lines_of(module.source)), node) or ""
    edits = written(module, node, f"{prefix} + {source}") if prefix and source else ()
    return with_import(module, edits, needed)


def in_template(place: Place, link: str, framework: str) -> Edits:
    """Return the edit that puts the prefix of the request before a link of a template; none of a page that is none."""
    prefix = _IN_TEMPLATES.get(framework)
    if prefix is None or "templates" not in place.file.parts:
        return ()
    return in_line(place, f'"{link}"', f'"{{{{ {prefix} }}}}{link[1:]}"')


def based(place: Place, framework: str) -> Edits:
    """Return the edit that has a template's ``<base>`` be the prefix of the request; none of a page that is none."""
    prefix = _IN_TEMPLATES.get(framework)
    if prefix is None or "templates" not in place.file.parts:
        return ()
    for number, line in enumerate(lines_of(place.file), 1):
        if (head := _HEAD.search(line)) is not None:
            return in_line(Place(place.file, number), head[0], f'{head[0]}<base href="{{{{ {prefix} }}}}">')
    return ()


def _parameters(module: Module, node: ast.expr) -> dict[str, str]:
    """Return the parameters of the function that a node is in, with what annotates each."""
    given: dict[str, str] = {}
    for function, _, _ in module.sites:
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if function.lineno <= node.lineno <= (function.end_lineno or 0):
            arguments = function.args
            for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs):
                given[argument.arg] = module.dotted(argument.annotation) if argument.annotation else ""
    return given

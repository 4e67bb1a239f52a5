"""Paths that an app compares the request's with by hand, or gives names to: where it may answer, without routes."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from vhlocal.checks.modules import Module, Site
    from vhlocal.checks.reach import Reach

_NODE = re.compile(
    r"\b(?:url|pathname|path)\s*[!=]==?\s*[\"'](?P<compared>/[^\"'\s]+)[\"']"
    r"|\bcase\s+[\"'](?P<case>/[^\"'\s]+)[\"']\s*:"
    r"|\.(?:get|post|put|patch|delete|all|route)\(\s*[\"'](?P<route>/[^\"'\s]+)[\"']\s*,"
)
_TEXT = re.compile(r"([\"'])(/[^\"'\s]*)\1")
_PATH = re.compile(r"/[\w./~-]+")
#: Words of paths where a GET may do harm: a route's method shows that, but a compared path has no method.
_ACTS = re.compile(
    r"shut|stop|quit|exit|kill|abort|terminat|cancel|delete|remove|wipe|purge|flush|clear|drop|reset|start|reload|run|exec"
    r"|train|update|upload|save|store|write|create|add|insert|send|publish|logout|signout|enable|disable|toggle",
    re.I,
)
_ENDS = ("startswith", "endswith")
_TORNADO = {"url", "URLSpec"}
_EXPOSED = "cherrypy.expose"


def compared_in(reach: Reach) -> Iterator[str]:
    """Yield the paths by which the code of an endpoint decides itself, in its order."""
    for _, site in reach.sites:
        yield from filter(_may_be_asked, _compared(site))


def named_in(reach: Reach) -> Iterator[str]:
    """Yield the paths that Tornado's tuples and CherryPy's functions stand for."""
    for module, site in reach.sites:
        yield from filter(_may_be_asked, _named(module, site, reach.framework))


def compared_by_node(lines: Iterable[str]) -> Iterator[str]:
    """Yield the same of a script of Node's."""
    for line in lines:
        for match in _NODE.finditer(line):
            path = match["compared"] or match["case"] or match["route"]
            if _may_be_asked(path):
                yield path


def texts_of_node(lines: Iterable[str]) -> Iterator[tuple[int, str]]:
    """Yield the line and the text of each path that a script of Node's writes out."""
    for number, line in enumerate(lines, 1):
        yield from ((number, match[2]) for match in _TEXT.finditer(line))


def decides(site: Site) -> bool:
    """Tell whether a text is there to be compared with, and leads nowhere."""
    parent = site.parent
    if isinstance(parent, ast.Call):
        return isinstance(parent.func, ast.Attribute) and parent.func.attr in _ENDS
    return isinstance(parent, ast.Compare | ast.Tuple | ast.List | ast.Set | ast.MatchValue)


def _may_be_asked(path: str) -> bool:
    return _PATH.fullmatch(path) is not None and not _ACTS.search(path)


def _compared(site: Site) -> Iterator[str]:
    match site.node:
        case ast.Compare(left=left, comparators=comparators):
            for node in (left, *comparators):
                yield from _texts(node.elts if isinstance(node, ast.Tuple | ast.List | ast.Set) else [node])
        case ast.MatchValue(value=value):
            yield from _texts([value])
        case ast.Dict(keys=keys):
            yield from _texts(keys)
        case ast.Call(func=ast.Attribute(attr=name), args=[first, *_]) if name in _ENDS:
            yield from _texts([first])


def _named(module: Module, site: Site, framework: str) -> Iterator[str]:
    match site.node:
        case ast.Call(func=ast.Attribute(attr=name), args=[first, _, *_]) if name in _TORNADO:
            yield from map(_unescaped, _texts([first]))
        case ast.Tuple(elts=[first, ast.Name() | ast.Attribute(), *_]) if framework == "Tornado":
            yield from map(_unescaped, _texts([first]))
        case ast.FunctionDef(name=name, decorator_list=decorators) if name not in ("index", "default"):
            if any(module.dotted(one) == _EXPOSED for one in decorators):
                yield f"/{name}"


def _texts(nodes: Iterable[ast.expr | None]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def _unescaped(pattern: str) -> str:
    """Return the path that a plain pattern stands for: nothing that may be asked for where it is not plain."""
    return pattern.removeprefix("^").removesuffix("$").removesuffix("/?")

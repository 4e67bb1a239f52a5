"""URLs that code makes of the host's own name and a path: they leave the prefix, as a path with a slash does (P1)."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from vhlocal.checks.edits import Edits, with_import, written
from vhlocal.checks.request_prefix import prefix_of
from vhlocal.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vhlocal.checks.modules import Module

#: What a request calls scheme and host together, with a slash at the end.
_ROOTS = ("request.host_url", "request.url.origin")
#: What it calls the host alone; calls without their brackets.
_HOSTS = ("request.host", "request.get_host", "request.url.netloc", "request.url.hostname", "request.netloc")
#: URLs of the request, below the prefix, of which `urljoin` keeps the host alone where a path begins with a slash.
_URLS = (
    *_ROOTS,
    "request.url",
    "request.url_root",
    "request.root_url",
    "request.base_url",
    "request.build_absolute_uri",
)
_JOINING = ("urllib.parse.urljoin", "yarl.URL.join")
_TRIMMING = {"rstrip", "strip"}
#: What a request's headers, and WSGI's environment, call it.
_KEYS = ("host", "HTTP_HOST")
#: Names that lead to names: further than anybody writes.
_DEEPEST = 4
_SCHEME = re.compile(r"(https?:)?//$")
#: A path whose first segment is surely another one than the prefix's.
_PATH = re.compile(r"/(?:[\w.~%-]+(?:/.*|[?#].*)?)?$", re.DOTALL)


@dataclass(frozen=True)
class BehindHost:
    """What is ``written``, the ``path`` that it leads to, and whether that is the ``whole`` of it."""

    written: str
    path: str
    whole: bool


def behind_host(module: Module, node: ast.expr) -> BehindHost | None:
    """Return where a URL leads that is made of the request's own host and a path; None where it is none of those."""
    value = module.bound_once.get(node.id, node) if isinstance(node, ast.Name) else node
    joined = _joined(module, value)
    if joined is not None:
        return joined
    parts = list(_parts(module, value))
    names = [part if isinstance(part, str) else module.dotted(part) for part in parts]
    path, rest = "", 0
    if names and not isinstance(parts[0], str) and _is(names[0], _ROOTS):
        rest = 1
    elif len(parts) > 1 and isinstance(parts[1], ast.expr) and _is(names[1], _HOSTS):
        rest = 2 if isinstance(parts[0], str) and _SCHEME.search(parts[0]) else 0
    elif len(parts) > 2 and isinstance(parts[1], str) and isinstance(parts[2], ast.expr) and _is(names[2], _HOSTS):
        rest = 3 if _SCHEME.search(parts[1]) else 0  # scheme, "://", host
    if not rest:
        return None
    after = parts[rest:]
    first = after[0] if after else ""
    if not isinstance(first, str):
        return None
    path = f"/{first.lstrip('/')}" if rest == 1 else first or "/"
    whole = len(after) <= 1
    if not _PATH.fullmatch(path) or (not whole and "/" not in path[1:] and "?" not in path):
        return None
    return BehindHost(ast.unparse(value), path, whole)


def in_place_of_host(module: Module, node: ast.expr, found: BehindHost, framework: str, *, by_wsgi: bool) -> Edits:
    """Return the edit that writes the request's prefix and the path instead; none where not all of it is known."""
    prefix, needed = prefix_of(module, node, framework, by_wsgi=by_wsgi)
    if not prefix or not found.whole or isinstance(node, ast.Name):
        return ()
    text = found.path.replace("\\", "\\\\").replace('"', '\\"')
    return with_import(module, written(module, node, f'{prefix} + "{text}"'), needed)


def _is(name: str, known: tuple[str, ...]) -> bool:
    return any(name == one or name.endswith(f".{one}") for one in known)


def _joined(module: Module, node: ast.expr) -> BehindHost | None:
    """Return where a path with a slash leads that is joined to a URL of the request."""
    if not isinstance(node, ast.Call) or not node.args:
        return None
    last = node.args[-1].value if isinstance(node.args[-1], ast.Constant) else None
    if not isinstance(last, str) or not last.startswith("/") or last.startswith("//"):
        return None
    name = module.dotted(node.func)
    of_request = name in _JOINING and len(node.args) == 2 and _is(_named(module, node.args[0]), _URLS)
    if of_request or _is(name, ("request.build_absolute_uri",)):
        return BehindHost(ast.unparse(node), last, whole=True)
    return None


def _named(module: Module, node: ast.expr) -> str:
    """Return what a name stands for, whether it is called, made a text of, or trimmed."""
    while isinstance(node, ast.Call):
        if module.dotted(node.func) == "str" and len(node.args) == 1:
            node = node.args[0]
        else:
            trims = isinstance(node.func, ast.Attribute) and node.func.attr in _TRIMMING
            node = node.func.value if trims and isinstance(node.func, ast.Attribute) else node.func
    return module.dotted(node)


def _parts(module: Module, node: ast.expr) -> Iterator[str | ast.expr]:
    """Yield what a text is put together from: texts, one for those that stand side by side, and what else there is."""
    text = ""
    for part in _pieces(module, node):
        if isinstance(part, str):
            text += part
            continue
        if text:
            yield text
        text = ""
        yield part
    if text:
        yield text


def _pieces(module: Module, node: ast.expr, depth: int = 0) -> Iterator[str | ast.expr]:
    match node:
        case ast.Constant(value=value):
            yield str(value)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            yield from _pieces(module, left, depth)
            yield from _pieces(module, right, depth)
        case ast.JoinedStr(values=values):
            for value in values:
                yield from _pieces(module, value, depth)
        case ast.FormattedValue(value=value):
            yield from _pieces(module, value, depth)
        case ast.Name(id=name) if name in module.bound_once and depth < _DEEPEST:
            yield from _pieces(module, module.bound_once[name], depth + 1)
        case ast.Subscript(slice=ast.Constant(value=str(key))) if _names_host(key):
            yield ast.Name("request.host", ast.Load())
        case ast.Call():
            yield from _called(module, node, depth)
        case _:
            yield node


def _called(module: Module, node: ast.Call, depth: int) -> Iterator[str | ast.expr]:
    match node:
        case ast.Call(args=[given]) if module.dotted(node.func) == "str":
            yield from _pieces(module, given, depth)
        case ast.Call(func=ast.Attribute(value=value, attr=name)) if name in _TRIMMING:
            yield from _pieces(module, value, depth)
        case ast.Call(func=ast.Attribute(attr="get"), args=[ast.Constant(value=str(key)), *_]) if _names_host(key):
            yield ast.Name("request.host", ast.Load())
        case ast.Call(func=function, args=[]):
            yield function  # `request.get_host()`
        case _:
            yield node


def _names_host(key: str) -> bool:
    return key.lower() == _KEYS[0] or key == _KEYS[1]

"""From the code of an app to requests that it has routes for, as far as the code has them written out. Pure."""

from __future__ import annotations

import ast
import json
from typing import TYPE_CHECKING, Any

from vhlocal.model import Call

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Function = ast.FunctionDef | ast.AsyncFunctionDef

_JSON = "application/json"

#: How sure it is that a request is answered well: its body is known, it needs none, or its body is a guess.
_KNOWN, _ASKABLE, _GUESSED = range(3)

#: What frameworks call the JSON document of a request: a method, or an attribute of it.
_DOCUMENTS = {"get_json", "json", "get_media", "media"}
#: Parts of a request that a JSON document does not fill.
_OTHER_BODIES = {"files", "form", "data", "get_data", "body", "stream", "values", "bounded_stream", "read", "post"}

_TEXT, _NUMBER = "some text", 1
#: What code does to a value of a document, by what the value is then.
_OF_TEXTS = {"split", "lower", "upper", "strip", "encode", "replace", "startswith", "endswith", "splitlines", "title"}
_TAKERS = {"str": _TEXT, "float": _NUMBER, "int": _NUMBER, "round": _NUMBER, "abs": _NUMBER}


def calls_of(nodes: Iterable[ast.AST]) -> list[Call]:
    """Return the requests that have a route which needs no parameter: those first that are surely answered well.

    ``nodes`` are all of the code, functions and calls among them.
    """
    found: dict[int, tuple[int, Call]] = {}
    for node in nodes:
        if isinstance(node, Function):
            found |= {id(each): call for each in node.decorator_list if (call := _call(each, node)) is not None}
        elif id(node) not in found and (call := _call(node, None)) is not None:
            found[id(node)] = call
    return [call for _, call in sorted(found.values(), key=lambda ranked: ranked[0])]


def _call(node: ast.AST, function: Function | None) -> tuple[int, Call] | None:
    """Return the request for ``@app.route("/path", methods=["POST"])``, ``@app.get("/path")`` and the like."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute) or not node.args:
        return None
    path = node.args[0].value if isinstance(node.args[0], ast.Constant) else None
    if node.func.attr not in {"route", "get", "post"} or not isinstance(path, str):
        return None
    if not path.startswith("/") or any(letter in path for letter in "<{"):
        return None
    methods = next((keyword.value for keyword in node.keywords if keyword.arg == "methods"), None)
    listed = methods.elts if isinstance(methods, (ast.List, ast.Tuple, ast.Set)) else []
    written = [each.value for each in listed if isinstance(each, ast.Constant)]
    if node.func.attr != "post" and ("POST" not in written or "GET" in written):
        return _ASKABLE, Call("GET", path if path != "/" else "")
    document = None if function is None else _document(function)
    rank = _GUESSED if document is None or None in document.values() else _KNOWN
    filled = {key: [] if value is None else value for key, value in (document or {}).items()}
    return rank, Call("POST", path, json.dumps(filled), _JSON)


def _document(function: Function) -> dict[str, Any] | None:
    """Return what a function takes out of the request's document: a value of each key, None where it can be anything.

    None for a function that takes all of it, or the body in another form.
    """
    parents = {child: node for node in ast.walk(function) for child in ast.iter_child_nodes(node)}
    inside = [node for statement in function.body for node in ast.walk(statement)]
    if any(isinstance(node, ast.Attribute) and node.attr in _OTHER_BODIES for node in inside):
        return None
    documents = [_whole(node, parents) for node in inside if _is_document(node)]
    kept = {name for each in documents for name in _names(parents[each])}
    documents += [node for node in inside if isinstance(node, ast.Name) and node.id in kept]
    found: dict[str, Any] = {}
    for each in documents:
        parent = parents[each]
        if isinstance(parent, ast.Subscript) and isinstance(parent.slice, ast.Constant) and parent.value is each:
            found[str(parent.slice.value)] = _value(parent, parents, function)
        elif not _is_kept(parent) and not (isinstance(parent, ast.Attribute) and parent.attr == "get"):
            return None
    return found


def _is_document(node: ast.AST) -> bool:
    if not isinstance(node, ast.Attribute) or node.attr not in _DOCUMENTS:
        return False
    holder = node.value
    name = holder.id if isinstance(holder, ast.Name) else holder.attr if isinstance(holder, ast.Attribute) else ""
    return name in {"request", "req"}


def _whole(node: ast.AST, parents: dict[ast.AST, ast.AST]) -> ast.AST:
    """Return the expression that a document stands in: its call, and what waits for that."""
    while (isinstance(parent := parents[node], ast.Call) and parent.func is node) or isinstance(parent, ast.Await):
        node = parent
    return node


def _is_kept(node: ast.AST) -> bool:
    return isinstance(node, (ast.Assign, ast.AnnAssign, ast.Name))


def _names(node: ast.AST) -> Iterator[str]:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    yield from (target.id for target in targets if isinstance(target, ast.Name))


def _value(node: ast.AST, parents: dict[ast.AST, ast.AST], function: Function) -> Any:
    """Return a value that can be used as the code uses it, or a name that stands for it; None where none is known."""
    parent = parents[node]
    if isinstance(parent, ast.Assign) and len(parent.targets) == 1 and isinstance(name := parent.targets[0], ast.Name):
        uses = [each for each in ast.walk(function) if isinstance(each, ast.Name) and each.id == name.id]
        return next((found for each in uses if each is not name and (found := _used(each, parents)) is not None), None)
    return _used(node, parents)


def _used(node: ast.AST, parents: dict[ast.AST, ast.AST]) -> Any:
    parent = parents[node]
    if isinstance(parent, ast.FormattedValue) or (isinstance(parent, ast.Attribute) and parent.attr in _OF_TEXTS):
        return _TEXT
    if isinstance(parent, (ast.BinOp, ast.Compare)):
        beside = (parent.left, parent.right) if isinstance(parent, ast.BinOp) else (parent.left, *parent.comparators)
        values = [each.value for each in beside if isinstance(each, ast.Constant)]
        return next((_TEXT if isinstance(each, str) else _NUMBER for each in values if _is_plain(each)), None)
    if isinstance(parent, ast.Call) and isinstance(parent.func, ast.Name) and node in parent.args:
        return _TAKERS.get(parent.func.id)
    return None


def _is_plain(value: object) -> bool:
    return isinstance(value, (str, int, float)) and not isinstance(value, bool)

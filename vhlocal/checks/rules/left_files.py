"""VH313: a request leaves a file beside the code, and a later one reads it (K3)."""

from __future__ import annotations

import ast
import posixpath
from typing import TYPE_CHECKING, NamedTuple

from vhlocal.checks.paths import literal_path
from vhlocal.checks.rule import Rule
from vhlocal.contract.image import CODE_DIRECTORY
from vhlocal.findings import Definition, Example, Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vhlocal.checks.modules import Module, Site
    from vhlocal.checks.reach import Reach
    from vhlocal.checks.subject import Subject

DEFINITION = Definition(
    code="VH313",
    title="A request writes a file beside the code, and a later request reads it",
    severity=Severity.WARNING,
    why="Each replica has its own disk, which starts fresh with each start and each version. Requests go to the "
    "replicas in turn: the replica that reads the file may not be the one that wrote it.",
    remedy={
        "": "Keep the file where all replicas can reach it: in an object store, a database, or one of the endpoint's "
        "`shared-volumes`, below its `mount-path`.",
    },
    example=Example("python", 'FILE = "items.json"', 'FILE = "/data/items.json"  # on one of the `shared-volumes`'),
    rows=("K3", "K4"),
)

_ROUTES = ("route", "get", "post", "put", "patch", "delete", "api_route")
_OPENERS = ("open", "io.open", "codecs.open", "gzip.open")
#: Functions that write the file of an argument, by the argument's place; methods, by their own name.
_WRITERS = {
    "joblib.dump": 1,
    "numpy.save": 0,
    "torch.save": 1,
    "cv2.imwrite": 0,
    "shutil.copyfile": 1,
    "shutil.move": 1,
}
_WRITING = ("save", "to_csv", "to_json", "to_parquet", "to_pickle", "to_excel")
_READERS = (
    *("joblib.load", "numpy.load", "torch.load", "PIL.Image.open", "cv2.imread", "flask.send_file"),
    *("pandas.read_csv", "pandas.read_json", "pandas.read_parquet", "pandas.read_pickle", "pandas.read_excel"),
    *("fastapi.responses.FileResponse", "starlette.responses.FileResponse"),
)
_ASKERS = ("exists", "isfile", "is_file")
_REMOVERS = ("os.remove", "os.unlink", "shutil.rmtree")
#: Stands for a part of a path that is known at a request alone.
_ANY = "*"

_Function = (ast.FunctionDef, ast.AsyncFunctionDef)


class _Use(NamedTuple):
    """What a call does with a file: it ``writes``, ``reads``, ``asks`` for or ``removes`` it; and who does."""

    path: str
    does: str
    handler: str
    module: Module
    call: ast.Call
    guarded: bool


def find(subject: Subject) -> Iterator[Finding]:
    """Yield files of the code's directory that one handler of requests writes and another one reads.

    Nothing is said of what other code writes too, of who looks first whether it is there, or can do without it, of what
    its writer takes away again, and of what a volume or a link may hold.
    """
    for reach in subject.reaches:
        if any(one.mount_path.startswith(CODE_DIRECTORY) for one in reach.endpoint.shared_volumes):
            continue
        uses = list(_uses(reach))
        if any(module.dotted(call.func) == "os.chdir" for module, _, call in reach.calls):
            continue
        for path in dict.fromkeys(use.path for use in uses):
            if (subject.directory / path.partition("/")[0]).is_symlink():
                continue
            pair = _left_for_others([use for use in uses if use.path == path])
            if pair is not None:
                written, read = pair
                place = written.module.place(written.call)
                seen = (
                    f"`{path}` is written by `{written.handler}` ({place.file.name}:{place.line}), in another request"
                )
                change = "keep it where all replicas can reach it, such as on one of the `shared-volumes`"
                yield Finding(DEFINITION, read.module.place(read.call), seen, change, reach.endpoint.name)


def _left_for_others(uses: list[_Use]) -> tuple[_Use, _Use] | None:
    """Return who writes a file and who reads it, of which each is surely the only one at its request."""
    writers = [use for use in uses if use.does == "writes"]
    if not all(use.handler for use in uses):
        return None
    busy = {use.handler for use in writers} | {use.handler for use in uses if use.does in ("asks", "removes")}
    removed = {use.handler for use in uses if use.does == "removes"}
    readers = [use for use in uses if use.does == "reads" and use.handler not in busy and not use.guarded]
    writers = [use for use in writers if use.handler not in removed]
    return (writers[0], readers[0]) if writers and readers and not removed else None


def _uses(reach: Reach) -> Iterator[_Use]:
    handlers = {id(node): name for module, site in reach.sites for name, node in _handled(module, site)}
    for module, site, call in reach.calls:
        for does, path in _done(module, call):
            yield _Use(path, does, handlers.get(id(call), ""), module, call, site.where.guarded)


def _handled(module: Module, site: Site) -> Iterator[tuple[str, ast.AST]]:
    """Yield all that a function does that a route leads to, with the function's name."""
    if isinstance(site.node, _Function) and any(_is_route(one) for one in site.node.decorator_list):
        yield from ((site.node.name, node) for statement in site.node.body for node in ast.walk(statement))


def _is_route(decorator: ast.expr) -> bool:
    match decorator:
        case ast.Call(func=ast.Attribute(attr=name), args=[ast.Constant(value=str() as path), *_]):
            return name in _ROUTES and path.startswith("/")
    return False


def _done(module: Module, call: ast.Call) -> Iterator[tuple[str, str]]:
    """Yield what a call does, and the path of the file that it does it with."""
    name = module.dotted(call.func)
    last = call.func.attr if isinstance(call.func, ast.Attribute) else ""
    own = _path(call.func.value, module) if isinstance(call.func, ast.Attribute) else None
    found: list[tuple[str, str | None]] = []
    if name in _OPENERS and call.args:
        found.append((_opens(call, 1), _path(call.args[0], module)))
    elif own is not None and last in ("open", "write_text", "write_bytes", "read_text", "read_bytes"):
        found.append((_opens(call, 0) if last == "open" else f"{last.partition('_')[0]}s", own))
    elif own is not None and last in (*_ASKERS, "unlink"):
        found.append(("asks" if last in _ASKERS else "removes", own))
    elif name in _WRITERS and len(call.args) > _WRITERS[name]:
        found.append(("writes", _path(call.args[_WRITERS[name]], module)))
    elif name in _READERS and call.args:
        found.append(("reads", _path(call.args[0], module)))
    elif name == "flask.send_from_directory" and len(call.args) > 1:
        found.append(("reads", _joined(call.args[:2], module)))
    elif call.args and (name in _REMOVERS or (name.startswith("os.path.") and last in _ASKERS)):
        found.append(("removes" if name in _REMOVERS else "asks", _path(call.args[0], module)))
    elif last in _WRITING and call.args:
        found.append(("writes", _path(call.args[0], module)))
    else:  # whatever else has the file may do anything with it
        given = (*call.args, *(keyword.value for keyword in call.keywords))
        found += [("asks", _path(node, module)) for node in given if not _makes(call, module)]
    yield from ((does, path) for does, path in found if does and path is not None and _is_beside_code(path))


def _opens(call: ast.Call, index: int) -> str:
    """Return what a call of `open` does by its mode: "asks" where that is not written out, or is both."""
    modes = [keyword.value for keyword in call.keywords if keyword.arg == "mode"] + call.args[index : index + 1]
    if not modes:
        return "reads"
    mode = modes[0].value if isinstance(modes[0], ast.Constant) else None
    if not isinstance(mode, str) or "+" in mode:
        return "asks"
    return "writes" if set(mode) & set("wax") else "reads"


def _path(node: ast.expr, module: Module) -> str | None:
    """Return a path, with a star for each part that is known at a request alone; None where it does not begin so."""
    if isinstance(node, ast.Name) and node.id in module.bound_once and node.id not in module.constants:
        return _path(module.bound_once[node.id], module)
    known = literal_path(node, module)
    if known is not None:
        return known
    if isinstance(node, ast.JoinedStr):
        parts = [part.value if isinstance(part, ast.Constant) else _ANY for part in node.values]
        return posixpath.normpath("".join(map(str, parts)))
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        return _joined([node.left, node.right], module)
    if isinstance(node, ast.Call) and module.dotted(node.func) in ("os.path.join", "pathlib.Path") and node.args:
        return _joined(node.args, module)
    return None


def _joined(nodes: list[ast.expr], module: Module) -> str | None:
    first, *others = (_path(node, module) for node in nodes)
    return None if first is None else posixpath.normpath(posixpath.join(first, *(one or _ANY for one in others)))


def _makes(call: ast.Call, module: Module) -> bool:
    """Tell whether a call does no more than to make a path, or the directory of one."""
    name, last = module.dotted(call.func), call.func.attr if isinstance(call.func, ast.Attribute) else ""
    return name in ("os.path.join", "pathlib.Path", "str", "os.fspath", "os.makedirs") or last in ("joinpath", "mkdir")


def _is_beside_code(path: str) -> bool:
    """Tell whether a path is relative, and its beginning is written out."""
    return not path.startswith(("/", "..", _ANY, "~", "\\")) and ":" not in path


RULE = Rule((DEFINITION,), find)

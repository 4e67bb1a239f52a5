"""The files that code opens by paths that are written out in it."""

from __future__ import annotations

import ast
import difflib
import posixpath
import re
from typing import TYPE_CHECKING

from vhlocal.contract.image import CODE_DIRECTORY
from vhlocal.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from vhlocal.checks.modules import Module, Site
    from vhlocal.model import Place

#: Functions that read the file that their first argument names, whatever they belong to.
_READERS = {
    "imread",
    "loadtxt",
    "genfromtxt",
    "load_model",
    "load_weights",
    "read_csv",
    "read_excel",
    "read_feather",
    "read_json",
    "read_parquet",
    "read_pickle",
    "read_table",
    "InferenceSession",
}
#: Those of a name that means other things elsewhere.
_LOADERS = {
    "open",
    "PIL.Image.open",
    "bz2.open",
    "codecs.open",
    "dill.load",
    "gzip.open",
    "io.open",
    "joblib.load",
    "lzma.open",
    "numpy.load",
    "skops.io.load",
    "tarfile.open",
    "torch.jit.load",
    "torch.load",
}
_MAKERS = {
    "pathlib.Path",
    "pathlib.PurePath",
    "os.path.join",
    "os.path.abspath",
    "os.path.realpath",
    "str",
    "os.fspath",
}
#: Where the platform has its own (B7); what an endpoint opens there is judged otherwise.
_PLATFORM = "/valohai/"
_METHODS = {"open", "read_text", "read_bytes"}
_ASKERS = {"exists", "isfile", "is_file", "access", "stat"}
_WRITERS = {"write_text", "write_bytes", "touch", "dump", "save", "to_csv", "to_pickle", "to_parquet"}
#: Names that lead to names that lead to paths: further than anybody writes.
_DEEPEST = 12
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")

#: How alike two paths have to be for one to be meant by the other, from 0 to 1.
_ALIKE = 0.8


@dataclass(frozen=True)
class Opened:
    """One opening: the file's posix path in the package, and where. ``sure`` means that it fails without the file.

    A path that begins with a slash is one of the machine.
    """

    path: str
    place: Place
    sure: bool


def openings(calls: Iterable[tuple[Module, Site, ast.Call]]) -> tuple[Opened, ...]:
    """Return the files that are opened for reading, less those that the same code writes, or asks whether they are.

    Of paths of the machine those are left out, too, that are handed to anything else: it may put the file there.
    """
    found: list[Opened] = []
    excused: set[str] = set()
    for module, site, call in calls:
        path = read_path(call, module)
        if path is not None:
            found.append(Opened(path, module.place(call), site.is_sure))
        else:
            excused.update(_handed_on(call, module))
        excused.update(_written_or_asked_for(call, module))
    return tuple(opened for opened in found if opened.path not in excused)


def read_path(call: ast.Call, module: Module) -> str | None:
    """Return the path of the packaged file that a call reads, None where it reads none that is written out."""
    name = module.dotted(call.func)
    last = call.func.attr if isinstance(call.func, ast.Attribute) else name
    if isinstance(call.func, ast.Attribute) and last in _METHODS:
        own = literal_path(call.func.value, module)
        if own is not None:
            return None if _writes(call, 0) else own
    if (last in _READERS or name in _LOADERS) and call.args and not (last == "open" and _writes(call, 1)):
        return literal_path(call.args[0], module)
    return None


def literal_path(node: ast.expr, module: Module, depth: int = 0) -> str | None:
    """Return what an expression means as a path below the code's directory, None where that is not certain.

    A text is relative to the working directory, which is the code's (B7); ``__file__`` is the module itself. What
    begins with a slash is a path of the machine.
    """
    found = None
    if depth > _DEEPEST:
        pass
    elif isinstance(node, ast.Name):
        bound = module.constants.get(node.id)
        if node.id == "__file__":
            found = module.path
        elif bound is not None:
            found = literal_path(bound, module, depth + 1)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        found = _normal(node.value)
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        found = _joined([node.left, node.right], module, depth)
    elif isinstance(node, ast.Attribute) and node.attr == "parent":
        found = _above(literal_path(node.value, module, depth + 1))
    elif isinstance(node, ast.Call):
        found = _called(node, module, depth)
    return found


def nearly(path: str, entries: Iterable[str]) -> str | None:
    """Return the entry that is meant by a path: of the same name elsewhere, or spelt alike. None where none is."""
    for entry in sorted(entries):
        same_name = posixpath.basename(entry) == posixpath.basename(path)
        if same_name or difflib.SequenceMatcher(None, entry, path).ratio() >= _ALIKE:
            return entry
    return None


def _called(node: ast.Call, module: Module, depth: int) -> str | None:
    """Return what a call that makes a path means: a function of ``os.path``, a class or a method of ``pathlib``."""
    name = module.dotted(node.func)
    found = None
    if name in ("pathlib.Path", "pathlib.PurePath", "os.path.join"):
        found = _joined(node.args, module, depth)
    elif name in ("os.path.abspath", "os.path.realpath", "str", "os.fspath") and node.args:
        found = literal_path(node.args[0], module, depth + 1)
    elif name == "os.path.dirname" and node.args:
        found = _above(literal_path(node.args[0], module, depth + 1))
    elif isinstance(node.func, ast.Attribute):
        base = node.func.value
        if node.func.attr in ("resolve", "absolute", "as_posix"):
            found = literal_path(base, module, depth + 1)
        elif node.func.attr == "joinpath":
            found = _joined([base, *node.args], module, depth)
        elif node.func.attr == "with_name" and node.args:
            found = _joined([ast.Attribute(base, "parent", ast.Load()), *node.args], module, depth)
    return found


def _above(path: str | None) -> str | None:
    """Return the directory of a path; None above the topmost, which is the empty text."""
    return posixpath.dirname(path) if path else None


def _joined(nodes: list[ast.expr], module: Module, depth: int) -> str | None:
    parts = [literal_path(node, module, depth + 1) for node in nodes]
    known = [part for part in parts if part is not None]
    return posixpath.normpath(posixpath.join(*known)) if known and len(known) == len(parts) else None


def _normal(text: str) -> str | None:
    if not text or text.startswith(("~", "\\", "//")) or _URL.match(text) or "\n" in text:
        return None
    path = posixpath.normpath(text)
    path = path.removeprefix(f"{CODE_DIRECTORY}/")
    return None if path == ".." or path.startswith(("../", _PLATFORM)) else path


def _writes(call: ast.Call, index: int) -> bool:
    """Tell whether a call's mode, its argument at ``index`` or by name, is not sure to be one for reading."""
    given = [keyword.value for keyword in call.keywords if keyword.arg == "mode"] + call.args[index : index + 1]
    return any(not isinstance(mode, ast.Constant) or set(str(mode.value)) & set("wax+") for mode in given)


def makes_path(node: ast.AST | None, module: Module) -> bool:
    """Tell whether an expression does nothing but to make a path of its parts."""
    if isinstance(node, ast.Call):
        attribute = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        return module.dotted(node.func) in _MAKERS or attribute in ("joinpath", "with_name")
    return isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div)


def _handed_on(call: ast.Call, module: Module) -> Iterator[str]:
    """Yield the paths of the machine that a call gets which does not itself make a path."""
    if not makes_path(call, module):
        given = (*call.args, *(keyword.value for keyword in call.keywords))
        paths = (literal_path(node, module) for node in given)
        yield from (path for path in paths if path is not None and path.startswith("/"))


def _written_or_asked_for(call: ast.Call, module: Module) -> Iterator[str]:
    """Yield the paths that a call may write or look for: those of its arguments, or of the path whose method it is."""
    own = call.func.value if isinstance(call.func, ast.Attribute) else None
    last = call.func.attr if isinstance(call.func, ast.Attribute) else module.dotted(call.func)
    paths = [literal_path(node, module) for node in (*call.args, *([own] if own else []))]
    if last == "open":
        of_path = own is not None and paths[-1] is not None
        writes = _writes(call, 0 if of_path else 1)
    else:
        writes = last.rpartition(".")[2] in _WRITERS | _ASKERS or last.startswith(("save", "download", "urlretrieve"))
    if writes:
        yield from (path for path in paths if path is not None)

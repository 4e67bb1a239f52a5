"""Packaged Python files as syntax trees: parsed once, when a rule first asks, and walked once for all rules."""

from __future__ import annotations

import ast
import warnings
from collections import Counter
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from vhlocal.model import Place
from vhlocal.project.packaged_paths import directories_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from vhlocal.model import Package

#: Nodes that say nothing by themselves, and are a third of all.
_TRIVIAL = (ast.expr_context, ast.operator, ast.unaryop, ast.boolop, ast.cmpop)
_CHANGING = (
    ast.FunctionDef,
    ast.AsyncFunctionDef,
    ast.Lambda,
    ast.ClassDef,
    ast.If,
    ast.IfExp,
    ast.Try,
    ast.ExceptHandler,
    ast.With,
    ast.match_case,
    ast.BoolOp,
    ast.keyword,
    ast.arguments,
    ast.AnnAssign,
    ast.Call,
    ast.Compare,
)
_MISSING = {"ImportError", "ModuleNotFoundError", "FileNotFoundError", "OSError", "IOError", "Exception"}
#: Calls whose second argument stands in for what was not set.
_FALLBACKS = {"get", "getenv", "setdefault", "pop", "getattr", "config", "env", "str"}


@dataclass(frozen=True)
class Where:
    """What code stands in: all that tells whether it is sure to count.

    ``unit`` is the name of the module's function that it is in, if somebody has to name that for it to run; ``main``
    tells whether it runs only as a script, ``branch`` whether under a condition, ``guarded`` whether a failure is
    handled, ``fallback`` whether it stands in for what was not set, or is only compared with.
    """

    unit: str = ""
    inside: bool = False
    function: bool = False
    main: bool = False
    branch: bool = False
    guarded: bool = False
    fallback: bool = False


class Site(NamedTuple):
    """One node of a syntax tree, its parent, and what it stands in."""

    node: ast.AST
    parent: ast.AST | None
    where: Where

    @property
    def is_sure(self) -> bool:
        """Whether it counts without any condition."""
        return not (self.where.branch or self.where.guarded or self.where.fallback)

    @property
    def text(self) -> str | None:
        """The text, for one that is written out as a value; None for docstrings and parts of f-strings."""
        if isinstance(self.node, ast.Constant) and isinstance(self.node.value, str):
            return None if isinstance(self.parent, ast.Expr | ast.JoinedStr) else self.node.value
        return None


class Module:
    """One packaged Python file. ``tree`` is None where it is no Python that this version can read."""

    def __init__(self, path: str, source: Path) -> None:
        self.path = path
        self.source = source

    @property
    def directory(self) -> str:
        """The directory that it is in, as a posix path in the package; empty for the topmost."""
        return self.path.rpartition("/")[0]

    @cached_property
    def tree(self) -> ast.Module | None:
        """The syntax tree."""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of what the user writes, such as "\\d"
                return ast.parse(self.source.read_bytes())
        except (SyntaxError, ValueError, OSError, RecursionError, MemoryError):
            return None

    @cached_property
    def sites(self) -> tuple[Site, ...]:
        """Every node with what it stands in, in the order of the source."""
        if self.tree is None:
            return ()
        return tuple(_walk(self.tree))

    @cached_property
    def constants(self) -> Mapping[str, ast.expr]:
        """The names that are bound at the module's top, and nowhere else in it, with what to."""
        bound: Counter[str] = Counter()
        found: dict[str, ast.expr] = {}
        for node, _, where in self.sites:
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                bound[node.id] += 1
            elif isinstance(node, ast.arg):
                bound[node.arg] += 1
            elif isinstance(node, ast.Assign) and not (where.inside or where.branch):
                found |= {target.id: node.value for target in node.targets if isinstance(target, ast.Name)}
        return {name: value for name, value in found.items() if bound[name] == 1}

    @cached_property
    def names(self) -> Mapping[str, str]:
        """What imported names stand for, such as ``{"np": "numpy", "Flask": "flask.Flask"}``."""
        found: dict[str, str] = {}
        for site in self.sites:
            if isinstance(site.node, ast.Import):
                for alias in site.node.names:
                    found[alias.asname or alias.name.partition(".")[0]] = (
                        alias.name if alias.asname else alias.name.partition(".")[0]
                    )
            elif isinstance(site.node, ast.ImportFrom) and not site.node.level:
                for alias in site.node.names:
                    found[alias.asname or alias.name] = f"{site.node.module}.{alias.name}"
        return found

    def place(self, node: ast.AST, lines_below: int = 0) -> Place:
        """Where a node stands."""
        return Place(self.source, getattr(node, "lineno", 1) + lines_below)

    def place_in_text(self, node: ast.AST, line: int) -> Place:
        """Where a line of the text that a node writes stands, counted from 1; where the node does, if on one line."""
        several = getattr(node, "end_lineno", 0) != getattr(node, "lineno", 0)
        return self.place(node, line - 1 if several else 0)

    def dotted(self, node: ast.AST) -> str:
        """Return what a name or attribute stands for, imports followed: ``numpy.load`` for ``np.load``; else ``""``."""
        if isinstance(node, ast.Name):
            return self.names.get(node.id, node.id)
        if isinstance(node, ast.Attribute):
            below = self.dotted(node.value)
            return f"{below}.{node.attr}" if below else ""
        return ""


class Modules:
    """The Python files of a package, each parsed when it is first asked for."""

    def __init__(self, package: Package) -> None:
        self._package = package
        self._known: dict[str, Module] = {}

    @cached_property
    def _directories(self) -> set[str]:
        return directories_of(self._package.files)

    def get(self, path: str) -> Module | None:
        """Return the module at a packaged path, None where none is packaged there."""
        file = self._package.files.get(path)
        if file is None:
            return None
        if path not in self._known:
            self._known[path] = Module(path, file.source)
        return self._known[path]

    def find(self, name: str, root: str = "") -> Module | None:
        """Return the packaged module or package of a dotted name, looked for below ``root``."""
        stem = "/".join([*([root] if root else []), *name.split(".")])
        return self.get(f"{stem}/__init__.py") or self.get(f"{stem}.py")

    def is_directory(self, name: str, root: str = "") -> bool:
        """Tell whether a dotted name is a packaged directory, which may be a package without ``__init__.py``."""
        return "/".join([*([root] if root else []), *name.split(".")]) in self._directories

    def below(self, directory: str) -> set[str]:
        """Return the names of the modules and packages in a packaged directory."""
        start = f"{directory}/"
        inside = (path[len(start) :] for path in self._package.files if path.startswith(start))
        return {path.partition("/")[0].removesuffix(".py") for path in inside}


def is_main_guard(test: ast.expr) -> bool:
    """Tell whether a condition is ``__name__ == "__main__"``."""
    return isinstance(test, ast.Compare) and "'__main__'" in ast.dump(test) and "__name__" in ast.dump(test)


def _walk(tree: ast.Module) -> Iterator[Site]:
    stack: list[Site] = [Site(tree, None, Where())]
    while stack:
        site = stack.pop()
        yield site
        node, where = site.node, site.where
        changing = isinstance(node, _CHANGING)
        children = []
        for name, value in ast.iter_fields(node):
            for index, child in enumerate(value if isinstance(value, list) else (value,)):
                if isinstance(child, ast.AST) and not isinstance(child, _TRIVIAL):
                    children.append(Site(child, node, _below(node, name, index, where) if changing else where))
        stack += reversed(children)


def _below(node: ast.AST, field: str, index: int, where: Where) -> Where:
    """Return where a node's child stands: where the node does, and what the node adds."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
        return _in_definition(node, where) if field == "body" else where
    if isinstance(node, ast.If | ast.IfExp):
        return _in_branch(node, field, where)
    if isinstance(node, ast.Try) and field == "body":
        return replace(where, guarded=where.guarded or _handles(node))
    if isinstance(node, ast.With) and field == "body":
        return replace(where, guarded=where.guarded or any("suppress" in ast.dump(item) for item in node.items))
    if isinstance(node, ast.ExceptHandler | ast.match_case):
        return replace(where, branch=True)
    is_field = isinstance(node, ast.AnnAssign) and where.inside and not where.function
    return replace(where, fallback=True) if is_field or _is_fallback(node, field, index) else where


def _in_definition(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef, where: Where) -> Where:
    if isinstance(node, ast.ClassDef):
        # Classes of settings, as pydantic's, take each attribute from the environment where it is set.
        is_settings = any("Settings" in ast.dump(base) for base in node.bases)
        return replace(where, inside=True, fallback=where.fallback or is_settings)
    alone = not (where.inside or isinstance(node, ast.Lambda) or node.decorator_list)
    name = node.name if alone and not isinstance(node, ast.Lambda) else where.unit
    return replace(where, unit=name, inside=True, function=True)


def _in_branch(node: ast.If | ast.IfExp, field: str, where: Where) -> Where:
    if field == "body" and is_main_guard(node.test):
        return replace(where, main=True)
    return where if field == "test" else replace(where, branch=True)


def _handles(node: ast.Try) -> bool:
    for handler in node.handlers:
        kinds = [] if handler.type is None else list(ast.walk(handler.type))
        if handler.type is None or _MISSING & {kind.id for kind in kinds if isinstance(kind, ast.Name)}:
            return True
    return False


def _is_fallback(node: ast.AST, field: str, index: int) -> bool:
    if isinstance(node, ast.BoolOp):
        return field == "values" and index > 0
    if isinstance(node, ast.keyword):
        return node.arg in ("default", "help", "description")
    if isinstance(node, ast.arguments):
        return field in ("defaults", "kw_defaults")
    if isinstance(node, ast.Call) and field == "args" and index > 0:
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        return name in _FALLBACKS
    return isinstance(node, ast.Compare)

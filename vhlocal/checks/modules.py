"""Packaged Python files as syntax trees: parsed once, when a rule first asks, and walked once for all rules."""

from __future__ import annotations

import ast
import builtins
import warnings
from collections import Counter
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from vhlocal.model import Place
from vhlocal.parsing import parse
from vhlocal.project.packaged_paths import directories_of
from vhlocal.regular import content_of
from vhlocal.values import dataclass

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


#: What libraries give under a second name, and where it is defined: rules know the name on the right.
_HOMES = {
    "dash.dash.Dash": "dash.Dash",
    "django.urls.conf.path": "django.urls.path",
    "django.urls.conf.re_path": "django.urls.re_path",
    "fastapi.applications.FastAPI": "fastapi.FastAPI",
    "fastapi.routing.APIRouter": "fastapi.APIRouter",
    "flask.app.Flask": "flask.Flask",
    "flask.blueprints.Blueprint": "flask.Blueprint",
    "gradio.blocks.Blocks": "gradio.Blocks",
    "gradio.interface.Interface": "gradio.Interface",
    "uvicorn.main.run": "uvicorn.run",
    "werkzeug.DebuggedApplication": "werkzeug.debug.DebuggedApplication",
    "werkzeug.run_simple": "werkzeug.serving.run_simple",
}
#: Names that lead to names: further than anybody writes.
_DEEPEST = 12


@dataclass(frozen=True)
class Where:
    """What code stands in: all that decides whether it is sure to count.

    ``unit`` is the name of the module's function that it is in, if it only runs when somebody names that; ``main`` says
    whether it runs only as a script, ``branch`` whether under a condition, ``guarded`` whether a failure is handled,
    ``fallback`` whether it is a default for what is not set, or is only compared with.
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

    def __init__(self, path: str, source: Path, modules: Modules | None = None) -> None:
        self.path = path
        self.source = source
        self._modules = modules
        self._homes: dict[str, str] = {}

    @property
    def directory(self) -> str:
        """The directory that it is in, as a posix path in the package; empty for the topmost."""
        return self.path.rpartition("/")[0]

    @property
    def tree(self) -> ast.Module | None:
        """The syntax tree."""
        return self._read[0]

    @property
    def unread(self) -> str:
        """Why there is no tree, or nothing."""
        return self._read[1]

    @cached_property
    def _read(self) -> tuple[ast.Module | None, str]:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of what the user writes, such as "\\d"
                return parse(content_of(self.source)), ""
        except SyntaxError as error:
            return None, f"line {error.lineno}: {error.msg}" if error.lineno else error.msg
        except OSError as error:
            return None, error.strerror or str(error)
        except (ValueError, RecursionError, MemoryError) as error:
            return None, str(error) or type(error).__name__

    @cached_property
    def sites(self) -> tuple[Site, ...]:
        """Every node with what it stands in, in the order of the source."""
        if self.tree is None:
            return ()
        return tuple(_walk(self.tree))

    @cached_property
    def bound_once(self) -> Mapping[str, ast.expr]:
        """The names that are bound once in the module, at its top or in a function, with what to."""
        return self._bound[1]

    @cached_property
    def constants(self) -> Mapping[str, ast.expr]:
        """The names that are bound at the module's top, and nowhere else in it, with what to."""
        return self._bound[0]

    @cached_property
    def _bound(self) -> tuple[Mapping[str, ast.expr], Mapping[str, ast.expr]]:
        bound: Counter[str] = Counter()
        at_top: dict[str, ast.expr] = {}
        anywhere: dict[str, ast.expr] = {}
        for node, _, where in self.sites:
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                bound[node.id] += 1
            elif isinstance(node, ast.arg):
                bound[node.arg] += 1
            elif isinstance(node, ast.Assign) and not where.branch:
                found = {target.id: node.value for target in node.targets if isinstance(target, ast.Name)}
                anywhere |= found
                at_top |= {} if where.inside else found
        once = {name for name, count in bound.items() if count == 1}
        return (
            {name: value for name, value in at_top.items() if name in once},
            {name: value for name, value in anywhere.items() if name in once},
        )

    @cached_property
    def classes(self) -> Mapping[str, ast.ClassDef]:
        """The classes at the module's top."""
        found = (site.node for site in self.sites if isinstance(site.node, ast.ClassDef) and not site.where.inside)
        return {node.name: node for node in found}

    @cached_property
    def functions(self) -> frozenset[str]:
        """The names of the functions at the module's top."""
        kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
        return frozenset(one.node.name for one in self.sites if isinstance(one.node, kinds) and not one.where.inside)

    @property
    def own(self) -> frozenset[str]:
        """The names that something at the module's top is surely bound to."""
        return self.functions | self.classes.keys() | self.constants.keys() | self.names.keys()

    def is_named(self, name: str) -> bool:
        """Tell whether a dotted name means this module, seen from the code's directory."""
        return self.path in (f"{name.replace('.', '/')}.py", f"{name.replace('.', '/')}/__init__.py")

    @cached_property
    def stars(self) -> tuple[str, ...]:
        """The modules all of whose names are imported (``from x import *``)."""
        found = (site.node for site in self.sites if isinstance(site.node, ast.ImportFrom))
        return tuple(self._absolute(node) for node in found if any(alias.name == "*" for alias in node.names))

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
            elif isinstance(site.node, ast.ImportFrom):
                for alias in site.node.names:
                    found[alias.asname or alias.name] = f"{self._absolute(site.node)}.{alias.name}"
        return found

    def _absolute(self, node: ast.ImportFrom) -> str:
        """Return the dotted name of the module that is imported from, seen from the code's directory."""
        above = self.path.split("/")[: -node.level] if node.level else []
        return ".".join([*above, *([node.module] if node.module else [])])

    def is_tried(self, node: ast.AST) -> bool:
        """Tell whether a node stands in the body of a ``try``, whatever that handles."""
        line = getattr(node, "lineno", 0)
        tries = (site.node for site in self.sites if isinstance(site.node, ast.Try))
        return any(one.lineno <= line <= (one.body[-1].end_lineno or 0) for one in tries)

    def place(self, node: ast.AST, lines_below: int = 0) -> Place:
        """Where a node stands."""
        return Place(self.source, getattr(node, "lineno", 1) + lines_below)

    def place_in_text(self, node: ast.AST, line: int) -> Place:
        """Where a line of the text that a node writes stands, counted from 1; where the node does, if on one line."""
        several = getattr(node, "end_lineno", 0) != getattr(node, "lineno", 0)
        return self.place(node, line - 1 if several else 0)

    def dotted(self, node: ast.AST) -> str:
        """Return what a name or attribute stands for, followed to where it is defined; else ``""``.

        ``numpy.load`` for ``np.load``, ``flask.Flask`` for a name that another module of the project has it by.
        """
        written = _written(node)
        if written and written not in self._homes:
            self._homes[written] = self.home(written)
        return self._homes.get(written, "")

    def home(self, name: str, depth: int = 0) -> str:
        """Return where a dotted name is defined that is used in this module."""
        first, _, rest = name.partition(".")
        bound = self.names.get(first)
        if bound is None and depth < _DEEPEST:
            alias = self.constants.get(first)
            known = _written(alias) if alias is not None else ""
            if known and known != first:
                return self.home(f"{known}.{rest}" if rest else known, depth + 1)
            if alias is None and first not in self.classes:
                bound = self._by_star(first, depth)
        if bound is None:
            return name
        return self._elsewhere(f"{bound}.{rest}" if rest else bound, depth)

    def _by_star(self, name: str, depth: int) -> str | None:
        """Return what a name stands for that nothing here binds, where all names of another module were imported."""
        if not self.stars or hasattr(builtins, name) or name in self._defined:
            return None
        for star in self.stars:
            module = self._modules.find(star) if self._modules else None
            if module is None:
                return f"{star}.{name}"
            found = module.home(name, depth + 1)
            if found != name:
                return found
        return None

    @cached_property
    def _defined(self) -> frozenset[str]:
        kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
        named = {site.node.name for site in self.sites if isinstance(site.node, kinds)}
        stored = (site.node for site in self.sites if isinstance(site.node, ast.Name | ast.arg))
        return frozenset(
            named | {n.arg if isinstance(n, ast.arg) else n.id for n in stored if _is_bound(n)},
        )

    def _elsewhere(self, name: str, depth: int) -> str:
        """Return where a dotted name is defined that begins with a module: of the project's own or of a library."""
        if self._modules is not None and depth < _DEEPEST:
            parts = name.split(".")
            for length in range(len(parts) - 1, 0, -1):
                head, rest = ".".join(parts[:length]), ".".join(parts[length:])
                module = self._near(head)
                if module is not None and module is not self:
                    found = module.home(rest, depth + 1)
                    return name if found == rest else found
        return _HOMES.get(name, name)

    def maker(self, node: ast.expr) -> str:
        """Return the full name of what made a value, by its class where that is known; "" where it is not certain."""
        module, made = self.value_of(node)
        if not isinstance(made, ast.Call):
            return ""
        name = module.dotted(made.func)
        for _ in range(_DEEPEST):
            module, own = module.class_of(name)
            if own is None or not own.bases:
                break
            name = module.dotted(own.bases[0])
        return name

    def class_of(self, name: str) -> tuple[Module, ast.ClassDef | None]:
        """Return the project's class of a full name, and the module that it is in; None where it is none of those."""
        if name in self.classes:
            return self, self.classes[name]
        head, _, last = name.rpartition(".")
        module = self._near(head)
        return (self, None) if module is None else (module, module.classes.get(last))

    def _near(self, name: str) -> Module | None:
        """Return the packaged module of a dotted name, looked for from the code's directory and from this one's."""
        if self._modules is None or not name:
            return None
        return self._modules.find(name) or self._modules.find(name, self.directory)

    def value_of(self, node: ast.expr) -> tuple[Module, ast.expr | None]:
        """Return what a name is bound to, and in which module."""
        if not isinstance(node, ast.Name | ast.Attribute):
            return self, node
        if isinstance(node, ast.Name) and node.id in self.bound_once:
            return self, self.bound_once[node.id]
        head, _, last = self.dotted(node).rpartition(".")
        module = self._near(head)
        return (self, None) if module is None else (module, module.constants.get(last))


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
            self._known[path] = Module(path, file.source, self)
        return self._known[path]

    def source(self, path: str) -> Path | None:
        """Return where a packaged file is, None where none is packaged there."""
        file = self._package.files.get(path)
        return None if file is None else file.source

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


def _written(node: ast.AST) -> str:
    """Return a name, or names with dots between them, as they are written; "" for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        below = _written(node.value)
        return f"{below}.{node.attr}" if below else ""
    return ""


def _is_bound(node: ast.Name | ast.arg) -> bool:
    return isinstance(node, ast.arg) or isinstance(node.ctx, ast.Store)


def keyword(call: ast.Call, name: str) -> ast.expr | None:
    """Return what a call gives by this name; None where it does not."""
    return next((given.value for given in call.keywords if given.arg == name), None)


def is_main_guard(test: ast.expr) -> bool:
    """Tell whether a condition is ``__name__ == "__main__"``."""
    return isinstance(test, ast.Compare) and "'__main__'" in ast.dump(test) and "__name__" in ast.dump(test)


#: With these a module does something while it loops.
_BESIDE = ("threading", "_thread", "concurrent", "multiprocessing", "subprocess", "asyncio")


def is_endless(place: Place) -> bool:
    """Tell whether a line is in a loop that nothing in it ends, of a module that has nothing beside it: no thread."""
    line, module = place.line or 0, Module(place.file.name, place.file)
    if any(name.partition(".")[0] in _BESIDE for name in module.names.values()):
        return False
    return any(
        isinstance(site.node, ast.While)
        and site.node.lineno <= line <= (site.node.end_lineno or 0)
        and isinstance(site.node.test, ast.Constant)
        and bool(site.node.test.value)
        and not any(isinstance(node, ast.Break | ast.Return | ast.Raise | ast.Yield) for node in ast.walk(site.node))
        for site in module.sites
    )


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

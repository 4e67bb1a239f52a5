"""VH314: code of a notebook is left in a module that is served."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from vhlocal.checks.edits import in_line
from vhlocal.checks.rule import Rule
from vhlocal.findings import Definition, Edit, Example, Finding, Severity
from vhlocal.model import Place
from vhlocal.parsing import parse
from vhlocal.regular import text_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vhlocal.checks.edits import Edits
    from vhlocal.checks.modules import Module
    from vhlocal.checks.reach import Reach
    from vhlocal.checks.subject import Subject

DEFINITION = Definition(
    code="VH314",
    title="A module contains notebook code",
    severity=Severity.ERROR,
    why="`%matplotlib inline` and `!pip install …` are notebook syntax, not Python: a module that has such a line "
    "cannot be imported. `get_ipython()`, which replaces them on export, and `display()` exist only in a notebook: "
    "a server ends with `NameError`.",
    remedy={"": "Remove the line; list what it installs in the requirements, and set in code what the magic sets."},
    example=Example("python", 'get_ipython().run_line_magic("matplotlib", "inline")', 'matplotlib.use("Agg")'),
    rows=("B2",),
)

_NAMES = ("get_ipython", "display")
#: A magic, or a command of the shell, at the beginning of a line.
_MAGIC = re.compile(r"(?:%%?[a-zA-Z]\w*(?:\s|$)|!\s?[a-zA-Z./])")


def find(subject: Subject) -> Iterator[Finding]:
    """Yield the lines of a notebook in what an endpoint is sure to import, and calls that are sure to be made there."""
    for reach in subject.reaches:
        for item in reach.reached:
            if item.eager and item.module.tree is None:
                yield from _lines(item.module, reach)
        for module, site, call in reach.calls:
            name = call.func.id if isinstance(call.func, ast.Name) else ""
            is_certain = site.is_sure and not site.where.function and name in _NAMES and not _is_bound(module, name)
            if is_certain and not module.is_tried(call):
                place, seen = module.place(call), f"`{name}()` exists only in a notebook"
                edits = _without(module, place)
                yield Finding(DEFINITION, place, seen, "remove it", reach.endpoint.name, edits=edits)


def _lines(module: Module, reach: Reach) -> Iterator[Finding]:
    """Yield the first line of a notebook's in a file that is no Python, if it is Python without all of those."""
    try:
        lines = text_of(module.source, "utf-8-sig").splitlines()
    except (OSError, ValueError):
        return
    found = [number for number, line in enumerate(lines, 1) if _MAGIC.match(line.strip())]
    rest = "\n".join("" if number in found else line for number, line in enumerate(lines, 1))
    try:
        parse(rest)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    for number in found:
        place = Place(module.source, number)
        seen = f"`{lines[number - 1].strip()}` is notebook syntax, not Python"
        yield Finding(DEFINITION, place, seen, "remove it", reach.endpoint.name, edits=_taken(place, lines))


def _taken(place: Place, lines: list[str]) -> Edits:
    old = lines[(place.line or 1) - 1]
    return (Edit(place, old, ""),) if not old.startswith((" ", "\t")) else ()


def _without(module: Module, place: Place) -> Edits:
    """Return the edit that takes out a line that is nothing but a call."""
    lines = [node for node in module.tree.body if node.lineno == place.line] if module.tree else []
    (node,) = lines if len(lines) == 1 else (None,)
    if not isinstance(node, ast.Expr) or node.end_lineno != place.line:
        return ()
    source = ast.get_source_segment(text_of(module.source, "utf-8-sig"), node) or ""
    return in_line(place, source, "") if source else ()


def _is_bound(module: Module, name: str) -> bool:
    nodes = (site.node for site in module.sites)
    stored = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    return name in module.own or bool(module.stars) or name in stored


RULE = Rule((DEFINITION,), find)

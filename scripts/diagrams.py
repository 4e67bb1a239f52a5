"""Draw which parts of the code import which, from its own imports: the pictures on the site's page of the structure."""

from __future__ import annotations

import ast
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape, quoteattr

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT = Path(__file__).resolve().parent.parent

#: What each part imports.
Graph = dict[str, set[str]]

_PAGE = """# The structure of the code

Drawn from the imports of the code when this page was built. [The architecture](architecture.md) says what each part is.

## Packages

An arrow leads from a part to one that it imports; it is left out where a longer way leads there too. `the words` are
the {single} that stand beside the packages: values, errors and events that all others use.

{packages}

## The rooms of the session

Each room uses those below it. `the run` are the modules beside the rooms that put them together, `the words` those that
the rooms use ({single_rooms} in all).

{rooms}
"""

_ROW, _HEIGHT, _LETTER, _GAP = 86, 30, 8.2, 26


def page() -> str:
    """Return the page in Markdown, with its pictures in it."""
    packages, rooms = grouped(ROOT / "vhlocal"), grouped(ROOT / "vhlocal" / "session")
    return _PAGE.format(
        single=f"{len(packages.single)} modules",
        packages=drawn(reduced(packages.graph), "Packages of vhlocal and what they import"),
        single_rooms=f"{len(rooms.single)} modules",
        rooms=drawn(reduced(rooms.graph), "Rooms of the session and what they import"),
    )


class Grouped:
    """A package's parts: each package in it, and its single modules in two groups, above the packages and below."""

    def __init__(self, graph: Graph, single: list[str]) -> None:
        self.graph = graph
        self.single = single


def grouped(package: Path) -> Grouped:
    """Return the parts of a package. The runner is none: it imports nothing of ours, and nothing imports it."""
    folders = {path.parent.name for path in package.glob("*/__init__.py") if path.parent.name != "runner"}
    modules = {path.stem for path in package.glob("*.py") if not path.stem.startswith("__")}
    whole: Graph = {name: set() for name in folders | modules}
    prefix = ".".join(package.relative_to(ROOT).parts)
    for path in package.rglob("*.py"):
        part = path.relative_to(package).parts[0].removesuffix(".py")
        if part in whole:
            named = {
                name.removeprefix(f"{prefix}.").split(".")[0] for name in _imports(path) if name.startswith(prefix)
            }
            whole[part] |= (named & whole.keys()) - {part}
    above = {name for name in modules if reach(whole, name) & folders}
    names = {name: name if name in folders else "the run" if name in above else "the words" for name in whole}
    graph: Graph = {names[name]: set() for name in whole}
    for name, imported in whole.items():
        graph[names[name]] |= {names[each] for each in imported} - {names[name]}
    return Grouped(graph, sorted(modules))


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def reach(graph: Mapping[str, set[str]], name: str) -> set[str]:
    """Return all that a part imports, directly and through others."""
    found: set[str] = set()
    waiting = list(graph[name])
    while waiting:
        each = waiting.pop()
        if each not in found:
            found.add(each)
            waiting += graph[each]
    return found


def reduced(graph: Graph) -> Graph:
    """Leave out each arrow that a longer way stands for; ValueError where parts import each other in a circle."""
    below = {name: reach(graph, name) for name in graph}
    circles = sorted(name for name in graph if name in below[name])
    if circles:
        raise ValueError(f"these import each other: {', '.join(circles)}")
    return {
        name: {each for each in imported if not any(each in below[other] for other in imported)}
        for name, imported in graph.items()
    }


def ranks(graph: Graph) -> list[list[str]]:
    """Return the parts in rows, what imports above what it imports; the row below all is the last."""
    depth: dict[str, int] = {}
    for name in sorted(graph, key=lambda each: len(reach(graph, each))):
        depth[name] = max((depth[each] + 1 for each in graph[name]), default=0)
    rows = [sorted(name for name in graph if depth[name] == row) for row in range(max(depth.values()), -1, -1)]
    for above, row in pairwise(rows):  # near those that import them
        places = {name: index for index, name in enumerate(above)}

        def place(name: str, places: dict[str, int] = places) -> float:
            over = [places[each] for each in places if name in graph[each]]
            return sum(over) / len(over) if over else len(places) / 2

        row.sort(key=place)
    return rows


def drawn(graph: Graph, title: str) -> str:
    """Return a picture as SVG, without an empty line, in the colours of the text around it."""
    rows = ranks(graph)
    wide = {name: len(name) * _LETTER + 20 for name in graph}
    width = max(sum(wide[name] + _GAP for name in row) for row in rows) + _GAP
    height = len(rows) * _ROW
    middle: dict[str, tuple[float, float]] = {}
    for index, row in enumerate(rows):
        free = (width - sum(wide[name] for name in row)) / (len(row) + 1)
        left = free
        for name in row:
            middle[name] = (left + wide[name] / 2, index * _ROW + _ROW / 2)
            left += wide[name] + free
    lines = [
        f'<svg viewBox="0 0 {width:.0f} {height}" width="{width:.0f}" role="img" aria-label={quoteattr(title)}'
        ' font-family="monospace" font-size="13" style="max-width: 100%; height: auto">',
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
        '<path d="M0 0 L8 4 L0 8 z" fill="currentColor"/></marker></defs>',
    ]
    for name in sorted(graph):
        for each in sorted(graph[name]):
            lines.append(_arrow(middle[name], middle[each]))
    lines += [_box(name, middle[name], wide[name]) for name in middle]
    return "\n".join([*lines, "</svg>"])


def _arrow(start: tuple[float, float], end: tuple[float, float]) -> str:
    x, y, to_x, to_y = start[0], start[1] + _HEIGHT / 2, end[0], end[1] - _HEIGHT / 2
    half = (y + to_y) / 2
    curve = f"M{x:.0f} {y:.0f} C{x:.0f} {half:.0f} {to_x:.0f} {half:.0f} {to_x:.0f} {to_y:.0f}"
    stroke = 'stroke="currentColor" stroke-opacity="0.55"'
    return f'<path d="{curve}" fill="none" {stroke} marker-end="url(#tip)"/>'


def _box(name: str, middle: tuple[float, float], wide: float) -> str:
    x, y = middle
    place = f'x="{x - wide / 2:.0f}" y="{y - _HEIGHT / 2:.0f}" width="{wide:.0f}" height="{_HEIGHT}"'
    shape = f'<rect {place} rx="5" fill="var(--md-default-bg-color, Canvas)" stroke="currentColor"/>'
    text = f'<text x="{x:.0f}" y="{y + 4.5:.0f}" text-anchor="middle" fill="currentColor">{escape(name)}</text>'
    return f"<g>{shape}{text}</g>"

"""VH204 and VH205: the endpoint's code imports what production does not install (B2)."""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import TYPE_CHECKING

from vhlocal.checks.commands import brings_programs
from vhlocal.checks.distributions import brought, is_common, is_standard, providers
from vhlocal.checks.edits import added
from vhlocal.checks.images import is_official_python
from vhlocal.checks.rule import Rule
from vhlocal.findings import Definition, Example, Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vhlocal.checks.modules import Module
    from vhlocal.checks.reach import Reach
    from vhlocal.checks.subject import Subject

UNREAD = Definition(
    code="VH204",
    title="An import is listed only in the requirements file that production does not read",
    severity=Severity.ERROR,
    why="Production installs `requirements-deployment.txt` and, if that file exists, ignores `requirements.txt`. A "
    "package that only `requirements.txt` lists is missing, and the server ends with `ModuleNotFoundError`.",
    remedy={"": "Also list it in `requirements-deployment.txt`, or begin that file with `-r requirements.txt`."},
    example=Example(
        "text",
        "# requirements-deployment.txt\nflask>=3.0\n# requirements.txt\nflask>=3.0\nnumpy>=1.26",
        "# requirements-deployment.txt\nflask>=3.0\nnumpy>=1.26",
    ),
    rows=("B2",),
)
NOWHERE = Definition(
    code="VH205",
    title="No requirement provides a module that the code imports",
    severity=Severity.ERROR,
    why="The official Python images contain only Python's standard library. A package that is in your own environment "
    "but not in the requirements is missing in production: the server ends with `ModuleNotFoundError`.",
    remedy={"": "Add the distribution that provides the module to the requirements that production installs."},
    example=Example("text", "flask>=3.0", "flask>=3.0\nnumpy>=1.26"),
    rows=("B1", "B2"),
)


def find(subject: Subject) -> Iterator[Finding]:
    """Yield the imports that are sure to run and sure to fail, each once for each endpoint."""
    for reach in subject.reaches:
        if not is_official_python(reach.endpoint.image) or brings_programs(reach.endpoint):
            continue
        seen: set[str] = set()
        for module, node, name in imports_at_start(reach):
            top = name.partition(".")[0]
            if top in seen or is_standard(top) or is_own(top, module, subject):
                continue
            seen.add(top)
            served = ("gunicorn", "packaging") if reach.endpoint.wsgi is not None else ()  # R4 sets it up
            if any(name in served for name in providers(top)):
                continue
            found = _judge(top, module, node, subject, reach.endpoint.image)
            if found is not None:
                yield replace(found, endpoint=reach.endpoint.name)


def _judge(top: str, module: Module, node: ast.AST, subject: Subject, image: str) -> Finding | None:
    read, unread = subject.requirements, subject.unread_requirements
    listed = read.names if read else frozenset()
    wanted = providers(top)
    if any(name in listed for name in wanted) or (read is not None and (read.open or read.invalid)):
        return None
    # What is not listed may be brought along by something that is: only what is known is sure.
    there = brought(read, image)
    if there is None or any(name in there for name in wanted):
        return None
    place = module.place(node)
    if unread is not None and read is not None and any(name in unread.names for name in wanted):
        name = next(name for name in wanted if name in unread.names)
        return Finding(
            UNREAD,
            place,
            f"`{top}` is imported; only {unread.name} lists {name}",
            f"add {name} to {read.name}",
            edits=added(subject.directory / read.name, name),
        )
    if not is_common(top):
        return None
    file = read.name if read else "requirements.txt"
    seen, edits = f"`{top}` is imported, but no line provides it", added(subject.directory / file, wanted[0])
    return Finding(NOWHERE, place, seen, f"add {wanted[0]} to {file}", edits=edits)


def imports_at_start(reach: Reach) -> Iterator[tuple[Module, ast.AST, str]]:
    """Yield the imports that run at the server's start whatever happens."""
    for item in reach.reached:
        if not item.eager:
            continue
        for site in item.module.sites:
            where = site.where
            if where.function or where.branch or where.guarded or (where.main and not item.script):
                continue
            if isinstance(site.node, ast.Import):
                for alias in site.node.names:
                    yield item.module, site.node, alias.name
            elif isinstance(site.node, ast.ImportFrom) and not site.node.level and site.node.module:
                yield item.module, site.node, site.node.module


def is_own(top: str, module: Module, subject: Subject) -> bool:
    """Tell whether a packaged module or directory has the name, seen from ``module``."""
    roots = {"", module.directory}
    return any(subject.modules.find(top, root) or subject.modules.is_directory(top, root) for root in roots)


RULE = Rule((UNREAD, NOWHERE), find)

"""VH522, by the code alone: a file of the project is imported in the place of a library (B2)."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from vhlocal.checks.distributions import brought, is_common, providers
from vhlocal.checks.rule import Rule
from vhlocal.checks.rules.imports import imports_at_start
from vhlocal.checks.server.hiding import DEFINITION, rename
from vhlocal.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vhlocal.checks.modules import Module
    from vhlocal.checks.reach import Reach
    from vhlocal.checks.subject import Subject


def find(subject: Subject) -> Iterator[Finding]:
    """Yield the imports at the start that are certain to fail over it, the first of each endpoint."""
    for reach in subject.reaches:
        root = next((item.module.directory for item in reach.reached if item.script), "")
        if _moves_path(reach):
            continue
        for module, node, name in imports_at_start(reach):
            library = name.partition(".")[0]
            file = f"{root}/{library}.py".lstrip("/")
            if not _is_hidden(file, library, root, subject, reach):
                continue
            if "." in name or (module.path == file and _is_of_the_library(module, node, library)):
                seen = f"`{name}` is imported, and `{library}` is the project's own {file}"
                change = rename(file, library, reach.endpoint)
                yield Finding(DEFINITION, module.place(node), seen, change, reach.endpoint.name)
                break


def _is_hidden(file: str, library: str, root: str, subject: Subject, reach: Reach) -> bool:
    """Tell whether a file stands in front of a library that the requirements bring."""
    if file not in subject.package.files or subject.modules.is_directory(library, root) or not is_common(library):
        return False
    there = brought(subject.requirements, reach.endpoint.image) or frozenset()
    listed = subject.requirements.names if subject.requirements else frozenset()
    return any(name in there or name in listed for name in providers(library))


def _is_of_the_library(module: Module, node: ast.AST, library: str) -> bool:
    """Tell whether a module that imports itself needs what it does not have."""
    own = {name for site in module.sites for name in _bound(site.node)}
    if isinstance(node, ast.ImportFrom):
        return any(alias.name != "*" and alias.name not in own for alias in node.names)
    return any(
        isinstance(site.node, ast.Attribute)
        and isinstance(site.node.value, ast.Name)
        and site.node.value.id == library
        and site.node.attr not in own
        and site.is_sure
        and not (site.where.function or site.where.main)
        for site in module.sites
    )


def _bound(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield node.name
    elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        yield node.id


def _moves_path(reach: Reach) -> bool:
    """Tell whether the code changes where Python looks for modules."""
    return any(
        isinstance(site.node, ast.Attribute) and module.dotted(site.node) in ("sys.path", "sys.modules")
        for module, site in reach.sites
    )


RULE = Rule((DEFINITION,), find)

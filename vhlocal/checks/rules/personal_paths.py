"""VH305: a path of somebody's own machine in the code."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from vhlocal.checks.edits import written
from vhlocal.checks.rule import Rule
from vhlocal.findings import Definition, Example, Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vhlocal.checks.edits import Edits
    from vhlocal.checks.modules import Module, Site
    from vhlocal.checks.subject import Subject

DEFINITION = Definition(
    code="VH305",
    title="The code contains a path of a personal machine",
    severity=Severity.WARNING,
    why="The image has no such directory: files that the code reads there are missing, and it cannot write there.",
    remedy={"": 'Name files relative to the code, such as `Path(__file__).with_name("model.pkl")`.'},
    example=Example("python", 'open("/home/ada/project/labels.txt")', 'open("labels.txt")'),
    rows=("B7",),
)

_PERSONAL = re.compile(r"(?:/home/(?P<user>[a-z_][\w.-]*)/|/Users/[A-Za-z][\w.-]*/|[A-Z]:[\\/][\w .-]{2,}[\\/])[^\n]*")
#: Users that images have.
_OF_IMAGES = {
    "app",
    "appuser",
    "code",
    "docker",
    "jovyan",
    "model-server",
    "node",
    "nonroot",
    "python",
    "runner",
    "sagemaker-user",
    "site",
    "ubuntu",
    "user",
    "valohai",
    "vscode",
    "web",
    "www",
}


def find(subject: Subject) -> Iterator[Finding]:
    """Yield such paths in code that is sure to be used: no fallback, no condition, no docstring."""
    for reach in subject.reaches:
        for module, site, text in reach.texts:
            if site.is_sure and is_personal(text):
                yield Finding(
                    DEFINITION,
                    module.place(site.node),
                    f"`{text}` exists only on one machine",
                    "name it relative to the code's directory",
                    reach.endpoint.name,
                    edits=_edits(module, site, subject),
                )


def is_personal(path: str) -> bool:
    """Tell whether a path is of somebody's own machine."""
    match = _PERSONAL.fullmatch(path)
    return match is not None and match["user"] not in _OF_IMAGES


def _edits(module: Module, site: Site, subject: Subject) -> Edits:
    """Name the one packaged file that a path ends in, where there is one."""
    parts = (site.text or "").split("/")
    tails = ("/".join(parts[at:]) for at in range(3, len(parts)))
    packaged = next((tail for tail in tails if tail in subject.package.files), None)
    return written(module, site.node, f'"{packaged}"') if packaged and isinstance(site.node, ast.expr) else ()


RULE = Rule((DEFINITION,), find)

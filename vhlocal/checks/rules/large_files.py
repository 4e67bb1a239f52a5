"""VH207: a large file in the package."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vhlocal.checks.rule import Rule
from vhlocal.findings import Definition, Example, Finding, Severity
from vhlocal.model import Place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vhlocal.checks.subject import Subject

DEFINITION = Definition(
    code="VH207",
    title="A large file is packaged with the code",
    severity=Severity.WARNING,
    why="The code is stored again with each commit, and is part of each version's image. A model or a data set in it "
    "slows down every build and rollout, and ties the model to one commit.",
    remedy={
        "": "Ignore the file and give the endpoint an entry in `files`: you then choose the file when you create the "
        "version. List what the endpoint does not need in `.vhignore`."
    },
    example=Example("text", "# .vhignore\n", "# .vhignore\ndata/\n*.h5"),
    rows=("B4", "B5"),
)

LARGE = 50_000_000


def find(subject: Subject) -> Iterator[Finding]:
    """Yield the packaged files of 50 MB and more."""
    for file in subject.package.files.values():
        if file.size >= LARGE and file.link is None:
            seen = f"{file.path} is {file.size / 1e6:.0f} MB"
            change = "ignore it, and give the endpoint an entry in `files` if it needs the file"
            yield Finding(DEFINITION, Place(file.source), seen, change)


RULE = Rule((DEFINITION,), find)

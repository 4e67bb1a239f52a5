"""VH206: a file that the code opens is on this machine but not in the package (B5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vhlocal.checks.rule import Rule
from vhlocal.checks.rules.near_misses import near_miss
from vhlocal.findings import Definition, Example, Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vhlocal.checks.subject import Subject

DEFINITION = Definition(
    code="VH206",
    title="A file that the code opens is not packaged",
    severity=Severity.ERROR,
    why="The package is what git lists and does not ignore, less what `.vhignore` names. A file that is ignored is on "
    "your machine and not in the image, so the code works here and ends there with `FileNotFoundError`.",
    remedy={
        "": "Stop ignoring the file if it belongs to the code. If it is made by a run, such as a model, give the "
        "endpoint an entry in `files` with the path that the code opens."
    },
    example=Example(
        "yaml",
        "- endpoint:\n    name: greet\n    image: python:3.12-slim\n    wsgi: server:app",
        "- endpoint:\n    name: greet\n    image: python:3.12-slim\n    wsgi: server:app\n    files:\n"
        "      - name: model\n        path: model.pkl",
    ),
    rows=("B4", "B5"),
)


def find(subject: Subject) -> Iterator[Finding]:
    """Yield the openings that are sure to fail for want of the file."""
    for endpoint in subject.endpoints:
        entries = {entry.path for entry in endpoint.files}
        told: set[str] = set()
        for opened in subject.openings[endpoint.name]:
            path = opened.path
            if not opened.sure or path in told or path in subject.package.files or path in entries:
                continue
            if near_miss(path, endpoint, subject) is None and (subject.directory / path).is_file():
                told.add(path)
                yield Finding(
                    DEFINITION,
                    opened.place,
                    f"{path} is opened; it is on this machine, but not packaged",
                    f"stop ignoring it, or give the endpoint an entry in `files` with `path: {path}`",
                    endpoint.name,
                )


RULE = Rule((DEFINITION,), find)

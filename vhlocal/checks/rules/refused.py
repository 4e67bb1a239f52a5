"""VH101: the platform refuses ``valohai.yaml``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vhlocal.checks.rule import Rule
from vhlocal.findings import Definition, Example, Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vhlocal.checks.subject import Subject

DEFINITION = Definition(
    code="VH101",
    title="The platform rejects valohai.yaml",
    severity=Severity.ERROR,
    why="The platform validates the whole file against its schema when it fetches the code. If anything in it is "
    "invalid, even in a step that no endpoint uses, no version can be created from that commit.",
    remedy={"": "Correct the key or the value at that place."},
    example=Example(
        "yaml",
        "- endpoint:\n    name: greet\n    image: python:3.12-slim\n    wsgi: server:app\n    port: 80",
        "- endpoint:\n    name: greet\n    image: python:3.12-slim\n    wsgi: server:app\n    port: 8080",
    ),
    rows=("R1", "R2", "B4"),
)


def find(subject: Subject) -> Iterator[Finding]:
    """Yield what the platform's own schema and linter refuse, and what no server could live with."""
    for trouble in (*subject.config.troubles, *subject.config.elsewhere):
        yield Finding(DEFINITION, trouble.place, trouble.message, trouble.hint or "correct it as the schema asks")


RULE = Rule((DEFINITION,), find)

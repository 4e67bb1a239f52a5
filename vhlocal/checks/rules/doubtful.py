"""VH102: the platform ignores a part of ``valohai.yaml``, or warns of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vhlocal.checks.rule import Rule
from vhlocal.findings import Definition, Example, Finding, Severity
from vhlocal.model import Place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vhlocal.checks.subject import Subject

DEFINITION = Definition(
    code="VH102",
    title="A part of valohai.yaml is ignored or doubtful",
    severity=Severity.WARNING,
    why="The platform's parser takes the first kind that it knows from a list item and silently drops the rest; its "
    "linter warns about values that are valid but unlikely to work.",
    remedy={"": "Give each step, endpoint and pipeline its own list item, and remove unknown keys."},
    example=Example(
        "yaml",
        "- endpoint:\n    name: greet\n    image: python:3.12-slim\n    wsgi: server:app\n  owner: ada",
        "- endpoint:\n    name: greet\n    image: python:3.12-slim\n    wsgi: server:app",
    ),
)


def find(subject: Subject) -> Iterator[Finding]:
    """Yield what the platform takes with a warning, or leaves out."""
    for notice in subject.config.doubts:
        place = notice.place or Place(subject.config.path)
        yield Finding(DEFINITION, place, notice.text, notice.hint or "correct or remove it", notice.endpoint)


RULE = Rule((DEFINITION,), find)

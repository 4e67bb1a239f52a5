"""VH104: an image reference without a tag, or with one that moves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vhlocal.checks.images import tag_of
from vhlocal.checks.rule import Rule
from vhlocal.findings import Definition, Example, Finding, Severity
from vhlocal.model import Place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vhlocal.checks.subject import Subject

DEFINITION = Definition(
    code="VH104",
    title="The image has no fixed tag",
    severity=Severity.WARNING,
    why="An image reference without a tag means `latest`, which can be another image tomorrow. When the version is "
    "rebuilt, it may get a different Python and different libraries than the ones you tested, without any change "
    "in the code.",
    remedy={"": "Name the tag that you tested, such as `python:3.12-slim`, or the image's digest."},
    example=Example("yaml", "image: python", "image: python:3.12-slim"),
    rows=("B1",),
)


def find(subject: Subject) -> Iterator[Finding]:
    """Yield the images that have no tag, or one that moves."""
    for endpoint in subject.endpoints:
        tag = tag_of(endpoint.image)
        if tag not in (None, "latest") or "$" in endpoint.image:
            continue
        seen = f"`{endpoint.image}` {'has no tag, which means `latest`' if tag is None else 'moves to newer images'}"
        place = endpoint.place("image") or Place(subject.config.path)
        yield Finding(DEFINITION, place, seen, "name the tag that you tested", endpoint.name)


RULE = Rule((DEFINITION,), find)

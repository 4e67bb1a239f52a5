"""VH203: a pin that cannot be installed on the image's Python (B2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from vhlocal.checks.images import python_versions
from vhlocal.checks.rule import Rule
from vhlocal.findings import Definition, Example, Finding, Note, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vhlocal.checks.index import Known
    from vhlocal.checks.requirements import Wanted
    from vhlocal.checks.subject import Subject
    from vhlocal.model import Endpoint

DEFINITION = Definition(
    code="VH203",
    title="A pinned version cannot be installed on the image's Python",
    severity=Severity.ERROR,
    why="Every file of a package says which Python versions it is for. pip takes only files for the image's Python, so "
    "the build ends with `No matching distribution found`, even if the package installs on your own machine.",
    remedy={"": "Pin a version that supports the image's Python, or use an image with another Python."},
    example=Example("text", "# image: python:3.8-slim\nnumpy==2.1.0", "# image: python:3.8-slim\nnumpy==1.24.4"),
    rows=("B1", "B2"),
)

#: With these, another place than the index that was asked may have the version.
_ELSEWHERE = ("-i", "--index-url", "--extra-index-url", "-f", "--find-links", "--no-index")


def find(subject: Subject) -> Iterator[Finding | Note]:
    """Yield the pins that no file of the index is for; all are asked for at once."""
    requirements = subject.requirements
    images = [endpoint for endpoint in subject.endpoints if python_versions(endpoint.image)]
    if requirements is None or not images or any(option.startswith(_ELSEWHERE) for option in requirements.options):
        return
    pinned = [
        wanted for wanted in requirements.wanted if wanted.pin and "+" not in wanted.pin and not wanted.constraint
    ]
    answers = subject.index.look_up({(wanted.name, wanted.pin or "") for wanted in pinned})
    if answers.trouble:
        yield Note(f"{DEFINITION.code} could not check whether every pin can be installed: {answers.trouble}")
    for wanted in pinned:
        pin = (wanted.name, wanted.pin or "")
        if pin not in answers.known:
            continue
        for endpoint in images:
            seen = _seen(wanted, answers.known[pin], endpoint)
            if seen is not None:
                yield Finding(
                    DEFINITION, wanted.place, seen, "pin another version, or use another image", endpoint.name
                )


def _seen(wanted: Wanted, known: Known | None, endpoint: Endpoint) -> str | None:
    versions = [version for version in python_versions(endpoint.image) if wanted.applies(version)]
    if not versions:
        return None
    if known is None:
        return f"the package index has no {wanted.name} {wanted.pin}"
    if any(_allows(text, version) for text in known.requires_python for version in versions):
        return None
    needs = " or ".join(sorted({text for text in known.requires_python if text}))
    return f"{wanted.name} {wanted.pin} is for Python {needs}, but the image is {endpoint.image}"


def _allows(requires: str, version: str) -> bool:
    try:
        return SpecifierSet(requires).contains(version, prereleases=True)
    except InvalidSpecifier:  # pip takes what it cannot read for no requirement
        return True


RULE = Rule((DEFINITION,), find)

"""VH202: two requirements of one distribution that no version meets (B2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vhlocal.checks.images import python_versions
from vhlocal.checks.requirements import version_of
from vhlocal.checks.rule import Rule
from vhlocal.findings import Definition, Example, Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vhlocal.checks.requirements import Wanted
    from vhlocal.checks.subject import Subject

DEFINITION = Definition(
    code="VH202",
    title="Two requirements contradict each other",
    severity=Severity.ERROR,
    why="pip looks for one version that satisfies every line of the requirements and of the files that they include. "
    "If two lines exclude each other, there is none, and the image build fails.",
    remedy={"": "Keep one of the lines, with a version that suits both."},
    example=Example("text", "numpy==1.26.4\nnumpy>=2.0", "numpy>=2.0"),
    rows=("B2",),
)


def find(subject: Subject) -> Iterator[Finding]:
    """Yield each line that a pin before or after it excludes; lines whose markers may differ are left alone."""
    pythons = {python_versions(endpoint.image)[:1] for endpoint in subject.endpoints}
    known = next(iter(pythons))[0] if len(pythons) == 1 and all(pythons) else None
    earlier: list[Wanted] = []
    for wanted in subject.requirements.wanted if subject.requirements else ():
        if wanted.requirement is None or not _counts(wanted, known):
            continue
        for other in earlier:
            if other.name == wanted.name and _contradict(wanted, other):
                where = f"{subject.relative(other.place.file)}:{other.place.line}"
                yield Finding(
                    DEFINITION,
                    wanted.place,
                    f"`{wanted.text}` and `{other.text}` of {where} exclude each other",
                    "keep one of them",
                )
                break
        earlier.append(wanted)


def _counts(wanted: Wanted, python: str | None) -> bool:
    if wanted.requirement is None or wanted.requirement.marker is None:
        return True
    return python is not None and wanted.applies(python)


def _contradict(one: Wanted, other: Wanted) -> bool:
    return _excludes(one, other) or _excludes(other, one)


def _excludes(pinned: Wanted, other: Wanted) -> bool:
    if pinned.pin is None or other.requirement is None:
        return False
    version = version_of(pinned.pin)
    if version is None:
        return False
    if "+" not in pinned.pin:  # 1.0 also takes 1.0+cpu
        return not other.requirement.specifier.contains(version, prereleases=True) and "+" not in (other.pin or "")
    return not other.requirement.specifier.contains(version, prereleases=True)


RULE = Rule((DEFINITION,), find)

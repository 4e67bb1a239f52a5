"""VH209: a file that an endpoint needs was never added to git (B5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vhlocal.checks.rule import Rule
from vhlocal.findings import Definition, Example, Finding, Severity
from vhlocal.model import Place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vhlocal.checks.reach import Reach
    from vhlocal.checks.subject import Subject

DEFINITION = Definition(
    code="VH209",
    title="A file that the endpoint needs is not in git",
    severity=Severity.WARNING,
    why="An ad hoc package contains files that git does not track, unless `--no-include-untracked` leaves them out; a "
    "version from a commit never contains them. So it works here, and fails once the version comes from git.",
    remedy={"": "Add the file to git before you commit, `git add FILE`, or remove the code that needs it."},
    example=Example("text", "git commit -am 'Use labels'", "git add labels.py\ngit commit -am 'Use labels'"),
    rows=("B5",),
)


def find(subject: Subject) -> Iterator[Finding]:
    """Yield files that git does not track, where what needs them is tracked: the project as a whole may be new."""
    if not subject.untracked:
        return
    reported: set[str] = set()
    for reach in subject.reaches:
        for path, place, what in _needed(reach, subject):
            needing = subject.relative(place.file)
            if path in subject.untracked and needing not in subject.untracked and path not in reported:
                reported.add(path)
                seen = f"{path} {what}, but git does not track it: a version from a commit lacks it"
                yield Finding(DEFINITION, place, seen, f"`git add {path}`", reach.endpoint.name)


def _needed(reach: Reach, subject: Subject) -> Iterator[tuple[str, Place, str]]:
    """Yield the paths that an endpoint is sure to need, what says so, and how."""
    yaml = reach.endpoint.place("wsgi" if reach.endpoint.server_command is None else "server-command")
    started = yaml or Place(subject.config.path)
    for opened in subject.openings[reach.endpoint.name]:
        if opened.sure:
            yield opened.path, opened.place, "is opened"
    for item in reach.reached:
        if item.eager:
            yield item.module.path, item.importer or started, "is imported" if item.importer else "is started"
    if subject.requirements is not None:
        yield subject.requirements.name, started, "is what production installs"


RULE = Rule((DEFINITION,), find)

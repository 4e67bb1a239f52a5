"""VH304: the code opens a chosen file by another name than its ``path`` (B4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vhlocal.checks.edits import in_line
from vhlocal.checks.paths import nearly
from vhlocal.checks.rule import Rule
from vhlocal.findings import Definition, Example, Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vhlocal.checks.subject import Subject
    from vhlocal.model import Endpoint

DEFINITION = Definition(
    code="VH304",
    title="The code opens a chosen file by another name",
    severity=Severity.ERROR,
    why="A chosen file always lands at the `path` of its entry in `files`, whatever its own name is. Code that opens "
    "another path does not find it, and ends with `FileNotFoundError`.",
    remedy={"": "Write the same path in `valohai.yaml` and in the code."},
    example=Example("python", 'joblib.load("modle.pkl")', 'joblib.load("model.pkl")'),
    rows=("B4",),
)


def find(subject: Subject) -> Iterator[Finding]:
    """Yield openings of what is not there, where an entry that nobody opens is called nearly so."""
    for endpoint in subject.endpoints:
        reported: set[str] = set()
        for opened in subject.openings[endpoint.name]:
            path = opened.path
            entry = near_miss(path, endpoint, subject)
            if entry is not None and opened.sure and path not in reported:
                reported.add(path)
                yield Finding(
                    DEFINITION,
                    opened.place,
                    f"{path} is opened, but the chosen file lands at {entry}",
                    f"open {entry}, or write `path: {path}` in valohai.yaml",
                    endpoint.name,
                    edits=in_line(opened.place, path, entry),
                )


def near_miss(path: str, endpoint: Endpoint, subject: Subject) -> str | None:
    """Return the path of the entry that was meant, None where the path is there, or nothing is like it."""
    entries = {entry.path for entry in endpoint.files}
    if path.startswith("/") or path in subject.package.files or path in entries:
        return None
    opened = {opened.path for opened in subject.openings[endpoint.name]}
    return nearly(path, entries - opened)


RULE = Rule((DEFINITION,), find)

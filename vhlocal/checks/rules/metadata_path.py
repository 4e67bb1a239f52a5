"""VH116: a chosen file is to land where the platform puts its own (B4, B6)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vhlocal.checks.rule import Rule
from vhlocal.contract.image import METADATA_FILE
from vhlocal.findings import Definition, Example, Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vhlocal.checks.subject import Subject

DEFINITION = Definition(
    code="VH116",
    title="A chosen file would land at `valohai-metadata.json`",
    severity=Severity.WARNING,
    why="The platform writes its own read-only `valohai-metadata.json` into the code's directory, which says which "
    "version and endpoint this is. vhlocal keeps that file, so the chosen file is not in the image.",
    remedy={"": "Give the file another path, and open that."},
    example=Example(
        "yaml",
        "files:\n  - name: facts\n    path: valohai-metadata.json",
        "files:\n  - name: facts\n    path: facts.json",
    ),
    rows=("B4", "B6"),
)


def find(subject: Subject) -> Iterator[Finding]:
    """Yield such entries."""
    for endpoint in subject.endpoints:
        for entry in endpoint.files:
            if entry.path == METADATA_FILE:
                seen = f"the file `{entry.name}` would land at {METADATA_FILE}, where the platform writes its own file"
                yield Finding(DEFINITION, entry.place, seen, "choose another path", endpoint.name)


RULE = Rule((DEFINITION,), find)

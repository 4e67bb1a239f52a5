"""VH103: an entry of ``files`` is left without a file (B4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vhlocal.checks.rule import Rule
from vhlocal.findings import Definition, Example, Finding, Severity
from vhlocal.project.files import file_trouble

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vhlocal.checks.subject import Subject

DEFINITION = Definition(
    code="VH103",
    title="No file is chosen for an entry of `files`",
    severity=Severity.WARNING,
    why="Each entry in an endpoint's `files` is a file that you choose when you create the version. Without it, the "
    "version can neither be created in Valohai nor served here.",
    remedy={"": "Choose the file with `--file ENDPOINT.NAME=PATH` or in `vhlocal.yaml`, or remove the entry."},
    example=Example(
        "yaml",
        "# vhlocal.yaml\nfiles:\n  greet.model: modle.pkl",
        "# vhlocal.yaml\nfiles:\n  greet.model: model.pkl",
    ),
    rows=("B4",),
)


def find(subject: Subject) -> Iterator[Finding]:
    """Yield the entries without a file."""
    for endpoint in subject.endpoints:
        for entry in endpoint.files:
            key = f"{endpoint.name}.{entry.name}"
            source = subject.files.get(key, subject.directory / entry.path)
            trouble = file_trouble(key, entry, source, given=key in subject.files)
            if trouble is not None:
                change = trouble.hint or "choose a file"
                yield Finding(DEFINITION, entry.place, trouble.message, change, endpoint.name)


RULE = Rule((DEFINITION,), find)

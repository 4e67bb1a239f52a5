"""A report as JSON: the shape that ``docs/findings/README.md`` promises."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vhlocal.findings import Severity
from vhlocal.visible import json_text

if TYPE_CHECKING:
    from pathlib import Path

    from vhlocal.checks.report import Report
    from vhlocal.findings import Finding

#: Changes when a reader of the older shape would be misled.
SHAPE = 1


def as_json(report: Report, directory: Path) -> str:
    """Return the report as text; files are relative to the project's ``directory``."""
    shape = {
        "shape": SHAPE,
        "counts": {severity.value: report.count(severity) for severity in Severity},
        "findings": [_finding(finding, directory) for finding in report.findings],
        "silenced": [{**_finding(item.finding, directory), "reason": item.reason} for item in report.silenced],
        "notes": list(report.notes),
    }
    return json_text(shape)


def relative(file: Path, directory: Path) -> str:
    """Return a file as it is named in the project, with slashes; in full where it is outside."""
    return file.relative_to(directory).as_posix() if file.is_relative_to(directory) else str(file)


def _finding(finding: Finding, directory: Path) -> dict[str, Any]:
    definition, place = finding.definition, finding.place
    return {
        "code": definition.code,
        "severity": definition.severity.value,
        "title": definition.title,
        "endpoint": finding.endpoint,
        "file": relative(place.file, directory),
        "line": place.line,
        "column": place.column,
        "seen": finding.seen,
        "why": definition.why,
        "change": finding.change,
        "edits": [
            {"file": relative(edit.place.file, directory), "line": edit.place.line, "old": edit.old, "new": edit.new}
            for edit in finding.edits
        ],
        "framework": finding.framework or None,
        "remedy": dict(definition.remedy),
        "rows": list(definition.rows),
        "page": definition.page,
    }

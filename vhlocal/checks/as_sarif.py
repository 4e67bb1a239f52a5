"""A report as SARIF 2.1.0, which code hosts show beside the lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from vhlocal import __version__
from vhlocal.checks.as_json import relative
from vhlocal.checks.pages import page
from vhlocal.checks.registry import ALL_DEFINITIONS
from vhlocal.findings import Severity
from vhlocal.visible import json_text

if TYPE_CHECKING:
    from pathlib import Path

    from vhlocal.checks.report import Report
    from vhlocal.findings import Definition, Finding

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTICE: "note"}
#: Readers put the root of the checked-out sources in its place.
_ROOT = "%SRCROOT%"


def as_sarif(report: Report, directory: Path) -> str:
    """Return the report as text; files are relative to the project's ``directory``, silenced findings suppressed."""
    results = [_result(finding, directory) for finding in report.findings]
    for item in report.silenced:
        suppression = {"kind": "external", "status": "accepted", "justification": item.reason}
        results.append({**_result(item.finding, directory), "suppressions": [suppression]})
    notifications = [{"level": "note", "message": {"text": note}} for note in report.notes]
    driver = {"name": "vhlocal", "version": __version__, "rules": [_rule(one) for one in ALL_DEFINITIONS]}
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "invocations": [{"executionSuccessful": True, "toolExecutionNotifications": notifications}],
        "results": results,
    }
    return json_text({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]})


def _rule(definition: Definition) -> dict[str, Any]:
    _, _, text = page(definition.code).partition("\n")
    return {
        "id": definition.code,
        "shortDescription": {"text": definition.title},
        "fullDescription": {"text": definition.why},
        "help": {"text": text.strip(), "markdown": text.strip()},
        "defaultConfiguration": {"level": _LEVELS[definition.severity]},
        "properties": {"page": definition.page},  # `helpUri` has to be absolute
    }


def _result(finding: Finding, directory: Path) -> dict[str, Any]:
    definition, place = finding.definition, finding.place
    region = {"startLine": place.line, "startColumn": place.column}
    location: dict[str, Any] = {
        "artifactLocation": {"uri": quote(relative(place.file, directory)), "uriBaseId": _ROOT},
    }
    if place.line is not None:
        location["region"] = {key: value for key, value in region.items() if value is not None}
    about = f" (endpoint {finding.endpoint})" if finding.endpoint else ""
    fitted = f" {definition.remedy[finding.framework]}" if finding.framework else ""
    return {
        "ruleId": definition.code,
        "ruleIndex": ALL_DEFINITIONS.index(definition),
        "level": _LEVELS[definition.severity],
        "message": {"text": f"{finding.seen}{about}. To do: {finding.change}.{fitted}"},
        "locations": [{"physicalLocation": location}],
    }

"""The JSON Schemas of the documentation: what commands and the API answer is as they say, to the last key."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from vhlocal import events
from vhlocal.api import describe
from vhlocal.checks.as_json import as_json
from vhlocal.checks.index import Unasked
from vhlocal.checks.report import look
from vhlocal.checks.subject import read_subject
from vhlocal.model import MemoryUse, Place, ServedAt, StartUp, State, Status, Strategy
from vhlocal.project.settings import load_settings

SCHEMAS = Path(__file__).parent.parent / "docs" / "schemas"
SAMPLES = Path(__file__).parent / "checks" / "samples"


def closed(schema: Any) -> Any:
    """Return a schema that takes no other keys than those that it names."""
    if isinstance(schema, list):
        return [closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    found = {key: closed(value) for key, value in schema.items()}
    return {"additionalProperties": False, **found} if found.get("type") == "object" else found


def validator(name: str, *path: str) -> Draft202012Validator:
    """Return what judges by a schema, or by the part of it at ``path``."""
    schema = json.loads((SCHEMAS / f"{name}.schema.json").read_text())
    for step in path:
        schema = schema[step]
    return Draft202012Validator(closed(schema))


@pytest.mark.parametrize("file", sorted(SCHEMAS.iterdir()), ids=lambda file: file.name)
def test_each_is_a_schema(file):
    Draft202012Validator.check_schema(json.loads(file.read_text()))


WEB = ServedAt("20261124.0", "web")
FULL = Status(
    WEB,
    State.READY,
    "why",
    "what to do",
    Place(Path("/p/web.py"), 3),
    "detail",
    urls=("http://127.0.0.1:8080/a/b/c/d/web",),
    revision="0123",
    broken="4567",
    strategy=Strategy.FORK,
    image="image",
    container="container",
    restarts=2,
    memory=MemoryUse(1, 2),
    since=1.5,
    start_up=StartUp((("listening", 1.0),), 0.1, None),
    caveat="but answers 404 below its prefix",
)


@pytest.mark.parametrize("state", State)
def test_endpoints_are_as_described(state):
    of_endpoint = validator("endpoints", "properties", "endpoints", "items")
    of_endpoint.validate(describe.status(Status(WEB, state)))
    of_endpoint.validate(describe.status(replace(FULL, state=state)))


def test_notices_and_log_lines_are_as_described():
    of_notice = validator("endpoints", "properties", "notices", "items")
    of_notice.validate(describe.notice(events.Notice("text")))
    of_notice.validate(describe.notice(events.Notice("text", Place(Path("/p/x"), 1, 2), "hint", endpoint="web")))
    for stream in ("stdout", "stderr", "vhlocal"):
        validator("log-line").validate(describe.log_line(events.LogLine(WEB, stream, "text", 1.5)))


@pytest.mark.parametrize("code", ["VH101", "VH106", "VH104", "VH208", "VH210", "VH309"])
def test_findings_are_as_described(code):
    directory = SAMPLES / code / "broken"
    subject = read_subject(directory, load_settings(directory, {}, environ={}, fetch=False), Unasked())
    report = look(subject, {})
    assert report.findings
    validator("findings").validate(json.loads(as_json(look(subject, {code: "a reason"}), directory)))
    of_run = validator("endpoints", "properties", "findings", "items")
    for finding in report.findings:
        of_run.validate(json.loads(json.dumps(describe.finding(finding))))

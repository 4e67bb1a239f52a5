"""What is made of the findings: order, silence, JSON, SARIF, the terminal."""

from __future__ import annotations

import io
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from tests.checks.projects import command
from tests.checks.sample import FakeIndex, found_in
from tests.project.test_package import bytes_read
from vhlocal.checks.as_json import as_json
from vhlocal.checks.as_sarif import as_sarif
from vhlocal.checks.registry import ALL_DEFINITIONS, ALL_RULES
from vhlocal.checks.report import Report, check_ignored, joined, look
from vhlocal.checks.rule import Rule
from vhlocal.checks.subject import read_subject
from vhlocal.errors import InputError
from vhlocal.findings import Edit, Finding
from vhlocal.model import Place
from vhlocal.project.settings import load_settings
from vhlocal.ui.findings import show_report

#: Listens on localhost and reloads: an error and a warning on line 5, and a warning on line 3.
FILES = command("~/.local/bin/uvicorn server:app --reload", image="python")


@pytest.fixture
def subject(project):
    directory = project(FILES)
    return read_subject(directory, load_settings(directory, {}, environ={}), FakeIndex())


def test_findings_come_in_the_order_of_the_file_errors_first(subject):
    report = look(subject, {})
    assert [finding.definition.code for finding in report.findings] == ["VH104", "VH106", "VH108"]
    assert report.has_errors


def test_silenced_findings_are_counted_and_are_no_errors(subject):
    report = look(subject, {"VH106": "a sidecar asks it", "VH207": "none here"})
    assert [finding.definition.code for finding in report.findings] == ["VH104", "VH108"]
    assert [(item.finding.definition.code, item.reason) for item in report.silenced] == [("VH106", "a sidecar asks it")]
    assert not report.has_errors


@pytest.mark.parametrize(
    ("content", "size", "reason"),
    [
        (b"app = 1\n", 32 * 1024**2, "it is larger than 16 MB"),
        ("app = 1\n".encode("utf-16"), None, "null bytes|codec|UTF-8"),
        (b"app = 1\n\0", None, "null bytes"),
        (b"app = 1\ndef f(:\n", None, "line 2: invalid syntax"),
    ],
)
def test_a_module_that_could_not_be_read_is_told(project, content, size, reason):
    """Nothing was found in it, but it was not looked into either. What nothing imports is not told."""
    directory = project(FILES)
    for name in ("server.py", "unused.py"):
        (directory / name).write_bytes(content)
    if size:
        with (directory / "server.py").open("r+b") as sparse:
            sparse.truncate(size)
    (note,) = found_in(directory).notes
    assert re.fullmatch(f"server.py could not be read as Python, so nothing in it was checked: .*({reason}).*", note)


def test_what_two_endpoints_share_is_told_once(project):
    yaml = FILES["valohai.yaml"]
    directory = project(
        {**FILES, "valohai.yaml": yaml + yaml.replace("greet", "other"), "requirements.txt": "flask=3\n"}
    )
    report = look(read_subject(directory, load_settings(directory, {}, environ={}), FakeIndex()), {})
    assert [finding.definition.code for finding in report.findings].count("VH201") == 1


def test_a_model_beside_the_code_is_not_read(project):
    """No rule looks into it: gigabytes would take a minute without a word."""
    directory = project(FILES)
    with (directory / "model.bin").open("wb") as model:
        model.truncate(64 * 1024**2)
    before = bytes_read()
    subject = read_subject(directory, load_settings(directory, {}, environ={}), FakeIndex())
    assert bytes_read() - before < 8 * 1024**2
    assert subject.package.files["model.bin"].size == 64 * 1024**2


def test_a_rule_that_fails_is_one_note_and_the_others_go_on(subject):
    def fail(_subject):
        raise ZeroDivisionError("by zero")

    broken = Rule((ALL_DEFINITIONS[0],), fail)
    report = look(subject, {}, (broken, *ALL_RULES))
    assert report.notes == ("VH101 could not be checked: ZeroDivisionError: by zero",)
    assert len(report.findings) == 3


def test_json_has_the_promised_shape(subject):
    told = json.loads(as_json(replace(look(subject, {"VH104": "ours"}), notes=("a note",)), subject.directory))
    assert list(told) == ["shape", "counts", "findings", "silenced", "notes"]
    assert told["shape"] == 1
    assert told["counts"] == {"error": 1, "warning": 1, "notice": 0}
    assert told["notes"] == ["a note"]
    first = told["findings"][0]
    told_keys = ("code", "severity", "endpoint", "file", "line", "column", "framework", "rows", "page")
    assert {key: first[key] for key in told_keys} == {
        "code": "VH106",
        "severity": "error",
        "endpoint": "greet",
        "file": "valohai.yaml",
        "line": 5,
        "column": None,
        "framework": "Flask",
        "rows": ["R3"],
        "page": "docs/findings/VH106.md",
    }
    ((edit,),) = (first["edits"],)
    assert (edit["file"], edit["line"]) == ("valohai.yaml", 5)
    assert "--host 0.0.0.0" in edit["new"]
    assert all(first[key] for key in ("title", "seen", "why", "change", "remedy"))
    assert told["silenced"][0]["reason"] == "ours"
    assert set(told["silenced"][0]) == {*first, "reason"}


def test_sarif_names_rules_places_and_suppressions(subject):
    told = json.loads(as_sarif(replace(look(subject, {"VH104": "ours"}), notes=("a note",)), subject.directory))
    assert told["version"] == "2.1.0"
    (run,) = told["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == [definition.code for definition in ALL_DEFINITIONS]
    assert all(rule["properties"] == {"page": f"docs/findings/{rule['id']}.md"} for rule in rules)
    assert all(set(rule["help"]) == {"text", "markdown"} for rule in rules)
    loopback = next(rule["help"]["markdown"] for rule in rules if rule["id"] == "VH106")
    for part in ("## Why it fails in production", "## What to change", "- **Flask**: ", "```yaml\nserver-command: "):
        assert part in loopback
    assert not any("](" in rule["help"]["markdown"].replace("](https:", "") for rule in rules)
    assert all(rules[result["ruleIndex"]]["id"] == result["ruleId"] for result in run["results"])
    assert [(result["ruleId"], result["level"]) for result in run["results"]] == [
        ("VH106", "error"),
        ("VH108", "warning"),
        ("VH104", "warning"),
    ]
    location = run["results"][0]["locations"][0]["physicalLocation"]
    assert location["artifactLocation"] == {"uri": "valohai.yaml", "uriBaseId": "%SRCROOT%"}
    assert location["region"] == {"startLine": 5}
    suppression = {"kind": "external", "status": "accepted", "justification": "ours"}
    assert [result.get("suppressions") for result in run["results"]] == [None, None, [suppression]]
    assert run["invocations"][0]["toolExecutionNotifications"] == [{"level": "note", "message": {"text": "a note"}}]


def test_the_terminal_tells_all_parts(subject):
    stream = io.StringIO()
    show_report(Console(file=stream, width=500), look(subject, {"VH104": "ours"}), subject.directory)
    lines = stream.getvalue().splitlines()
    assert lines[0] == "valohai.yaml"
    assert lines[1].startswith("  error VH106: the server listens on 127.0.0.1")
    assert lines[2] == "    at valohai.yaml:5"
    assert lines[3].startswith("    why: A container's localhost")
    assert lines[4] == "    change: add --host 0.0.0.0 to the command"
    assert lines[5] == "    valohai.yaml:5"
    assert lines[6].startswith("      - ") and "--host 0.0.0.0" not in lines[6]
    assert lines[7].startswith("      + ") and "--host 0.0.0.0" in lines[7]
    assert lines[8] == "    more: vhlocal explain VH106"
    assert lines[-1] == "1 error, 1 warning, 1 silenced"


@pytest.mark.parametrize(
    ("ignored", "message", "hint"),
    [
        ({"VH999": "why"}, "`ignore` names VH999, but there is no such finding", "VH"),
        ({"VH104": " "}, "`ignore` gives no reason for VH104", "VH104: REASON"),
    ],
)
def test_a_wrong_silence_is_an_error_with_its_place(ignored, message, hint):
    place = Place(Path("vhlocal.yaml"), 2)
    with pytest.raises(InputError, match=message) as caught:
        check_ignored(ignored, lambda _code: place)
    assert caught.value.place == place
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("code", "framework"),
    [
        ("from fastapi import FastAPI\napp = FastAPI()\n", "FastAPI"),
        ("from django.core.wsgi import get_wsgi_application\napp = get_wsgi_application()\n", "Django"),
        ("app = print\n", ""),
    ],
)
def test_the_remedy_is_the_one_of_the_code_s_framework(code, framework, project):
    requirements = "fastapi\ndjango\nuvicorn\n"
    directory = project({**FILES, "server.py": code, "requirements.txt": requirements})
    report = look(read_subject(directory, load_settings(directory, {}, environ={}), FakeIndex()), {})
    (finding,) = (finding for finding in report.findings if finding.definition.code == "VH106")
    assert finding.framework == framework


def test_what_a_running_endpoint_shows_stands_in_for_what_its_code_told(subject):
    report = look(subject, {})
    static = report.findings[1]
    live = replace(static, seen="as it answers")
    assert [finding.seen for finding in joined(report, [live], {}).findings if finding.definition.code == "VH106"] == [
        "as it answers"
    ]
    elsewhere = replace(live, endpoint="another")
    assert len(joined(report, [elsewhere], {}).findings) == len(report.findings) + 1


LINK = Edit(Place(Path("templates/index.html"), 3), '<a href="/x">', '<a href="x">')


def of(code: str, line: int, endpoint: str | None = "greet", file: str = "server.py", edits: tuple[Edit, ...] = ()):
    definition = next(each for each in ALL_DEFINITIONS if each.code == code)
    return Finding(definition, Place(Path(file), line), f"{code} at {line}", "", endpoint, edits=edits)


@pytest.mark.parametrize(
    ("by_code", "shown", "left"),
    [
        ([of("VH205", 2), of("VH205", 3)], of("VH509", 2), ["VH205 at 3", "VH509 at 2"]),
        ([of("VH204", 2)], of("VH509", 2), ["VH509 at 2"]),
        ([of("VH206", 2)], of("VH510", 2), ["VH510 at 2"]),
        ([of("VH304", 2)], of("VH511", 2), ["VH511 at 2"]),
        ([of("VH308", 2, None), of("VH308", 4, None)], of("VH405", 2), ["VH308 at 4", "VH405 at 2"]),
        ([of("VH309", 2)], of("VH404", 2), ["VH404 at 2"]),
        ([of("VH205", 2)], of("VH509", 2, "other"), ["VH205 at 2", "VH509 at 2"]),
        ([of("VH205", 2)], of("VH510", 2), ["VH205 at 2", "VH510 at 2"]),
        ([of("VH106", 5)], of("VH501", 4), ["VH501 at 4"]),
        ([of("VH105", 5), of("VH104", 3)], of("VH502", 4), ["VH104 at 3", "VH502 at 4"]),
        ([of("VH107", 5)], of("VH504", 5), ["VH504 at 5"]),
        ([of("VH110", 5)], of("VH513", 2), ["VH513 at 2"]),
        ([of("VH303", 9)], of("VH502", 4), ["VH502 at 4"]),
        ([of("VH303", 9)], of("VH502", 4, "other"), ["VH303 at 9", "VH502 at 4"]),
    ],
)
def test_what_code_and_answers_show_under_two_codes_is_told_once(by_code, shown, left):
    told = joined(Report(tuple(by_code)), [shown], {}).findings
    assert sorted(finding.seen for finding in told) == left


def test_what_is_told_in_another_s_place_has_its_edits_and_nothing_stands_in_that_is_silenced():
    page = of("VH308", 3, None, "templates/index.html", (LINK,))
    shown = of("VH405", 3, file="templates/index.html")
    assert [(one.definition.code, one.edits) for one in joined(Report((page,)), [shown], {}).findings] == [
        ("VH405", (LINK,))
    ]
    silenced = joined(Report((page,)), [shown], {"VH405": "only on our own pages"})
    assert [one.definition.code for one in silenced.findings] == ["VH308"]

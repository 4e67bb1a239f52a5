"""Where a line of metrics that is charted nowhere is said to come from."""

import pytest

from tests.checks.projects import flask
from vhlocal.findings import Finding
from vhlocal.project.config import load_config
from vhlocal.project.package import read_package
from vhlocal.series.reading import read
from vhlocal.session.diagnosis.printed import tell_printed

PRINTING = "\n\n@app.get('/')\ndef page():\n    print({'vh_metadata': {'a': 1}})\n    return ''\n"


def found(directory, line):
    (endpoint,) = load_config(directory).endpoints
    (fault,) = read("stdout", line).faults
    finding = tell_printed(endpoint, read_package(directory), fault)
    assert isinstance(finding, Finding)
    return finding


@pytest.mark.parametrize(
    ("line", "code", "seen"),
    [
        ("{'vh_metadata': {'a': 1}}", "VH519", "a line of metrics has single quotes"),
        ('{"vh_metadata": {"a": true}}', "VH520", "the metric `a` is a truth value"),
    ],
)
def test_k6_it_is_the_one_line_that_prints_metrics(project, line, code, seen):
    """K6: what is said, and of which line."""
    finding = found(project(flask(PRINTING)), line)
    assert (finding.definition.code, finding.endpoint, finding.place.file.name) == (code, "greet", "server.py")
    assert finding.seen.startswith(seen)
    assert "vh_metadata" in (finding.place.file.read_text().splitlines()[finding.place.line - 1])


@pytest.mark.parametrize("code", ["", PRINTING + PRINTING.replace("page", "other"), "import metrics\n"])
def test_where_that_is_not_sure_it_is_what_starts_the_server(project, code):
    finding = found(project(flask(code)), "{'vh_metadata': {'a': 1}}")
    assert (finding.place.file.name, finding.place.line) == ("valohai.yaml", 4)

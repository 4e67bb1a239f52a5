"""The edits of the findings: pasted into the broken sample they mend it, and bring nothing new."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.checks.edits import apply
from tests.checks.sample import FakeIndex, Sample, found_in
from tests.checks.test_findings import CODES
from vhlocal.checks.commands import commands_of
from vhlocal.checks.edits import (
    in_command,
    in_line,
    served_by_wsgi,
    together,
    with_import,
    with_keyword,
    without_keyword,
    written,
)
from vhlocal.checks.modules import Module
from vhlocal.findings import Edit
from vhlocal.model import Place
from vhlocal.project.config import read_config

#: Findings of samples whose lines only the author can write, and why.
BY_HAND = {
    "VH101": "what was meant by a value of the wrong type is not known",
    "VH102": "whether what is unknown is to go or misspelt is not known",
    "VH103": "the file is on the author's machine",
    "VH104": "the tag that was tested is not known",
    "VH112": "the command names no app",
    "VH114": "the module is not there",
    "VH116": "the file's name is chosen, and opened elsewhere",
    "VH313": "where it is kept is the author's to choose",
    "VH202": "which of two pins is right is not known",
    "VH203": "another version, or another image",
    "VH206": "to package the file, or to choose it for each version",
    "VH207": "whether the endpoint needs it is not known",
    "VH208": "a secret is replaced where it was made",
    "VH209": "git is told by a command",
    "VH210": "the shell has a command for it",
    "VH310": "the values are set in Valohai",
    "VH305": "the file is on another machine",
    "VH306": "the file is a job's",
    "VH307": "the address is not known",
}


@pytest.mark.parametrize("code", CODES)
def test_what_a_finding_shows_mends_its_sample_when_pasted(code, tmp_path):
    sample = Sample(code)
    index = FakeIndex(sample.expected.get("index", {}))
    broken = sample.copy("broken", tmp_path)
    findings = found_in(broken, index).findings
    assert [bool(finding.edits) for finding in findings] == [code not in BY_HAND] * len(findings)
    for number, finding in enumerate(findings):
        mended = sample.copy("broken", tmp_path / str(number))
        apply(finding.edits, mended, broken)
        left = [(one.definition.code, one.seen, one.place.line) for one in found_in(mended, index).findings]
        seen = [(one.definition.code, one.seen, one.place.line) for one in findings if one is not finding]
        assert left == (seen if finding.edits else [(code, finding.seen, finding.place.line), *seen])


def module_of(directory: Path, code: str) -> tuple[Module, ast.Call]:
    file = directory / "web.py"
    file.write_text(code)
    module = Module("web.py", file)
    return module, next(site.node for site in module.sites if isinstance(site.node, ast.Call))


@pytest.mark.parametrize(
    ("code", "mended"),
    [
        ("f()", 'f(host="0.0.0.0")'),
        ("f(app)", 'f(app, host="0.0.0.0")'),
        ("f(app, host='x')", 'f(app, host="0.0.0.0")'),
        ("f(\n    app,\n    port=1,\n)", 'f(\n    app,\n    port=1, host="0.0.0.0",\n)'),
        ("é = f(app)  # é", 'é = f(app, host="0.0.0.0")  # é'),
        ("f(*more)", 'f(*more, host="0.0.0.0")'),
        ("f(**more)", "f(**more)"),
    ],
)
def test_a_keyword_is_given(code, mended, tmp_path):
    apply(with_keyword(*module_of(tmp_path, code), "host", '"0.0.0.0"'))
    assert (tmp_path / "web.py").read_text().rstrip("\n") == mended


@pytest.mark.parametrize(
    ("code", "mended"),
    [
        ("f(debug=True)", "f()"),
        ("f(debug=True, port=1)", "f(port=1)"),
        ("f(app, debug=True)", "f(app)"),
        ("f(\n    app,\n    debug=True,\n    port=1,\n)", "f(\n    app,\n    port=1,\n)"),
        ("f(app)", "f(app)"),
    ],
)
def test_a_keyword_is_left_out(code, mended, tmp_path):
    apply(without_keyword(*module_of(tmp_path, code), "debug"))
    assert (tmp_path / "web.py").read_text().rstrip("\n") == mended


@pytest.mark.parametrize(
    ("code", "mended"),
    [
        ("import os\nf()", "import os\ng"),
        ("import sys\nf()", "import os\nimport sys\ng"),
        (
            "from __future__ import annotations\nimport sys\nf()",
            "from __future__ import annotations\nimport os\nimport sys\ng",
        ),
        ("def h():\n    import os\nf()", "def h():\n    import os\nf()"),
    ],
)
def test_an_import_comes_where_it_is_missing_and_can_be_put(code, mended, tmp_path):
    module, call = module_of(tmp_path, code)
    apply(with_import(module, written(module, call, "g"), "import os"))
    assert (tmp_path / "web.py").read_text().rstrip("\n") == mended


@pytest.mark.parametrize(
    ("yaml", "mended"),
    [
        ("    server-command: python web.py  # why\n    port: 8001", "    wsgi: web:app\n    port: 8001"),
        ("    server-command:\n      - a\n      - b\n\n    port: 8001", "    wsgi: web:app\n\n    port: 8001"),
        ("    server-command:\n    - a\n    - b\n    port: 8001", "    wsgi: web:app\n    port: 8001"),
        ("    server-command: |\n      a\n\n      b\n    port: 8001", "    wsgi: web:app\n    port: 8001"),
        ("    port: 8001\n    server-command: >-\n      a\n", "    port: 8001\n    wsgi: web:app"),
    ],
)
def test_a_command_in_any_of_yamls_forms_gives_way_to_wsgi(yaml, mended, tmp_path):
    start = "- endpoint:\n    name: web\n    image: python:3.12-slim\n"
    (tmp_path / "valohai.yaml").write_text(f"{start}{yaml}\n")
    (endpoint,) = read_config(tmp_path).endpoints
    apply(served_by_wsgi(endpoint, "web:app"))
    assert (tmp_path / "valohai.yaml").read_text().rstrip("\n") == start + mended
    assert read_config(tmp_path).endpoints[0].wsgi == "web:app"


def test_no_line_is_written_that_is_not_certain(tmp_path):
    start = "- endpoint:\n    name: web\n    image: python:3.12-slim\n"
    (tmp_path / "valohai.yaml").write_text(f"{start}    server-command: sh -c 'uvicorn web:app --port 1'\n")
    (endpoint,) = read_config(tmp_path).endpoints
    (command,) = commands_of(endpoint)
    assert in_command(command, "1$", lambda _: "2") == ()
    assert in_command(command, "1", lambda _: "$VALOHAI_PORT") == ()
    place = Place(tmp_path / "valohai.yaml", 4)
    assert in_line(place, "web", "server") != ()
    assert in_line(place, "p", "q") == ()
    assert in_line(Place(place.file, 9), "web", "server") == ()
    assert together(in_line(place, "web", "server"), ()) == ()
    assert together(in_line(place, "web", "server"), in_line(place, "uvicorn", "gunicorn")) == ()


def test_what_stays_is_shown_as_that():
    place = Place(Path("web.py"), 3)
    assert Edit(place, "app = f()", "app = f()\nserver = app").shown == ("  app = f()", "+ server = app")
    assert Edit(place, "f(debug=True)", "f()").shown == ("- f(debug=True)", "+ f()")
    assert Edit(place, "", "numpy").shown == ("+ numpy",)

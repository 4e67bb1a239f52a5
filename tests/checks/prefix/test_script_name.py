"""Who may read SCRIPT_NAME, and what is told of who needs it (P5)."""

from __future__ import annotations

import pytest

from tests.checks.projects import command, flask
from tests.checks.sample import FakeIndex
from vhlocal.checks.prefix.rules.ignored import DEFINITION as ERROR
from vhlocal.checks.prefix.rules.links import DEFINITION as WARNING
from vhlocal.checks.prefix.script_name import may_need_it, needing_it
from vhlocal.checks.subject import read_subject
from vhlocal.findings import Finding
from vhlocal.model import Place
from vhlocal.project.settings import load_settings


@pytest.fixture
def subject(project):
    def read(files):
        directory = project(files)
        return read_subject(directory, load_settings(directory, {}, environ={}), FakeIndex())

    return read


READING = "import os\nP = os.environ['SCRIPT_NAME']\n"


@pytest.mark.parametrize(
    ("files", "may"),
    [
        (flask(READING), True),
        (flask(), False),
        (flask(**{"train.py": READING}), False),
        (command("python server.py"), False),
        (command("node server.js $SCRIPT_NAME"), True),
        (command("node server.js", **{"server.js": "process.env.SCRIPT_NAME"}), True),
        (command("node server.js", **{"server.js": "process.env.PORT"}), False),
        (command("~/.local/bin/gunicorn server:app"), True),
    ],
)
def test_who_may_read_it(files, may, subject):
    assert may_need_it(subject(files)) == (("greet",) if may else ())


def test_what_goes_wrong_only_without_it_is_told(subject):
    project = subject(flask(READING))
    place = Place(project.directory / "valohai.yaml", 1)
    error = Finding(ERROR, place, "404 everywhere", "mend it", "greet")
    warning = Finding(WARNING, place, "a link", "mend it", "greet")
    (told,) = needing_it(project, [warning], [warning, error])
    assert (told.definition.code, told.place.line, told.seen) == ("VH413", 5, "without `SCRIPT_NAME`: 404 everywhere")
    assert needing_it(project, [error], [error]) == []
    assert needing_it(project, [], [warning]) == []

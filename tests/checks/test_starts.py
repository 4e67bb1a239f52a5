"""Why a command serves nothing: what is certain is said with the right remedy, everything else is left alone."""

from __future__ import annotations

import pytest

from tests.checks.edits import apply
from tests.checks.projects import command
from tests.checks.sample import FakeIndex
from vhlocal.checks.starts import left_behind, no_server
from vhlocal.checks.subject import read_subject
from vhlocal.project.settings import load_settings

TRAIN = "import json\nimport time\n\nfrom sklearn.svm import SVC\n\nmodel = SVC()\n"
FOREGROUND = "remove the `&` behind it and make it the last line, or end with `wait`"


def reach_of(directory):
    (reach,) = read_subject(directory, load_settings(directory, {}, environ={}), FakeIndex()).reaches
    return reach


@pytest.mark.parametrize(
    ("lines", "seen", "change"),
    [
        (["python server.py &"], "`python server.py` was left in the background, and ended with it", FOREGROUND),
        (["python a.py &", "sleep 5"], "`python a.py` was left in the background, and ended with it", FOREGROUND),
        (
            ["nohup python a.py > log 2>&1 &"],
            "`python a.py > log …` was left in the background, and ended with it",
            FOREGROUND,
        ),
        (
            ["gunicorn --daemon server:app"],
            "`gunicorn --daemon` goes to the background, and ended with it",
            "remove `--daemon`",
        ),
        (
            ["torchserve --start --model-store models"],
            "`torchserve` goes to the background, and ended with it",
            "add `--foreground`",
        ),
        (["nginx"], "`nginx` goes to the background, and ended with it", "add `-g 'daemon off;'`"),
    ],
)
def test_what_a_command_left_in_the_background_is_told(lines, seen, change, project):
    cause = left_behind(reach_of(project(command(*lines))))
    assert cause is not None
    assert (cause.seen, cause.change) == (seen, change)


@pytest.mark.parametrize(
    "lines",
    [
        ["python server.py &", "wait"],
        ["redis-server &", "python train.py"],
        ["torchserve --start --foreground"],
        ['nginx -g "daemon off;"'],
        ["gunicorn server:app"],
        ["./start.sh"],
    ],
)
def test_what_stays_in_the_foreground_is_not_blamed(lines, project):
    assert left_behind(reach_of(project(command(*lines, **{"train.py": TRAIN})))) is None


def test_r4_an_app_that_a_script_makes_and_does_not_serve_is_for_wsgi(project):
    directory = project(command("python server.py"))
    cause = left_behind(reach_of(directory))
    assert cause is not None
    assert cause.seen == "server.py makes `app`, and ends without serving it"
    assert cause.change == "write `wsgi: server:app` in place of `server-command`"
    apply(cause.edits)
    assert "    wsgi: server:app\n" in (directory / "valohai.yaml").read_text()


@pytest.mark.parametrize(
    "last", ["app.run()", "if __name__ == '__main__':\n    app.run()", "Thread(target=app.run).start()", "main()"]
)
def test_an_app_that_may_be_served_is_not_called_unserved(last, project):
    code = f"from flask import Flask\n\napp = Flask(__name__)\n{last}\n"
    assert left_behind(reach_of(project(command("python server.py", **{"server.py": code})))) is None


@pytest.mark.parametrize(
    ("lines", "shown"),
    [
        (["python train.py"], "python train.py"),
        (["set -e", "echo training", "python -u train.py --epochs 3 --fast"], "python -u train.py --epochs …"),
        (["sleep infinity"], "sleep infinity"),
    ],
)
def test_a_command_that_cannot_listen_is_told(lines, shown, project):
    cause = no_server(reach_of(project(command(*lines, **{"train.py": TRAIN}))))
    assert cause is not None
    assert cause.seen == f"nothing that `{shown}` runs is a server"
    assert cause.change.startswith("end `server-command` with a server that listens on port 8000")
    assert cause.change.endswith("belongs in a `step`") == ("train" in shown)


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        (["python train.py"], "import socket\n"),
        (["python train.py"], "import helper\n"),
        (["python train.py"], "import os\n\nos.execvp('uvicorn', ['uvicorn', 'server:app'])\n"),
        (["python train.py"], "from os import system\n\nsystem('uvicorn server:app')\n"),
        (["python train.py"], "exec(open('server.txt').read())\n"),
        (["python train.py"], "import torch\n"),
        (["python train.py", "./serve.sh"], TRAIN),
        (["python train.py &", "sleep infinity"], TRAIN),
        (["echo $(python server.py)"], TRAIN),
        (["cat serve.sh | sh"], TRAIN),
        (["python -m train"], "import socket\n"),
        (["node server.js"], TRAIN),
        (["while true; do ./serve; done"], TRAIN),
    ],
)
def test_a_command_that_may_listen_is_not_called_no_server(lines, code, project):
    files = {"train.py": code, "helper.py": "import http.server\n"}
    assert no_server(reach_of(project(command(*lines, **files)))) is None

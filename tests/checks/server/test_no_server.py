"""Commands that never serve, run for real: what is said of each is what it does."""

from __future__ import annotations

import pytest

from tests.checks.projects import command
from tests.checks.server.live import Case, run_sample
from tests.waiting import free_port

TRAIN = "import math\n\nprint(math.fsum(range(9)))\n"
LOOP = "import os\nimport time\n\nwhile True:\n    time.sleep(0.1)\n"
POLL = f"import queue\n{LOOP}"
FORKS = "import subprocess\nimport sys\n\nsubprocess.Popen([sys.executable, '-c', 'import time; time.sleep(1)'])\n"


@pytest.mark.parametrize(
    ("line", "code", "finding", "seen", "change"),
    [
        ("python run.py", TRAIN, "VH514", "nothing that `python run.py` runs is a server", "belongs in a `step`"),
        ("python run.py &", TRAIN, "VH514", "`python run.py` was left in the background", "remove the `&`"),
        ("python run.py", FORKS, "VH514", "as if it had finished", "a server that keeps running and listens on port"),
        (
            "python run.py",
            LOOP,
            "VH503",
            "nothing listens, and nothing that `python run.py` runs",
            "end `server-command`",
        ),
        ("python run.py", POLL, "VH503", "it is still at", "start the server before this loop"),
        ("sleep 1000", TRAIN, "VH503", "nothing that `sleep 1000` runs is a server", "end `server-command`"),
    ],
)
def test_what_a_command_does_in_place_of_serving_is_told_once(line, code, finding, seen, change, project):
    files = command(line, image="python:3.11-slim", **{"run.py": code, "requirements.txt": ""})
    yaml = f"{files['valohai.yaml']}    port: {free_port()}\n"
    outcome = run_sample(project(files | {"valohai.yaml": yaml}), Case(patience=5))
    assert not outcome.ready
    (found,) = outcome.findings
    assert found.definition.code == finding
    assert seen in found.seen and change in found.change

"""What a run finds out of its servers, and what it does where it cannot look."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING

import pytest
from docker.errors import NotFound

from tests.checks.sample import told
from tests.checks.server.live import Case, run_sample
from tests.engine.servers import SERVER, project_of
from tests.engine_fixtures import containers_of
from tests.waiting import wait_for

if TYPE_CHECKING:
    from docker.models.containers import Container

SLOW = SERVER.replace("import http", "import time; time.sleep(12)\nimport http")


@pytest.fixture(autouse=True)
def own_directories(vhlocal, monkeypatch):
    for name, value in vhlocal.environment.items():
        if name.startswith("XDG_"):
            monkeypatch.setenv(name, value)


def test_a_container_in_which_nobody_can_look_is_told_in_one_line_and_comes_up(project, base_image):
    """Its sockets are read by its own `cat`: what has none is no worse for that."""
    files = project_of("rm /bin/cat && exec python server.py")
    outcome = run_sample(project({**files, "server.py": SLOW}), Case("docker"))
    assert outcome.ready
    assert outcome.findings == []
    (said,) = [notice.text for notice in outcome.notices if "cannot see where" in notice.text]
    assert "\n" not in said


def test_a_container_that_is_gone_meanwhile_is_no_more_than_an_end(project, engine, base_image):
    directory = project(project_of("exec python -c 'import time; time.sleep(600)'"))

    def running() -> list[Container]:
        with contextlib.suppress(NotFound):  # one that only made something, and has gone again
            found = map(engine.containers.get, containers_of(engine, directory))
            return [each for each in found if each.status == "running" and each.name.startswith("vhlocal-")]
        return []

    def take_away() -> None:
        (container,) = wait_for(running, "the container")
        threading.Event().wait(3)
        container.remove(force=True)

    taker = threading.Thread(target=take_away)
    taker.start()
    outcome = run_sample(directory, Case("docker"))
    taker.join()
    assert told(outcome.findings, directory) == ["VH508 valohai.yaml:4"]
    assert [notice.text for notice in outcome.notices if "cannot be" in notice.text or "could not" in notice.text] == []


def test_a_silenced_finding_is_not_told_and_still_ends_the_start(project):
    files = project_of("exit 3")
    outcome = run_sample(project(files), Case(ignored=("VH515",)))
    assert outcome.findings == []
    assert outcome.error is not None and outcome.error.message == "plain: the server ended with exit code 3"


def test_the_status_tells_the_peak_of_memory_and_the_limit(project, running):
    """K1: looked at now and then."""
    limited = project_of("python server.py", "    resources:\n      memory:\n        max: 256\n")
    with running(project(limited)) as run:
        wait_for(lambda: (run.endpoints()["plain"]["memory"] or {"peak": 0})["peak"] > 5_000_000, "it to be looked at")
        memory = run.endpoints()["plain"]["memory"]
    assert memory["limit"] == 256 * 1024 * 1024
    assert memory["peak"] < 200_000_000


def test_a_remedy_that_differs_by_framework_is_told_for_the_endpoints_own(project):
    app = "from flask import Flask\napp = Flask(__name__)\napp.run(host='127.0.0.1', port=8000)\n"
    files = {**project_of("python server.py"), "server.py": app, "requirements.txt": "flask>=3.0\n"}
    outcome = run_sample(project(files), Case())
    (finding,) = outcome.findings
    assert (finding.definition.code, finding.framework) == ("VH501", "Flask")


def test_a_server_of_nodes_that_listens_for_itself_alone_is_pointed_to(project):
    """R3: by its own line, where one line alone says so."""
    script = 'const http = require("http");\nhttp.createServer((q, r) => r.end()).listen(8000, "127.0.0.1");\n'
    outcome = run_sample(directory := project({**project_of("node server.js"), "server.js": script}), Case())
    assert told(outcome.findings, directory) == ["VH501 server.js:2"]


def test_a_file_that_a_request_misses_is_told_though_the_server_goes_on(project):
    """B5: models are often loaded at the first request."""
    app = (
        "def app(environ, start_response):\n"
        "    if environ['PATH_INFO'].endswith('/predict'):\n"
        "        open('model.txt').read()\n"
        "    start_response('200 OK', [])\n"
        "    return [b'ok']\n"
    )
    yaml = "- endpoint:\n    name: plain\n    image: python:3.11-slim\n    wsgi: server:app\n"
    files = {"valohai.yaml": yaml, "server.py": app, "model.txt": "weights", ".vhignore": "model.txt\n"}
    directory = project(files)
    outcome = run_sample(directory, Case(request=("GET", "predict", 0), finds=True, settle=1))
    # The examination asks for this path as well.
    assert set(told(outcome.findings, directory)) == {"VH510 server.py:3"}
    assert (outcome.ready, outcome.error) == (True, None)


def test_memory_that_ends_while_code_is_loaded_is_told_as_that(project, vhlocal, base_image):
    """K2: a model that is loaded with the module."""
    files = project_of("python server.py", "    resources:\n      memory:\n        max: 96\n")
    loading = "import time\ntime.sleep(5)\nmodel = b'x' * 200_000_000\n"
    ended = vhlocal("up", "-C", str(project({**files, "server.py": loading})), "--port", "0")
    assert ended.returncode == 5
    assert "exceeded its memory limit of 96 MiB while its code was loaded\n" in ended.stderr
    assert "raise resources.memory.max to 128 at least" in ended.stderr


def test_an_exception_that_was_answered_for_is_not_told_as_the_cause_of_a_later_end(project):
    """K2: a 500 ends no server."""
    answer = (
        "        import os, threading, traceback\n"
        "        if self.path.endswith('/boom'):\n"
        "            try:\n"
        "                {}['x']\n"
        "            except KeyError:\n"
        "                traceback.print_exc()\n"
        "            self.send_error(500)\n"
        "            threading.Timer(0.5, os._exit, (3,)).start()\n"
        "            return\n"
    )
    server = SERVER.replace("def do_GET(self):\n", f"def do_GET(self):\n{answer}")
    assert server != SERVER
    directory = project({**project_of("python server.py"), "server.py": server})
    outcome = run_sample(directory, Case(request=("GET", "boom", 0), finds=True))
    assert told(outcome.findings, directory) == ["VH515 valohai.yaml:4"]

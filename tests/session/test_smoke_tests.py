"""``vhlocal test`` against runs whose servers are processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import psutil
import pytest

from tests.command import COMMAND, READY_SECONDS
from tests.engine.conftest import left_of
from tests.engine.servers import project_of
from tests.session.conftest import NO_ENGINE
from tests.waiting import LONG, wait_for

FAILED, WRONG = 7, 2

SMOKE = """\
@endpoint = http://127.0.0.1:8080/o/p/d/dev/plain/

### What is asked arrives
# expect 200
# expect $.headers["X-VH-Prefix"] == "PREFIX"
# expect $.arguments == []
GET {{endpoint}}sub?x=1
X-Read: server.py
"""


@pytest.fixture
def run(project, process_run):
    """A run of ``plain``, and one smoke test for it, which is right under the alias alone."""
    directory = project({**project_of("python server.py"), "smoke/plain.http": SMOKE})
    run = process_run(directory)
    prefix = run.url("plain", "dev").removeprefix(run.base_url)
    (directory / "smoke" / "plain.http").write_text(SMOKE.replace("PREFIX", prefix))
    return run


def test_each_path_has_its_verdict_as_lines_and_for_ci(run, vhlocal, tmp_path):
    """Under the version and the alias: what is expected of one differs under the other, and is told."""
    version, alias = (url.split("/")[-3] for url in (run.url("plain"), run.url("plain", "dev")))
    report = tmp_path / "smoke.xml"
    done = vhlocal("test", "--junit", str(report), cwd=run.directory)
    assert done.returncode == FAILED, done.stderr
    summary, failed, passed = sorted(done.stdout.splitlines())
    assert summary == "1 passed, 1 failed"
    assert passed.startswith(f"ok    plain ({alias})  smoke/plain.http:7  What is asked arrives  ")
    assert failed.startswith(f"FAIL  plain ({version})  smoke/plain.http:7  What is asked arrives: ")
    assert f'$.headers["X-VH-Prefix"] "{run.url("plain", "dev").removeprefix(run.base_url)}" → ' in failed
    root = ElementTree.parse(report).getroot()
    assert (root.attrib["tests"], root.attrib["failures"]) == ("2", "1")
    unwritable = vhlocal("test", "--junit", str(tmp_path / "none" / "smoke.xml"), "-C", str(run.directory))
    assert unwritable.returncode == WRONG
    assert "the results cannot be written" in unwritable.stderr
    assert unwritable.stdout == "", "it is told before the tests are run"
    # A reader that has enough, as `head` has, does not make it green.
    read, write = os.pipe()
    os.close(read)
    command = [*COMMAND, "test", "-C", str(run.directory)]
    unread = subprocess.run(command, env=vhlocal.environment, stdout=write, stderr=subprocess.PIPE, timeout=LONG)
    os.close(write)
    assert (unread.returncode, unread.stderr) == (FAILED, b"")

    smoke = run.directory / "smoke"
    (smoke / "plain.http").write_text("GET {{endpoint}}/a\n# expect $.arguments == []\n###\nHEAD {{endpoint}}/\n")
    done = vhlocal("test", "plain", "--json", "-C", str(run.directory))
    assert done.returncode == 0, done.stdout + done.stderr
    results = json.loads(done.stdout)["results"]
    assert [(one["endpoint"], one["passed"], one["failures"]) for one in results] == [("plain", True, [])] * 4
    assert {(one["under"], one["line"]) for one in results} == {(version, 1), (version, 4), (alias, 1), (alias, 4)}

    # Nothing is sent where something cannot be read.
    (smoke / "z.rest").write_text("GET {{endpoint}}\n# expect 2000\n")
    done = vhlocal("test", "--json", cwd=run.directory)
    assert (done.returncode, done.stdout) == (WRONG, "")
    assert "smoke/z.rest:2" in done.stderr
    (smoke / "z.rest").write_text("GET http://127.0.0.1:1/elsewhere\n")
    done = vhlocal("test", cwd=run.directory)
    assert (done.returncode, done.stdout) == (WRONG, "")
    assert "not in the endpoint" in done.stderr.replace("\n", " ")
    (smoke / "z.rest").unlink()
    done = vhlocal("test", "web", "-C", str(run.directory))
    assert done.returncode == WRONG
    assert "no endpoint `web` is running" in done.stderr

    # The run is used as it is, or not at all.
    done = vhlocal("test", "--start", cwd=run.directory)
    assert (done.returncode, done.stdout) == (WRONG, "")
    assert "this project is already being served at" in done.stderr
    done = vhlocal("test", "--no-script-name", "--alias", "beta", cwd=run.directory)
    assert (done.returncode, done.stdout) == (WRONG, "")
    assert "--alias only affects a run that this command starts" in done.stderr
    assert vhlocal("test", "--live", cwd=run.directory).stdout.splitlines()[-1] == "4 passed, 0 failed"
    assert run.process.poll() is None


def nothing_is_left(vhlocal, directory):
    wait_for(lambda: vhlocal.record(directory) is None, "the run to end")
    assert left_of(vhlocal) == []


BY_PYTEST = """\
import pytest

@pytest.mark.vhlocal_endpoints
def test_it_reads(vhlocal_endpoint):
    assert vhlocal_endpoint.get("/", headers={"X-Read": "server.py"}).json()["arguments"] == ["0.0.0.0"]

def test_not_yet():
    assert len("shorter") == 6
"""


def test_where_nothing_runs_the_project_is_started_and_ended(project, vhlocal, tmp_path):
    """The directory is the one that the settings name; both kinds of tests go into one report."""
    vhlocal.environment.update(NO_ENGINE)
    files = {
        **project_of("python server.py 0.0.0.0"),
        "vhlocal.yaml": "smoke: tests/smoke\naliases: [beta]\n",
        "tests/smoke/any.http": "GET {{endpoint}}/\n",
        "tests/smoke/test_any.py": BY_PYTEST,
    }
    directory = project(files)
    done = vhlocal("test", "--live", cwd=directory)
    assert (done.returncode, done.stdout) == (WRONG, "")
    assert "start it with `vhlocal up`" in done.stderr

    report = tmp_path / "smoke.xml"
    done = vhlocal("test", "--start", "--junit", str(report), "--alias", "gamma", cwd=directory)
    assert done.returncode == FAILED, done.stderr
    *told, failed, more, summary = done.stdout.splitlines()
    assert summary == "6 passed, 1 failed"
    assert failed == "FAIL  tests/smoke/test_any.py:7  test_not_yet: assert 7 == 6 (and 1 more)"
    assert more == "      +  where 7 = len('shorter')"
    # A flag comes in the place of what the file says.
    by_http, by_pytest = [line.split()[1:3] for line in told[:3]], [line.split()[2] for line in told[3:]]
    assert [name for name, _ in by_http] == ["plain"] * 3
    assert [under for _, under in by_http][1:] == ["(dev)", "(gamma)"]
    assert sorted(by_pytest) == [f"test_it_reads[plain-{under}]" for under in ("dev", "gamma", "version")]
    root = ElementTree.parse(report).getroot()
    assert (root.attrib["tests"], root.attrib["failures"]) == ("7", "1")
    assert [suite.attrib["name"] for suite in root][3:] == ["pytest"]
    # What went on is told, and kept; nothing is left in the project.
    assert "plain: ready" in done.stderr
    assert "plain: ready" in Path(done.stderr.rpartition("The run's log: ")[2].strip()).read_text()
    nothing_is_left(vhlocal, directory)
    assert {path.relative_to(directory).as_posix() for path in directory.rglob("*") if path.is_file()} == set(files)


@pytest.mark.parametrize(
    ("place", "why"),
    [
        ("smoke", "smoke is a directory"),
        ("valohai.yaml/smoke.xml", "valohai.yaml is a file, where a directory is needed"),
        ("none/smoke.xml", "there is no directory"),
    ],
)
def test_results_that_cannot_be_a_file_are_refused_before_anything_is_started(project, vhlocal, place, why):
    vhlocal.environment.update(NO_ENGINE)
    directory = project({**project_of("python server.py"), "smoke/plain.http": "GET {{endpoint}}/\n"})
    done = vhlocal("test", "--junit", place, cwd=directory)
    assert (done.returncode, done.stdout) == (WRONG, "")
    assert "the results cannot be written" in done.stderr
    assert why in done.stderr.replace("\n", " ")
    assert "gateway:" not in done.stderr


def test_a_project_that_does_not_start_fails_with_the_code_of_that(project, vhlocal):
    vhlocal.environment.update(NO_ENGINE)
    directory = project({**project_of("python none.py"), "smoke/plain.http": "GET {{endpoint}}/\n"})
    done = vhlocal("test", cwd=directory)
    assert (done.returncode, done.stdout) == (5, "")
    assert "the project did not start" in done.stderr
    assert "none.py" in done.stderr
    nothing_is_left(vhlocal, directory)


HANGS = """\
import http.server, os, time, pathlib

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path.endswith("/hang"):
            pathlib.Path(os.environ["ASKED"]).touch()
            time.sleep(600)
        self.send_response(200)
        self.end_headers()

    def log_message(self, *arguments):
        pass

http.server.ThreadingHTTPServer(("0.0.0.0", int(os.environ["VALOHAI_PORT"])), Handler).serve_forever()
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=lambda number: number.name)
def test_what_was_started_ends_however_the_tests_do(project, vhlocal, tmp_path, number):
    vhlocal.environment.update(NO_ENGINE)
    asked = tmp_path / "asked"
    files = {**project_of("python server.py"), "server.py": HANGS, "smoke/plain.http": "GET {{endpoint}}/hang\n"}
    directory = project({**files, "vhlocal.yaml": f"variables:\n  ASKED: {asked}\n"})
    with (tmp_path / "test.log").open("wb") as log:
        testing = subprocess.Popen(
            [*vhlocal.command, "test", "-C", str(directory)],
            env=vhlocal.environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        wait_for(asked.exists, "the endpoint to be asked", READY_SECONDS)
        testing.send_signal(number)
        assert testing.wait(LONG) == (-number if number == signal.SIGKILL else 128 + number)
    finally:
        testing.kill()
        testing.wait()
    nothing_is_left(vhlocal, directory)


HANGS_IN_PYTEST = """\
import os, pathlib, subprocess, sys, time
import pytest

PLACE = pathlib.Path(os.environ["PLACE"])

@pytest.fixture
def helper():
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    (PLACE / "helper").write_text(str(process.pid))
    yield
    process.kill()
    process.wait()
    (PLACE / "ended").touch()

def test_hangs(vhlocal_run, helper):
    (PLACE / "pytest").write_text(str(os.getpid()))
    (PLACE / "begun").touch()
    time.sleep(600)
"""


@pytest.mark.parametrize(
    "number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL], ids=lambda number: number.name
)
def test_pytest_ends_with_the_command_and_its_fixtures_end_first(project, vhlocal, tmp_path, number):
    """By a signal to all of the terminal's: pytest is interrupted once. It has no other parent if that was SIGKILL."""
    vhlocal.environment.update(NO_ENGINE)
    files = {**project_of("python server.py"), "smoke/test_it.py": HANGS_IN_PYTEST}
    log = tmp_path / "test.log"
    with log.open("wb") as output:
        testing = subprocess.Popen(
            [*vhlocal.command, "test", "-C", str(directory := project(files))],
            env={**vhlocal.environment, "PLACE": str(tmp_path)},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        wait_for((tmp_path / "begun").exists, "the test to begin", READY_SECONDS)
        os.killpg(testing.pid, number)
        assert testing.wait(LONG) == (-number if number == signal.SIGKILL else 128 + number)
    finally:
        testing.kill()
        testing.wait()
    pids = [int((tmp_path / name).read_text()) for name in ("pytest", "helper")]
    wait_for(lambda: not any(map(psutil.pid_exists, pids)), "pytest and what it has started to end")
    assert (tmp_path / "ended").exists(), "fixtures end what they have begun"
    assert "Traceback" not in log.read_text()
    nothing_is_left(vhlocal, directory)


def test_a_guarded_run_lets_its_own_tests_in(project, process_run, vhlocal):
    """K7: by the user that vhlocal.yaml names."""
    files = {
        **project_of("python server.py"),
        "vhlocal.yaml": "basic-auth:\n  ada: env:SMOKE_PASSWORD\n",
        "smoke/plain.http": "GET {{endpoint}}/\n# expect $.arguments == []",
    }
    vhlocal.environment["SMOKE_PASSWORD"] = "for smoke tests"
    run = process_run(project(files))
    done = vhlocal("test", "-C", str(run.directory))
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == "2 passed, 0 failed"

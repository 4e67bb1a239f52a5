"""``vhlocal check --live``: what only a running endpoint shows, with servers that are processes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.engine.conftest import left_of
from tests.engine.servers import project_of
from tests.engine_fixtures import SAMPLES

pytestmark = pytest.mark.builds

LIVE = Path(__file__).parent.parent / "checks" / "live_samples"
HAS_ERRORS, SERVER_ERROR = 6, 5


@pytest.fixture
def check(vhlocal, tmp_path):
    """Check a copy of a project while it runs; return the exit code, stdout and stderr. Nothing may be left."""

    def run(project: Path, *arguments: str):
        copy = Path(shutil.copytree(project, tmp_path / "checked", dirs_exist_ok=True))
        done = vhlocal("check", "--live", "--runtime", "process", "-C", str(copy), *arguments)
        assert left_of(vhlocal) == []
        assert "Traceback" not in done.stderr
        return done

    return run


def test_a_sound_project_has_nothing(check):
    done = check(SAMPLES / "flask")
    assert (done.returncode, done.stdout) == (0, "ok: nothing found\n"), done.stderr


def test_what_fails_under_the_prefix_is_found_without_a_request_of_the_user_s(check):
    """P4: stdout is the report alone."""
    done = check(LIVE / "VH401" / "broken", "--json")
    assert done.returncode == HAS_ERRORS, done.stderr
    report = json.loads(done.stdout)
    assert "VH401" in [finding["code"] for finding in report["findings"]]


def test_what_a_server_uses_is_measured_once_more_before_the_end(check):
    """K2: what it has loaded by its first answer counts, also where the examination is over within a second."""
    done = check(LIVE / "VH601" / "broken", "--json")
    assert [finding["code"] for finding in json.loads(done.stdout)["findings"]] == ["VH601"], done.stderr


def test_what_a_project_lives_with_is_counted_and_no_error(check):
    done = check(LIVE / "VH401" / "broken", "--ignore", "VH401=it is served by itself")
    assert (done.returncode, done.stdout) == (0, "ok: nothing found, 1 silenced\n"), done.stderr


def test_what_is_right_only_by_script_name_is_told(check):
    """P5: nobody knows whether production sets it."""
    done = check(LIVE / "VH413" / "broken", "--json")
    assert done.returncode == 0, done.stderr
    (finding,) = json.loads(done.stdout)["findings"]
    assert (finding["code"], finding["line"], finding["severity"]) == ("VH413", 4, "warning")
    assert finding["seen"].startswith("without `SCRIPT_NAME`: ")
    mended = check(LIVE / "VH413" / "mended")
    assert (mended.returncode, mended.stdout) == (0, "ok: nothing found\n"), mended.stderr
    without = check(LIVE / "VH413" / "broken", "--no-script-name", "--json")
    assert "VH515" in [finding["code"] for finding in json.loads(without.stdout)["findings"]]


BAD_YAML = """\
- endpoint:
    name: gone
    image: python:3.11-slim
    port: 8001
    server-command: python gone.py
- endpoint:
    name: lost
    image: python:3.11-slim
    port: 8002
    server-command: python lost.py
- endpoint:
    name: bare
    image: python:3.11-slim
    port: 8003
    server-command: python bare.py
"""
BARE = """\
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/" else 404)
        self.end_headers()


ThreadingHTTPServer(("0.0.0.0", int(os.environ["VALOHAI_PORT"])), Handler).serve_forever()
"""


def test_an_endpoint_that_does_not_come_up_keeps_no_other_from_being_examined(check, project):
    files = {"valohai.yaml": BAD_YAML, "gone.py": "raise SystemExit(9)\n", "lost.py": "import nowhere_to_be_found\n"}
    done = check(project(files | {"bare.py": BARE}), "--json")
    assert done.returncode == HAS_ERRORS, done.stderr
    found = {(each["endpoint"], each["code"]) for each in json.loads(done.stdout)["findings"]}
    assert {("bare", "VH401"), ("gone", "VH515"), ("lost", "VH509")} <= found, done.stdout
    assert "could not be examined" not in done.stderr


def test_a_server_that_does_not_come_up_fails_the_check(check, project):
    files = project_of("python server.py")
    files["server.py"] = "raise SystemExit(9)\n"
    done = check(project(files))
    assert done.returncode in {HAS_ERRORS, SERVER_ERROR}
    assert "exit code 9" in done.stdout + done.stderr


HANGS_UP = BARE.replace('self.send_response(200 if self.path == "/" else 404)', 'int(self.headers["X-Length"])')
FAILS = BARE.replace("200 if", "500 if").replace("else 404", "else 500")


def test_what_ready_does_not_say_is_told(check, project):
    """Production leads requests to a server that fails to answer its root: other requests may do."""
    files = {"valohai.yaml": BAD_YAML, "gone.py": HANGS_UP, "lost.py": FAILS, "bare.py": BARE}
    done = check(project(files))
    assert done.returncode == HAS_ERRORS, done.stderr
    hung_up = "ready, but closes the connection of a GET request at its URL without an answer"
    assert [line for line in done.stderr.splitlines() if line.startswith("note: ")] == [
        "note: lost: ready, but answers 500 at its URL",
        f"note: gone: {hung_up}",
    ]

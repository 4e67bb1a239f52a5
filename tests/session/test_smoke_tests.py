"""``vhlocal test`` against runs whose servers are processes."""

from __future__ import annotations

import json
from xml.etree import ElementTree

import pytest

from tests.engine.servers import project_of

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

    smoke = run.directory / "smoke"
    (smoke / "plain.http").write_text("GET {{endpoint}}/a\n# expect $.arguments == []\n###\nHEAD {{endpoint}}/\n")
    done = vhlocal("test", "plain", "--json", "-C", str(run.directory))
    assert done.returncode == 0, done.stdout + done.stderr
    results = json.loads(done.stdout)["results"]
    assert [(one["endpoint"], one["passed"], one["failures"]) for one in results] == [("plain", True, [])] * 4
    assert {(one["under"], one["line"]) for one in results} == {(version, 1), (version, 4), (alias, 1), (alias, 4)}

    # Nothing is sent where something cannot be read.
    (smoke / "z.http").write_text("GET {{endpoint}}\n# expect 2000\n")
    done = vhlocal("test", "--json", cwd=run.directory)
    assert (done.returncode, done.stdout) == (WRONG, "")
    assert "smoke/z.http:2" in done.stderr
    (smoke / "z.http").write_text("GET http://127.0.0.1:1/elsewhere\n")
    done = vhlocal("test", cwd=run.directory)
    assert (done.returncode, done.stdout) == (WRONG, "")
    assert "not in the endpoint" in done.stderr.replace("\n", " ")
    done = vhlocal("test", "web", "-C", str(run.directory))
    assert done.returncode == WRONG
    assert "no endpoint `web` runs here" in done.stderr


def test_where_nothing_runs_it_is_told_how_to_start(project, vhlocal):
    done = vhlocal("test", "-C", str(project({**project_of("python server.py"), "smoke/plain.http": SMOKE})))
    assert done.returncode == WRONG
    assert "start it with `vhlocal up`" in done.stderr


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

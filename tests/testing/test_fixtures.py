"""The plugin's fixtures in sessions of pytest of their own, against runs whose servers are processes."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.engine.conftest import left_of
from tests.engine.servers import SERVER
from tests.session.conftest import NO_ENGINE
from tests.waiting import wait_for
from vhlocal.errors import InputError
from vhlocal.model import Place
from vhlocal.testing.collecting import in_lines

ENDPOINT = "- endpoint:\n    name: {}\n    image: python:3.11-slim\n    server-command: python server.py\n"

TESTS = """\
import pathlib
import pytest
from vhlocal.testing import assert_close

@pytest.mark.vhlocal_endpoints
def test_each(vhlocal_endpoint, vhlocal_run):
    with pathlib.Path("urls.txt").open("a") as file:
        print(vhlocal_run.url, file=file)
    told = vhlocal_endpoint.get("/x?y=1").json()
    assert told["path"].startswith(vhlocal_endpoint.url.removeprefix(vhlocal_run.url))
    assert told["headers"]["X-VH-Prefix"] == told["path"].removesuffix("x?y=1")

@pytest.mark.vhlocal_endpoints("plain")
@pytest.mark.parametrize("letter", ["a", "b"])
def test_kept(vhlocal_endpoint, vhlocal_snapshot, letter):
    told = vhlocal_endpoint.get(f"/{letter}").json()
    vhlocal_snapshot({"letter": told["path"][-1], "probability": PROBABILITY}, rtol=0.01)
    vhlocal_snapshot(vhlocal_endpoint.get("/"), ignore=["$.environment", "$.directory", "$.headers"])

def test_named(vhlocal_run):
    assert vhlocal_run.endpoints == ("plain", "other")
    assert vhlocal_run.endpoint("other", "dev").under == "dev"
    with pytest.raises(Exception, match="`other` is not served under `prod`"):
        vhlocal_run.endpoint("other", "prod")
"""


@pytest.fixture
def directory(project):
    """A project of two endpoints, and a directory beside it that is none."""
    files = {"valohai.yaml": ENDPOINT.format("plain") + ENDPOINT.format("other"), "server.py": SERVER}
    return project({**files, "smoke/test_them.py": TESTS.replace("PROBABILITY", "0.99")})


@pytest.fixture
def by_pytest(vhlocal, directory):
    """Run pytest in the project, as a user does; no run is left."""
    vhlocal.environment.update(NO_ENGINE)

    def run(*arguments: str, cwd: Path = directory) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "pytest", "-p", "no:schemathesis", "-p", "no:hypothesispytest", *arguments]
        done = subprocess.run(
            command, cwd=cwd, env=vhlocal.environment, capture_output=True, text=True, timeout=600, check=False
        )
        assert done.stderr == ""
        return done

    yield run
    wait_for(lambda: vhlocal.record(directory) is None, "the run to end")
    assert left_of(vhlocal) == []


def counts(done: subprocess.CompletedProcess[str]) -> str:
    """Return what pytest says at last, without the time."""
    return re.sub(r" in [\d.]+s.*", "", done.stdout.splitlines()[-1]).strip("= ")


def test_one_session_starts_a_run_for_all_of_its_tests_and_ends_it(directory, by_pytest):
    done = by_pytest("smoke", "--vhlocal-update", "-v", cwd=directory)
    assert counts(done) == "9 passed", done.stdout
    for endpoint in ("plain", "other"):
        for under in ("version", "dev"):
            assert f"test_each[{endpoint}-{under}] PASSED" in done.stdout
    assert "test_kept[plain-dev-a] PASSED" in done.stdout
    urls = directory.joinpath("urls.txt").read_text().splitlines()
    assert (len(urls), len(set(urls))) == (4, 1)
    log = directory / ".pytest_cache" / "d" / "vhlocal" / "run.log"
    assert not log.exists()

    # The version and the alias answer the same, and are kept once; each parameter has its own.
    kept = json.loads(directory.joinpath("smoke", "test_them.snapshots.json").read_text())
    assert sorted(kept) == ["test_kept[plain, letter='a']", "test_kept[plain, letter='b']"]
    letter, answer = kept["test_kept[plain, letter='a']"]
    assert letter["json"] == {"letter": "a", "probability": 0.99}
    assert (answer["status"], answer["json"]["path"]) == (200, f"{answer['under']}/")

    # From elsewhere, by several workers, who share one run; an answer that has changed is told.
    changed = TESTS.replace("PROBABILITY", "0.9")
    directory.joinpath("smoke", "test_them.py").write_text(changed)
    directory.joinpath("urls.txt").unlink()
    done = by_pytest("-n", "2", "project/smoke", "--rootdir=project", cwd=directory.parent)
    assert counts(done) == "4 failed, 5 passed", done.stdout
    assert "test_kept[plain, letter='b'], is not as expected: $.probability 0.99 → 0.9" in done.stdout
    assert f"The run's log: {log}" in done.stdout
    assert "plain: ready" in log.read_text()
    urls = directory.parent.joinpath("urls.txt").read_text().splitlines()
    assert (len(urls), len(set(urls))) == (4, 1)


def test_a_run_that_is_there_is_joined_and_goes_on(directory, by_pytest, process_run):
    run = process_run(directory)
    done = by_pytest("smoke", "--vhlocal-endpoint=other", "-k", "each or kept")
    assert counts(done) == "2 passed, 2 skipped, 1 deselected", done.stdout  # none of them is `plain`
    assert set(directory.joinpath("urls.txt").read_text().splitlines()) == {run.base_url}
    done = by_pytest("smoke", "-k", "kept")
    assert counts(done) == "4 failed, 5 deselected", done.stdout
    assert "no snapshot for this in test_them.snapshots.json yet: run pytest with --vhlocal-update" in done.stdout
    assert run.process.poll() is None
    run.stop()


WRONG = """\
import pytest

@pytest.mark.vhlocal_endpoints("plian")
def test_typo(vhlocal_endpoint): pass
"""


def test_what_is_asked_wrongly_is_told_and_starts_nothing(directory, by_pytest, tmp_path):
    (directory / "smoke" / "test_them.py").write_text(WRONG)
    done = by_pytest("smoke")
    assert "vhlocal_endpoints: no endpoint `plian`; did you mean `plain`?" in done.stdout
    (directory / "smoke" / "test_them.py").write_text("def test_which(vhlocal_endpoint): pass\n")
    (directory / "server.py").write_text("raise SystemExit('no model here')\n")
    done = by_pytest("smoke")
    assert counts(done) == "1 error", done.stdout
    assert "the project did not start" in done.stdout
    assert "no model here" in done.stdout
    (directory / "vhlocal.yaml").write_text("host: 127.0.0.1\nprot: 8000\n")
    (directory / "smoke" / "test_them.py").write_text(WRONG)
    done = by_pytest("smoke")
    assert "vhlocal.yaml:2" in done.stdout
    assert "did you mean `port`?" in done.stdout
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "test_them.py").write_text("def test_which(vhlocal_endpoint): pass\n")
    done = by_pytest(cwd=elsewhere)
    assert "in no project; tests of endpoints lie beside or below their valohai.yaml" in done.stdout


#: What others' tests see of the plugin: the names of our modules that are loaded once all is collected.
LOADED = """\
import sys

def test_nothing():
    ours = sorted(name for name in sys.modules if name.partition(".")[0] == "vhlocal")
    assert ours == ["vhlocal", "vhlocal.pytest_plugin"]
"""


def test_who_does_not_use_it_loads_nothing_of_it(tmp_path):
    (tmp_path / "test_others.py").write_text(LOADED)
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --strict-markers --strict-config -W error\n")
    command = [sys.executable, "-m", "pytest", "-p", "no:schemathesis", "-p", "no:cacheprovider"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False)
    assert counts(done) == "1 passed", done.stdout
    assert [path.name for path in tmp_path.iterdir() if path.name != "__pycache__"] == ["test_others.py", "pytest.ini"]


def test_an_error_is_shown_with_its_place_and_what_to_do():
    bare = InputError("no such thing")
    assert in_lines(bare) == "no such thing"
    whole = InputError("no such thing", place=Place(Path("vhlocal.yaml"), 3), hint="write another", detail="its log")
    assert in_lines(whole) == "vhlocal.yaml:3: no such thing\nits log\nwrite another"

"""What stands in for an endpoint's answer, asked of a real run."""

from __future__ import annotations

import re

import pytest
import requests

from tests.cli.projects import plain
from tests.command import Running
from tests.waiting import free_port, wait_for

HTML = {"Accept": "text/html"}
PATH = "/acme/digits/local/dev/plain/"


@pytest.fixture
def run(vhlocal, project, tmp_path):
    """A run with one endpoint at ``PATH``, as a process of this machine."""
    names = "owner: acme\nproject: digits\ndeployment: local\n"
    directory = project(plain(**{"vhlocal.yaml": names}))
    started = Running(vhlocal, directory, free_port(), ("--runtime", "process", "--no-reload"), tmp_path / "up.log")
    started.wait_for_state("ready")
    yield started
    assert started.stop() in {0, 130}


def test_p1_each_wrong_part_of_a_path_is_told_with_what_runs(run):
    """P1: also in paths that end early, and where case alone differs."""
    version = run.endpoints()["plain"]["urls"][0].split("/")[-2]
    for path, error in {
        "/other/digits/local/dev/plain/": "no owner `other`; running: acme",
        "/acme/other/local/dev/plain/": "no project `other`; running: digits",
        "/acme/digits/prod/dev/plain/": "no deployment `prod`; running: local",
        "/acme/digits/local/20261122.0/plain/": f"no version `20261122.0`; running: {version}, dev",
        "/acme/digits/local/dev/plan/more?a=b": "no endpoint `plan`; running: plain",
        "/acme/digits/local/dev/Plain": "no endpoint `Plain`; running: plain",
        "/Acme/digits/local/dev/plain": "no owner `Acme`; running: acme",
        "/acme/digits/local/dev/plain%2F/": "no endpoint `plain/`; running: plain",
        "/acme/digits/local/dev/": "the path ends before the endpoint; running: plain",
        "/acme/digits/local": f"the path ends before the version; running: {version}, dev",
        "/acme/digits/prod": "no deployment `prod`; running: local",
        "/openapi.json": "nothing is served at /openapi.json",
    }.items():
        answer = requests.get(run.base_url + path, timeout=30)
        assert answer.status_code == 404, path
        assert answer.json()["error"] == error
        assert answer.json()["known"][-1:] and PATH in answer.json()["known"]
        page = requests.get(run.base_url + path, headers=HTML, timeout=30)
        assert (page.status_code, page.headers["Content-Type"]) == (404, "text/html; charset=utf-8")
        assert f'<a href="{PATH}">' in page.text
        head = requests.head(run.base_url + path, timeout=30)
        assert (head.status_code, head.text) == (404, "")


def test_a_server_that_ends_while_it_answers_is_told_with_its_last_lines(run):
    """The answer is a 502, and 503 until the server is there again; each tells the log."""
    answer = requests.get(f"{run.base_url}{PATH}wait-no-more", timeout=30)
    assert answer.status_code == 200
    wait_for(lambda: re.search(r"plain \| .*wait-no-more", run.output()), "the log")
    answer = requests.get(f"{run.base_url}{PATH}exit", timeout=30)
    assert answer.status_code == 502
    told = answer.json()
    assert "look at `vhlocal logs`" in told["hint"]
    assert any("wait-no-more" in line for line in told["log"])

    def unavailable():
        answer = requests.get(run.base_url + PATH, headers=HTML, timeout=30)
        return answer.status_code == 503 and "exit code 3" in answer.text and [answer]

    (page,) = wait_for(unavailable, "the state to be told", 10)
    assert page.headers["Retry-After"] == "1"
    assert "valohai.yaml:4" in page.text
    assert "wait-no-more" in page.text

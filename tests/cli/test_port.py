"""The port: one that was asked for and is taken is named with its holder; a default that is taken gives the next."""

from __future__ import annotations

import contextlib
import os
import socket

import pytest
import requests

from tests.cli.projects import plain
from tests.waiting import accepts


@pytest.fixture
def taken():
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        held.listen()
        yield held.getsockname()[1]


def test_a_port_that_was_asked_for_and_is_taken_is_named_with_its_holder(project, vhlocal, taken):
    done = vhlocal("up", "-C", str(project(plain())), "--port", str(taken))
    assert done.returncode == 2
    assert f"port {taken} is in use by " in done.stderr
    assert f"(process {os.getpid()})" in done.stderr
    assert "choose another with --port" in done.stderr
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.parametrize("source", ["environment", "yaml"])
def test_a_port_of_the_settings_counts_as_asked_for(project, vhlocal, taken, source):
    files = {"vhlocal.yaml": f"port: {taken}\n"} if source == "yaml" else {}
    environment = {"VHLOCAL_PORT": str(taken)} if source == "environment" else {}
    done = vhlocal("up", "-C", str(project(plain() | files)), environment=environment)
    assert done.returncode == 2
    assert f"port {taken} is in use by " in done.stderr


def test_a_default_port_that_is_taken_gives_the_next_free_one(project, starting):
    """The default is 8080; where somebody has that already, a run that takes the next one shows the same."""
    with contextlib.ExitStack() as stack:
        if not accepts(8080):
            stack.enter_context(socket.create_server(("127.0.0.1", 8080)))
        run = stack.enter_context(starting(project(plain())))
        run.wait_for_state("ready")
        url = run.url("plain")
        assert 8080 < int(url.split(":")[2].split("/")[0]) < 8180
        assert requests.get(url, timeout=60).status_code == 200


def test_two_projects_are_served_side_by_side_on_ports_of_their_own(tmp_path, project, starting):
    first = project(plain())
    second = tmp_path / "second"
    first.rename(second)
    first = project(plain())
    with starting(first) as one, starting(second) as two:
        one.wait_for_state("ready")
        two.wait_for_state("ready")
        urls = [one.url("plain"), two.url("plain")]
        assert [requests.get(url, timeout=60).status_code for url in urls] == [200, 200]
        assert len({url.split("/")[2] for url in urls}) == 2
        assert "/project/" in urls[0]
        assert "/second/" in urls[1]

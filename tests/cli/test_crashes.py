"""A server that ends after it was ready is started again, with growing pauses, and its end is told."""

from __future__ import annotations

import contextlib

import requests

from tests.cli.projects import plain

LIMIT = "    resources:\n      memory:\n        max: 64\n"


def ask(url: str) -> None:
    """Send a request that the server does not live to answer."""
    with contextlib.suppress(requests.ConnectionError):
        requests.get(url, timeout=30)


def test_a_crash_is_told_and_the_server_started_again_with_growing_pauses(project, starting):
    """K2: a crash restarts with back-off."""
    with starting(project(plain()), "--port", "0") as run:
        run.wait_for_state("ready")
        url = run.url("plain")
        for crash, pause in ((1, 1), (2, 2)):
            ask(url + "exit")
            run.wait_for_output(f"trying again in {pause} s, or when you save")
            assert run.wait_for_restart(crash)["restarts"] == crash
            assert requests.get(url, timeout=60).status_code == 200
        assert run.output().count("error: plain: the server ended with exit code 3, with GET /") == 2


def test_while_it_is_down_requests_are_told_why(project, starting):
    with starting(project(plain()), "--port", "0") as run:
        run.wait_for_state("ready")
        url = run.url("plain")
        ask(url + "exit")
        run.wait_for_output("trying again in 1 s")
        told = requests.get(url, timeout=60, headers={"Accept": "application/json"})
        assert told.status_code in {200, 502, 503}  # 200 where it is up again already.
        if told.status_code != 200:
            assert "exit code 3" in told.text


def test_ps_shows_restarts_and_its_exit_code_tells_a_crash(project, starting, vhlocal):
    directory = project(plain())
    with starting(directory, "--port", "0") as run:
        run.wait_for_state("ready")
        assert vhlocal("ps", "-C", str(directory)).returncode == 0
        ask(run.url("plain") + "exit")
        assert run.wait_for_restart()["restarts"] == 1
        for crashes in range(2, 7):  # the pauses grow, so that one of them is longer than ps takes
            ask(run.url("plain") + "exit")
            run.wait_for_output(f"trying again in {2 ** (crashes - 1)} s")
            listed = vhlocal("ps", "-C", str(directory))
            if "crashed" in listed.stdout:
                break
            run.wait_for_restart(crashes)
        assert listed.returncode == 1
        assert f"crashed ({crashes} restarts)" in listed.stdout
        assert "the server ended with exit code 3" in listed.stdout


def test_a_server_that_passes_its_memory_limit_is_told_with_its_line_and_started_again(project, starting):
    """K2: OOMKilled, restarted, and explained with the limit and the yaml line."""
    directory = project(plain(LIMIT))
    with starting(directory, "--port", "0") as run:
        run.wait_for_state("ready")
        ask(run.url("plain") + "eat")
        run.wait_for_output("error: plain: OOMKilled: the server exceeded its memory limit of 64 MiB, with GET /")
        run.wait_for_output(f"at {directory}/valohai.yaml:6:7\n")
        run.wait_for_output("raise resources.memory.max")
        assert run.wait_for_restart()["restarts"] == 1


def test_a_child_that_passes_the_limit_ends_the_whole_server(project, starting):
    """K2: production ends a container whose worker is killed for memory, also where its master would live on."""
    with starting(project(plain(LIMIT)), "--port", "0") as run:
        run.wait_for_state("ready")
        ask(run.url("plain") + "child")
        # It may name the request: that is answered if its server gets to see that the child was killed.
        run.wait_for_output("error: plain: OOMKilled: the server exceeded its memory limit of 64 MiB")
        assert run.wait_for_restart()["restarts"] == 1


def test_a_container_that_was_removed_by_hand_is_replaced(project, starting, engine):
    with starting(project(plain()), "--port", "0") as run:
        container = engine.containers.get(run.wait_for_state("ready")["container"])
        container.remove(force=True)
        assert run.wait_for_restart()["container"] != container.short_id
        run.wait_for_output("error: plain: ")
        assert requests.get(run.url("plain"), timeout=60).status_code == 200

"""Two Ctrl-C end a run, whatever it waits for; the first tells what that is, and nothing goes on after the second."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import psutil
import pytest
import requests

from tests.cli.projects import plain
from tests.cli.test_endings import NEVER_READY, STUBBORN, WAITS
from tests.command import COMMAND, SOON
from tests.engine_fixtures import containers_of
from tests.waiting import wait_for

PROCESSES = ("--runtime", "process")
AGAIN = "Press Ctrl-C again to stop now"


def stubborn() -> dict[str, str]:
    files = plain(**{"stubborn.py": STUBBORN})
    return {**files, "valohai.yaml": files["valohai.yaml"].replace("server.py", "stubborn.py")}


def told_nothing_bad(run) -> None:
    said = run.output()
    assert "Traceback" not in said, said
    assert "Exception" not in said, said


@pytest.fixture
def hanging():
    """The address of the real engine behind a relay, and the relay's process: it hangs once that is stopped."""
    with tempfile.TemporaryDirectory(prefix="vh-") as place:  # Short: a socket's path has a limit.
        path = Path(place, "engine.sock")
        relay = subprocess.Popen([sys.executable, str(Path(__file__).with_name("hanging.py")), str(path)])
        try:
            wait_for(Path(f"{path}.listens").exists, "the relay")
            yield f"unix://{path}", relay
        finally:
            relay.send_signal(signal.SIGCONT)
            relay.kill()
            relay.wait()


def interrupt_twice(run, waited: str) -> None:
    """Interrupt; once it is told what is waited for, interrupt again, and see that this is the end."""
    run.send(signal.SIGINT)
    run.wait_for_output(AGAIN)
    assert f"Waiting for {waited}" in run.output()
    run.send(signal.SIGINT)
    assert run.wait(SOON) == 0
    told_nothing_bad(run)


def removed(engine, directory) -> None:
    """Wait until the engine has done what it was asked to: an end at once gives it less than a second."""
    wait_for(lambda: containers_of(engine, directory) == [], "the containers to be removed")


def test_a_hung_engine_under_a_run_that_serves(project, starting, vhlocal, engine, hanging):
    address, relay = hanging
    directory = project(plain())
    with starting(directory, "--port", "0", environment={"DOCKER_HOST": address}) as run:
        run.wait_for_state("ready")
        relay.send_signal(signal.SIGSTOP)
        interrupt_twice(run, "plain to end (up to 30 s)")
        assert "the container of this run may still be there: " in run.output()
        assert f"`vhlocal down -C {directory}` removes it" in run.output()
        assert containers_of(engine, directory)
        down = vhlocal("down", "-C", str(directory))
        assert down.stdout == "Removed the container of plain, left by a killed run\n"
        assert containers_of(engine, directory) == []


def test_a_hung_engine_under_a_run_that_starts(project, starting, engine, hanging):
    address, relay = hanging
    directory = project(plain() | NEVER_READY)
    with starting(directory, "--port", "0", environment={"DOCKER_HOST": address}) as run:
        run.wait_for_output("plain | not yet")
        relay.send_signal(signal.SIGSTOP)
        interrupt_twice(run, "plain to end (up to 30 s)")


def test_an_engine_that_never_answers(project, starting):
    with tempfile.TemporaryDirectory(prefix="vh-") as place, socket.socket(socket.AF_UNIX) as silent:
        silent.bind(f"{place}/engine.sock")
        silent.listen()
        environment = {"DOCKER_HOST": f"unix://{place}/engine.sock"}
        with starting(project(plain()), "--port", "0", environment=environment) as run:
            with silent.accept()[0]:
                run.send(signal.SIGINT)
                assert run.wait(SOON) == 0
            told_nothing_bad(run)


@pytest.mark.parametrize("runtime", [(), PROCESSES], ids=["container", "process"])
def test_an_app_that_ignores_sigterm(project, starting, engine, runtime):
    directory = project(stubborn())
    with starting(directory, "--port", "0", *runtime) as run:
        run.wait_for_state("ready")
        below = psutil.Process(run.pid).children(recursive=True)
        interrupt_twice(run, "plain to end (up to 30 s)")
        removed(engine, directory)
        wait_for(lambda: not any(map(psutil.Process.is_running, below)), "the end of all processes")


@pytest.mark.parametrize("runtime", [(), PROCESSES], ids=["container", "process"])
def test_a_request_that_is_never_answered(project, starting, engine, runtime):
    directory = project(plain())
    with starting(directory, "--port", "0", *runtime) as run:
        run.wait_for_state("ready")
        url = run.url("plain") + "wait"

        def ask() -> None:
            with contextlib.suppress(requests.RequestException):
                requests.get(url, timeout=60)

        threading.Thread(target=ask, daemon=True).start()
        run.wait_for_output("a request waits")
        interrupt_twice(run, "plain (1 request in flight, up to 5 s)")
        removed(engine, directory)


def test_a_project_that_takes_for_ever_to_read(project, starting, vhlocal, tmp_path):
    """What git is asked is answered by nobody here: the project has not been read when the run is to end."""
    directory = project(plain())
    subprocess.run(["git", "init", "-q", str(directory)], check=True)
    tools = tmp_path / "slow"
    tools.mkdir()
    asked = tmp_path / "asked"
    os.mkfifo(asked)
    lists = f"case $* in *ls-files*) echo asked > {asked}; exec sleep 100;; esac"
    (tools / "git").write_text(f'#!/bin/sh\n{lists}\nexec {shutil.which("git")} "$@"\n')
    (tools / "git").chmod(0o755)
    path = f"{tools}:{vhlocal.environment['PATH']}"
    with starting(directory, "--port", "0", *PROCESSES, environment={"PATH": path}) as run:
        assert asked.read_text() == "asked\n"
        run.send(signal.SIGINT)
        assert run.wait(SOON) == 0
        told_nothing_bad(run)


@pytest.mark.parametrize("arguments", [("build",), ("up", "--port", "0", "--detach")], ids=["build", "detached"])
def test_other_commands_before_an_engine_that_hangs(project, vhlocal, hanging, tmp_path, arguments):
    """They end with 130, as interrupted; a run that was to go on in the background ends too."""
    address, relay = hanging
    directory = project(plain() | WAITS)
    log = tmp_path / "command.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*COMMAND, *arguments, "-C", str(directory)],
            env={**vhlocal.environment, "DOCKER_HOST": address},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        wait_for(lambda: "Processing ./waits" in log.read_text(), "the installation")
        below = psutil.Process(process.pid).children(recursive=True)
        relay.send_signal(signal.SIGSTOP)
        process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(1)
        process.send_signal(signal.SIGINT)
        assert process.wait(SOON) == 130
        assert "Traceback" not in log.read_text()
        wait_for(lambda: not any(map(psutil.Process.is_running, below)), "the end of all processes")
    finally:
        process.kill()
        relay.send_signal(signal.SIGCONT)
        vhlocal("down", "-C", str(directory))

"""A start's first server is begun ahead where the last start was the same, and only then; none is ever left."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from tests.engine.conftest import left_of
from tests.engine.servers import project_of
from tests.engine_fixtures import containers_of
from tests.waiting import free_port, wait_for

#: Variables that each server has of its own.
OWN = {"HOME", "HOSTNAME", "PWD", "SCRIPT_NAME", "VALOHAI_PORT", "VH_DEFAULT_PREFIX"}


def test_a_server_is_begun_ahead_where_all_is_as_it_was(project, process_run, vhlocal):
    directory = project(project_of("python server.py"))
    found: list[dict] = []

    def was_begun_ahead() -> bool:
        run = process_run(directory)
        (root,) = left_of(vhlocal)
        # A directory has the name of its run, but for one that was made before the run had a name.
        ahead = root.name.rpartition("-")[0] != vhlocal.record(directory).run
        assert not root.joinpath("valohai/runner/__pycache__").exists(), "the runner was compiled for this server alone"
        assert not root.joinpath("valohai/runner/serve_warm.gate").exists()
        found.append(requests.get(run.url("plain"), timeout=30).json())
        learnt = Path(vhlocal.environment["XDG_CACHE_HOME"], "vhlocal/imports")
        wait_for(lambda: list(learnt.glob("*.json")), "something to be learnt")
        run.stop()
        assert left_of(vhlocal) == []
        return ahead

    # The first learns what the others import beforehand.
    assert [was_begun_ahead() for _ in range(3)] == [False, False, True]
    usual, ahead = (each["environment"] for each in found[1:])
    assert {name: ahead[name] for name in ahead.keys() - OWN} == {name: usual[name] for name in usual.keys() - OWN}
    assert {name: len(ahead[name].split("/")) for name in OWN} == {name: len(usual[name].split("/")) for name in OWN}
    assert ahead["VH_DEFAULT_PREFIX"] in found[-1]["path"]

    server = directory / "server.py"
    server.write_text(server.read_text().replace('"path": self.path', '"path": "edited"'))
    assert not was_begun_ahead()
    assert found[-1]["path"] == "edited"

    # Begun ahead, for a run that cannot be.
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = vhlocal("up", "-C", str(directory), "--port", str(taken.getsockname()[1]))
    assert done.returncode == 2, done.stderr
    assert left_of(vhlocal) == []


@pytest.fixture
def started(running, vhlocal, engine):
    """Start a project in a container, ask its server, and tell whether that was begun ahead; and what it answered."""

    def start(directory: Path) -> tuple[bool, dict]:
        with running(directory) as run:
            (name,) = containers_of(engine, directory)
            placed = engine.containers.get(name).exec_run(["ls", "/valohai/runner"]).output.decode().split()
            answer = requests.get(run.url("plain"), timeout=30).json()
            learnt = Path(vhlocal.environment["XDG_CACHE_HOME"], "vhlocal/imports")
            wait_for(lambda: list(learnt.glob("*.json")), "something to be learnt")
            return "serve_warm.open" in placed, answer

    return start


def test_a_container_is_begun_ahead_where_all_is_as_it_was(project, started, running, vhlocal, engine):
    directory = project(project_of("python server.py"))
    found = [started(directory) for _ in range(3)]
    assert [ahead for ahead, _ in found] == [False, False, True]
    usual, ahead = (answer["environment"] for _, answer in found[1:])
    assert ahead.keys() == usual.keys()
    assert {name for name in ahead if ahead[name] != usual[name]} <= {"HOSTNAME", "SCRIPT_NAME", "VH_DEFAULT_PREFIX"}
    assert ahead["VH_DEFAULT_PREFIX"] in found[-1][1]["path"]

    # Begun ahead, for a run that cannot be.
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = vhlocal("up", "-C", str(directory), "--port", str(taken.getsockname()[1]))
    assert done.returncode == 2, done.stderr
    assert containers_of(engine, directory) == []

    # Nothing is begun for a project that is served.
    with running(directory):
        (serving,) = containers_of(engine, directory)
        done = vhlocal("up", "-C", str(directory), "--port", str(free_port()))
        assert "this project is already being served" in done.stderr
        assert containers_of(engine, directory) == [serving]

    server = directory / "server.py"
    server.write_text(server.read_text().replace('"path": self.path', '"path": "edited"'))
    was_ahead, answer = started(directory)
    assert (was_ahead, answer["path"]) == (False, "edited")


def test_the_metadata_of_a_container_that_was_begun_ahead_is_this_starts_own(project, started, engine):
    files = project_of("python server.py")
    files["server.py"] = files["server.py"].replace(
        '"arguments": sys.argv[1:],', '"made": open("/valohai/valohai-metadata.json").read(),'
    )
    directory = project(files)
    found = [started(directory) for _ in range(3)]
    assert found[-1][0]
    times = [json.loads(answer["made"])["meta"]["ctime"] for _, answer in found]
    assert times == sorted(set(times)), times


@pytest.mark.parametrize("changed", ["valohai.yaml", "another.py", "requirements.txt"])
def test_a_container_that_was_begun_ahead_is_left_where_the_project_has_changed(project, started, changed):
    directory = project(project_of("python server.py"))
    assert [started(directory)[0] for _ in range(2)] == [False, False]
    if changed == "valohai.yaml":
        text = (directory / changed).read_text()
        (directory / changed).write_text(text + "    resources:\n      memory:\n        max: 512\n")
    else:
        (directory / changed).write_text("# nothing\n")
    assert not started(directory)[0]
    # What is new to an environment has to be learnt first.
    assert [started(directory)[0] for _ in range(2)] == [changed != "requirements.txt", True]


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_nothing_is_left_of_a_container_that_was_begun_ahead_for_a_start_that_is_ended(
    project, started, vhlocal, engine, how
):
    directory = project(project_of("python server.py"))
    assert [started(directory)[0] for _ in range(2)] == [False, False]
    command = [sys.executable, "-m", "vhlocal", "up", "-C", str(directory), "--port", str(free_port())]
    with subprocess.Popen(command, env=vhlocal.environment, stdout=subprocess.DEVNULL) as process:
        wait_for(lambda: containers_of(engine, directory), "a container to be begun")
        os.kill(process.pid, how)
    if how == signal.SIGKILL:
        assert vhlocal("down", "-C", str(directory)).returncode == 0
    wait_for(lambda: not containers_of(engine, directory), "nothing to be left")


def test_a_signal_that_comes_before_the_session_hears_it_is_the_exit_code(vhlocal):
    """It was 0 while the command line ran already, as if the run had been stopped in order."""
    script = (
        "import signal\n"
        "from vhlocal.cli import main as run\n"
        "from vhlocal.cli.main import cli\n"
        "from vhlocal.signals import ended_as_by_an_interrupt\n"
        "cli.main = lambda **_: signal.raise_signal(signal.SIGTERM)\n"
        "with ended_as_by_an_interrupt():\n"
        "    run()\n"
    )
    assert subprocess.run([sys.executable, "-c", script], env=vhlocal.environment, check=False).returncode == 143

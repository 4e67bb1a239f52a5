"""However a run is ended, and whenever, nothing of it is left; while it serves, requests in flight are answered."""

from __future__ import annotations

import concurrent.futures
import contextlib
import os
import signal
import socket
from pathlib import Path

import pytest
import requests

from tests.cli.projects import plain
from tests.command import SOON
from tests.engine_fixtures import containers_of
from tests.waiting import wait_for

STUBBORN = (
    "import signal\n"
    "for number in (signal.SIGTERM, signal.SIGINT):\n"
    "    signal.signal(number, signal.SIG_IGN)\n"
    "import runpy\n"
    "runpy.run_path('server.py', run_name='__main__')\n"
)
WAITS = {"requirements.txt": "./waits\n", "waits/setup.py": "import time\ntime.sleep(600)\n"}
NEVER_READY = {"server.py": "import time\nprint('not yet', flush=True)\ntime.sleep(600)\n"}


def gone(engine, directory, process) -> None:
    """See that nothing is left of a run that has ended."""
    assert containers_of(engine, directory) == [], process.output()
    unbroken(process)


def gone_soon(engine, directory, process) -> None:
    """Wait until nothing is left of a run that has ended at once: its engine gets less than a second for that."""
    wait_for(lambda: containers_of(engine, directory) == [], f"nothing to be left:\n{process.output()}")
    unbroken(process)


def unbroken(process) -> None:
    """See that no traceback was printed."""
    assert not any(line.startswith(("Traceback", "Exception")) for line in process.output().splitlines()), (
        process.output()
    )


@pytest.mark.parametrize(
    ("number", "words"),
    [(signal.SIGINT, "Ctrl-C"), (signal.SIGTERM, "SIGTERM"), (signal.SIGHUP, "the terminal was closed")],
)
def test_a_signal_ends_a_run_that_serves(project, starting, vhlocal, engine, number, words):
    directory = project(plain())
    with starting(directory, "--port", "0") as run:
        run.wait_for_state("ready")
        run.send(number)
        assert run.wait() == 0
        gone(engine, directory, run)
        assert f"Stopping ({words})\n" in run.output()
    assert vhlocal("ps", "-C", str(directory)).returncode == 2


def test_a_request_in_flight_is_answered_before_the_end(project, starting, engine):
    directory = project(plain())
    with starting(directory, "--port", "0", "--no-reload") as run, concurrent.futures.ThreadPoolExecutor(1) as pool:
        run.wait_for_state("ready")
        waiting = pool.submit(requests.get, run.url("plain") + "wait", timeout=60)
        run.wait_for_output("a request waits")
        run.send(signal.SIGINT)
        run.wait_for_output("Stopping (Ctrl-C)")
        container = engine.containers.get(containers_of(engine, directory)[0])
        container.exec_run(["touch", "go"])
        assert waiting.result().text == "waited"
        assert run.wait() == 0
        gone(engine, directory, run)


def test_a_second_interrupt_ends_a_stubborn_server_at_once(project, starting, engine):
    directory = project(plain(**{"stubborn.py": STUBBORN}))
    (directory / "valohai.yaml").write_text(plain()["valohai.yaml"].replace("server.py", "stubborn.py"))
    with starting(directory, "--port", "0") as run:
        run.wait_for_state("ready")
        run.send(signal.SIGINT)
        run.wait_for_output("Stopping (Ctrl-C)")
        run.send(signal.SIGINT)
        run.wait(SOON)
        gone_soon(engine, directory, run)


@pytest.mark.parametrize("count", [1, 2])
def test_an_interrupt_while_requirements_are_installed(project, starting, engine, count):
    directory = project(plain() | WAITS)
    with starting(directory, "--port", "0") as run:
        run.wait_for_output("Processing ./waits")
        for _ in range(count):
            run.send(signal.SIGINT)
        assert run.wait() == 0
        gone_soon(engine, directory, run)


def test_an_interrupt_while_a_server_starts(project, starting, engine):
    directory = project(plain() | NEVER_READY)
    with starting(directory, "--port", "0") as run:
        run.wait_for_output("plain | not yet")
        run.send(signal.SIGINT)
        assert run.wait() == 0
        gone(engine, directory, run)


def test_an_interrupt_while_an_image_is_pulled(project, starting, engine):
    """The registry here accepts and says nothing: the pull would never end."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        image = f"127.0.0.1:{silent.getsockname()[1]}/vhlocal-tests/silent:1"
        directory = project(plain())
        with starting(directory, "--port", "0", "--image", f"plain={image}") as run:
            run.wait_for_output(f"build: pull {image} for plain")
            with silent.accept()[0]:
                run.send(signal.SIGINT)
                assert run.wait() == 0
            gone(engine, directory, run)


@pytest.fixture
def kill_and_leave(starting, engine):
    """Kill a run while it serves, without a chance to clean up, and return the containers that it left."""
    with contextlib.ExitStack() as until_the_end:

        def kill(directory):
            run = until_the_end.enter_context(starting(directory, "--port", "0"))
            run.wait_for_state("ready")
            os.kill(run.pid, signal.SIGKILL)
            assert run.wait() == -signal.SIGKILL
            return containers_of(engine, directory)

        yield kill


def test_the_next_run_removes_what_a_killed_one_left(project, starting, engine, kill_and_leave):
    directory = project(plain())
    left = kill_and_leave(directory)
    with starting(directory, "--port", "0") as run:
        run.wait_for_state("ready")
        run.wait_for_output("note: removed the container of plain, left by a run that was killed\n")
        assert not set(left).intersection(containers_of(engine, directory))
        assert requests.get(run.url("plain"), timeout=60).status_code == 200


def test_down_removes_what_a_killed_run_left(project, vhlocal, engine, kill_and_leave):
    directory = project(plain())
    assert kill_and_leave(directory)
    done = vhlocal("down", "-C", str(directory))
    assert (done.returncode, done.stdout) == (0, "Removed the container of plain, left by a killed run\n")
    assert containers_of(engine, directory) == []


def test_ps_after_a_killed_run_says_that_nothing_runs(project, vhlocal, engine, kill_and_leave):
    directory = project(plain())
    assert kill_and_leave(directory)
    done = vhlocal("ps", "-C", str(directory))
    assert done.returncode == 2
    assert "nothing is running" in done.stderr


def test_a_second_run_of_the_same_project_is_refused_and_leaves_the_first_alone(project, starting, vhlocal):
    directory = project(plain())
    with starting(directory, "--port", "0") as run:
        run.wait_for_state("ready")
        url = run.url("plain")
        second = vhlocal("up", "-C", str(directory), "--port", "0")
        assert second.returncode == 2
        assert f"this project is already being served at http://{url.split('/')[2]}\n" in second.stderr
        assert f"stop it with `vhlocal down -C {directory}`" in second.stderr
        assert requests.get(url, timeout=60).status_code == 200


def test_down_ends_a_detached_run_and_leaves_nothing(project, vhlocal, engine):
    directory = project(plain())
    up = vhlocal("up", "-C", str(directory), "--port", "0", "--detach")
    try:
        assert up.returncode == 0, up.stdout + up.stderr
        assert "Running in the background (process " in up.stdout
        assert "plain: ready" in up.stdout
        process = Path("/proc") / up.stdout.partition("(process ")[2].partition(")")[0]
        url = vhlocal.endpoints(directory)["plain"]["urls"][0] + "/"
        assert requests.get(url, timeout=60).status_code == 200
        assert "GET " in vhlocal("logs", "-C", str(directory), "plain").stdout
    finally:
        down = vhlocal("down", "-C", str(directory))
    assert down.returncode == 0
    assert f"Stopped the run at {url.split('/')[0]}//{url.split('/')[2]}\n" in down.stdout
    assert containers_of(engine, directory) == []
    wait_for(lambda: not process.exists() or "zombie" in (process / "status").read_text(), "the detached run's end")
    assert vhlocal("ps", "-C", str(directory)).returncode == 2

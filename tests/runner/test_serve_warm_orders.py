"""Every order to the warm master ends in one server, whoever of those that were to take it has died."""

import contextlib
import os

import psutil
import pytest

from tests.runner.stacks import OLDEST, USUAL, python_of
from tests.runner.warm import warm
from tests.waiting import wait_for

SERVER = """\
import http.server, json, os
import library, loader, own


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        facts = {"text": own.TEXT, "pid": os.getpid(), "library": library.PID, "model": loader.load()}
        body = json.dumps(facts).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


http.server.HTTPServer(("0.0.0.0", int(os.environ["VALOHAI_PORT"])), Handler).serve_forever()
"""
FILES = {
    "server.py": SERVER,
    "own.py": "TEXT = 'one'\n",
    "loader.py": "import os\n\n\ndef load():\n    return os.getpid()\n",
}


@contextlib.contextmanager
def started(runner, place, stack=USUAL, files=None, **settings):
    python = python_of(stack)
    command = ["command", str(python), "server.py"]
    libraries = {"library.py": "import os\nPID = os.getpid()\n"}
    with warm(runner, place, command, python, {**FILES, **(files or {})}, libraries, **settings) as it:
        yield it


def forks(it) -> list[psutil.Process]:
    """Return the servers and whoever waits to become one: each leads a group of its own."""
    children = psutil.Process(it.server.process.pid).children()
    return [child for child in children if os.getpgid(child.pid) == child.pid]


def master(it) -> psutil.Process:
    children = psutil.Process(it.server.process.pid).children()
    return next(child for child in children if os.getpgid(child.pid) != child.pid)


def spare(it, servers: set[int]) -> psutil.Process:
    """Return who waits for an order, once there is one."""
    return wait_for(lambda: next((each for each in forks(it) if each.pid not in servers), None), "a spare")


@pytest.mark.parametrize("stack", [OLDEST, USUAL], ids=str)
def test_a_server_that_waited_and_has_died_is_forked_again(runner, tmp_path, stack):
    with started(runner, tmp_path, stack) as it:
        servers = {it.get(1).json()["pid"]}
        it.warm_up()
        for text in ("two", "three"):
            waiting = spare(it, servers)
            waiting.kill()
            waiting.wait(30)
            it.save("own.py", f"TEXT = '{text}'\n")
            answer = it.next().json()
            assert answer["text"] == text
            assert answer["pid"] != waiting.pid
            servers.add(answer["pid"])


def test_a_server_that_waits_and_hangs_does_not_outlive_its_order(runner, tmp_path):
    """It is stopped as it takes the order: what was begun then is one server, and no second."""
    with started(runner, tmp_path) as it:
        servers = {it.get(1).json()["pid"]}
        it.warm_up()
        waiting = spare(it, servers)
        waiting.suspend()
        number = it.fork()
        waiting.kill()
        answer = it.get(number).json()
        assert answer["pid"] != waiting.pid
        assert len([each for each in forks(it) if each.pid == answer["pid"]]) == 1


def test_a_process_that_keeps_what_was_loaded_and_has_died_is_made_again(runner, tmp_path):
    with started(runner, tmp_path, keep=["loader:load"]) as it:
        it.control.event("kept")
        it.warm_up()
        first = it.next().json()
        (deputy,) = master(it).children()
        assert first["model"] == deputy.pid
        deputy.kill()
        it.control.event("warm")
        second = it.next().json()
        assert second["model"] not in (first["model"], second["pid"])
        assert it.get(2).json() == first, "who serves is left alone, and not begun once more"
        servers = {it.get(number).json()["pid"] for number in (1, 2, 3)}
        assert {each.pid for each in forks(it)} - {spare(it, servers).pid} == servers


def test_a_loader_that_ends_the_process_is_told_and_left_to_the_servers(runner, tmp_path):
    """Whether it is loaded or not, the server is there."""
    loader = """\
import os, sys


def load():
    if "serve_warm_child" in sys.modules and sys.modules["serve_warm_child"].current is None:
        os.abort()
    return os.getpid()
"""
    with started(runner, tmp_path, files={"loader.py": loader}, keep=["loader:load"]) as it:
        assert it.control.event("unkept")["why"] == "it ends the process that loads it"
        answer = it.get(1).json()
        assert answer["model"] == answer["pid"]

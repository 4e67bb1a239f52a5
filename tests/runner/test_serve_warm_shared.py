"""What libraries make when they are imported is each server's own, whoever has imported them."""

import contextlib

import pytest

from tests.runner.stacks import OLDEST, USUAL, Stack, python_of
from tests.runner.warm import warm

NUMPY = Stack("py3.11-numpy", "3.11", ("gunicorn>=27", "numpy"))

APP = """\
import json, os
import library


def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps({"said": library.say(), "pid": library.PID}).encode()]
"""
PID = "import os\nPID = os.getpid()\n"


@contextlib.contextmanager
def started(runner, place, library, stack=USUAL, files=None, **settings):
    with warm(
        runner,
        place,
        ["wsgi", "server:app"],
        python_of(stack),
        {"server.py": APP, **(files or {})},
        {"library.py": PID + library},
        **settings,
    ) as it:
        yield it


#: What cannot be shared, and how it is told.
HELD = {
    "socket": ("import socket\nHELD = socket.socket()\n", "leaves a socket open"),
    "unix": ("import socket\nHELD = socket.socketpair()\n", "leaves a socket open"),
    "pipe": ("HELD = os.pipe()\n", "leaves a pipe open"),
    "loop": ("import asyncio\nHELD = asyncio.new_event_loop()\n", "open when it is imported"),
    "file": ("HELD = open(os.path.expanduser('~/some.log'), 'a')\n", "some.log open"),
    "data": ("HELD = open(__file__)\n", "library.py open"),
    "database": ("import sqlite3\nHELD = sqlite3.connect(os.path.expanduser('~/some.db'))\n", "some.db open"),
    "process": ("import subprocess\nHELD = subprocess.Popen(['sleep', '600'])\n", "starts a process"),
    "lock": ("import multiprocessing\nHELD = multiprocessing.get_context('fork').Lock()\n", "memory or a lock"),
    "memory": ("import mmap\nHELD = mmap.mmap(-1, 4096)\n", "memory or a lock"),
    "seed": ("import random\nrandom.seed(1)\n", "seeds or uses"),
}


@pytest.mark.parametrize("held", HELD)
def test_a_library_that_holds_what_forks_would_share_is_left_to_the_servers(runner, tmp_path, held):
    library, why = HELD[held]
    with started(runner, tmp_path, library + "\n\ndef say():\n    return ''\n") as it:
        assert why in it.warm_up()["denied"]["library"]
        assert it.next().json()["pid"] != it.next().json()["pid"]


def test_a_seed_that_a_library_has_chosen_holds(runner, tmp_path):
    """As in production: a server's first number is always the same then."""
    library = "import random\nrandom.seed(1)\n\n\ndef say():\n    return random.random()\n"
    with started(runner, tmp_path, library) as it:
        first = it.get(1).json()["said"]
        it.warm_up()
        assert it.next().json()["said"] == first


def test_what_was_opened_and_closed_again_is_no_reason(runner, tmp_path):
    library = """
import socket, tempfile, threading


class Ring:
    def __init__(self):
        self.file, self.ring = open(__file__), self


Ring()
socket.socket().close()
tempfile.TemporaryFile().close()


def say():
    return ""
"""
    with started(runner, tmp_path, library) as it:
        assert it.warm_up()["denied"] == {}
        assert it.next().json()["pid"] == it.next().json()["pid"]


BY_CHANCE = {
    "own": "GENERATOR = random.Random()\n\n\ndef say():\n    return GENERATOR.random()\n",
    "anew": "GENERATOR = random.Random(1)\nGENERATOR.seed()\n\n\ndef say():\n    return GENERATOR.random()\n",
    "everybodys": "def say():\n    return random.random()\n",
}


@pytest.mark.parametrize("stack", [OLDEST, USUAL], ids=str)
@pytest.mark.parametrize("kind", BY_CHANCE)
def test_no_server_repeats_the_random_numbers_of_another(runner, tmp_path, stack, kind):
    with started(runner, tmp_path, "import random\n" + BY_CHANCE[kind], stack) as it:
        it.warm_up()
        first, second = it.next().json(), it.next().json()
        assert first["pid"] == second["pid"], "it was imported once"
        assert first["said"] != second["said"]


def many(*generators):
    """Return a library that has these generators, and says a number of each."""
    begin = f"import random\nimport numpy.random\nGENERATORS = [{', '.join(generators)}]\n\n\n"
    return begin + "def say():\n    return [getattr(each, 'normal', each.random)() for each in GENERATORS]\n"


def test_no_server_repeats_numpys_random_numbers(runner, tmp_path):
    kinds = ["default_rng()", "Generator(numpy.random.SFC64())", "RandomState()", "mtrand._rand"]
    with started(runner, tmp_path, many(*(f"numpy.random.{kind}" for kind in kinds)), NUMPY) as it:
        it.warm_up()
        first, second = it.next().json(), it.next().json()
        assert first["pid"] == second["pid"], "it was imported once"
        same = [kind for kind, one, two in zip(kinds, first["said"], second["said"], strict=True) if one == two]
        assert same == []


def test_generators_with_a_chosen_seed_are_left_as_they_are(runner, tmp_path):
    library = many("random.Random(1)", "numpy.random.default_rng(1)", "numpy.random.RandomState(1)")
    with started(runner, tmp_path, library, NUMPY) as it:
        first = it.get(1).json()
        it.warm_up()
        second, third = it.next().json(), it.next().json()
        assert first["pid"] != second["pid"] == third["pid"]
        assert first["said"] == second["said"] == third["said"]


def test_a_loader_that_holds_a_connection_is_left_to_the_servers(runner, tmp_path):
    loader = "import socket\n\n\ndef load():\n    return socket.socket()\n"
    files = {"loader.py": loader}
    with started(runner, tmp_path, "def say():\n    return ''\n", files=files, keep=["loader:load"]) as it:
        assert "holds a connection" in it.control.event("unkept")["why"]
        assert it.get(1).status == 200

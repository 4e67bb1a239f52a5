"""What is found out of an engine's address before the SDK is imported."""

import contextlib
import errno
import socket
import subprocess
import sys

import pytest

from vhlocal.errors import EngineError
from vhlocal.runtime.docker.address import check_address, check_socket, knock
from vhlocal.runtime.docker.failures import no_answer


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A directory whose sockets have short names."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def told(host):
    with pytest.raises(EngineError) as caught:
        check_socket({"DOCKER_HOST": host})
    return caught.value


def test_where_nobody_listens_the_address_is_what_is_to_be_corrected(place):
    error = told("unix:///nonexistent/docker.sock")
    assert error.message == (
        "no Docker engine answers at unix:///nonexistent/docker.sock (DOCKER_HOST): there is no such socket"
    )
    assert error.hint == ("correct DOCKER_HOST, or unset it to use Docker's usual socket, or start the engine there")
    (place / "file").write_text("")
    assert told(f"unix://{place}/file/engine.sock").message.endswith("(DOCKER_HOST): there is no such socket")
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as left:
        left.bind("left.sock")
    assert told(f"unix://{place}/left.sock").message.endswith("left.sock (DOCKER_HOST): nothing listens there")


def test_an_address_without_a_path_is_told(place):
    assert told("unix://").message == "DOCKER_HOST is not a container engine's address: unix://: its path is missing"


@pytest.mark.parametrize(
    ("setting", "error", "why", "hint"),
    [
        ("", FileNotFoundError(errno.ENOENT, "no"), "there is no such socket", "start it (Linux: `sudo systemctl"),
        ("", PermissionError(errno.EACCES, "no"), "your user may not use that socket", "add your user to the group"),
        ("DOCKER_HOST", PermissionError(errno.EACCES, "no"), "your user may not", "or get access to that socket"),
        (
            "the Docker context laptop",
            ConnectionRefusedError(errno.ECONNREFUSED, "no"),
            "nothing listens there",
            "choose another context (`docker context use default` has Docker's usual socket), or start the engine",
        ),
    ],
)
def test_the_remedy_is_that_of_what_gave_the_address_and_of_why_nobody_answers(setting, error, why, hint):
    """Not by a socket: root may use all of them."""
    wrapped = RuntimeError("Error while fetching server API version")
    wrapped.__context__ = error
    failure = no_answer("unix:///run/engine.sock", wrapped, setting)
    named = f" ({setting})" if setting else ""
    assert failure.message.startswith(f"no Docker engine answers at unix:///run/engine.sock{named}: {why}")
    assert hint in (failure.hint or "")
    assert ("systemctl" in (failure.hint or "")) == (setting == "" and isinstance(error, FileNotFoundError))


@pytest.mark.parametrize(
    ("setting", "back"),
    [("DOCKER_HOST", "(unset DOCKER_HOST)"), ("the Docker context cloud", "(`docker context use default`)")],
)
def test_an_engine_elsewhere_is_left_by_changing_what_named_it(setting, back):
    with pytest.raises(EngineError) as caught:
        check_address("ssh://me@elsewhere.invalid", setting)
    assert (caught.value.hint or "").endswith(f"use a local engine {back}")


def test_what_is_no_socket_is_told(place):
    (place / "file").write_text("")
    assert "is not a container engine's address" in told(f"unix://{place}/file").message


def test_somebody_who_listens_is_for_the_sdk_to_ask(place):
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as listening:
        listening.bind("engine.sock")
        listening.listen()
        check_socket({"DOCKER_HOST": f"unix://{place}/engine.sock"})
        assert knock("engine.sock") is None


@pytest.mark.parametrize("environ", [{}, {"DOCKER_HOST": ""}, {"DOCKER_HOST": "tcp://127.0.0.1:1"}])
def test_what_is_no_socket_s_address_is_for_the_sdk_to_try(environ):
    check_socket(environ)


def test_without_an_engine_the_sdk_is_not_imported():
    code = """
import os, sys
from pathlib import Path
from vhlocal.runtime.connect import connector
os.environ["DOCKER_HOST"] = "unix:///nonexistent/docker.sock"
made = connector("auto", Path("/nonexistent"), strict=False)("a run")
print([notice.text for notice in made.notices], "docker" in sys.modules, "requests" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "there is no such socket: endpoints run as processes" in done.stdout
    assert done.stdout.endswith("False False\n"), done.stdout

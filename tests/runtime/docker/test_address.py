"""What is found out of an engine's address before the SDK is imported."""

import contextlib
import socket
import subprocess
import sys

import pytest

from vhlocal.errors import EngineError
from vhlocal.runtime.docker.address import check_socket, knock


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A directory whose sockets have short names."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def told(host):
    with pytest.raises(EngineError) as caught:
        check_socket({"DOCKER_HOST": host})
    return caught.value


def test_where_nobody_listens_is_told_with_how_to_start_an_engine(place):
    error = told("unix:///nonexistent/docker.sock")
    assert error.message == "no Docker engine answers at unix:///nonexistent/docker.sock: nothing listens there"
    assert "sudo systemctl start docker" in (error.hint or "")
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as left:
        left.bind("left.sock")
    assert told(f"unix://{place}/left.sock").message.endswith("left.sock: nothing listens there")


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
    assert "nothing listens there: endpoints run as processes" in done.stdout
    assert done.stdout.endswith("False False\n"), done.stdout

"""What the engine cannot do is told with its own words, the failing step and the remedy, and nothing is left."""

from __future__ import annotations

import http.server
import io
import json
import threading

import pytest

from tests.cli.failing import has_traceback
from tests.cli.projects import plain
from tests.waiting import free_port

PIP_FAILS = {"requirements-deployment.txt": "./broken\n", "broken/setup.py": "raise SystemExit('no wheel today')\n"}


NO_ENGINE = {"DOCKER_HOST": "unix:///nonexistent.sock", "VHLOCAL_RUNTIME": "docker"}


@pytest.mark.parametrize("command", ["up", "build", "prune"])
def test_no_engine_at_a_given_address_is_told_with_what_gave_it(project, failing, command):
    said = failing(project(plain()), command=command, code=3, environment=NO_ENGINE)
    assert "no Docker engine answers at unix:///nonexistent.sock (DOCKER_HOST): there is no such socket\n" in said
    assert "hint: correct DOCKER_HOST, or unset it to use Docker's usual socket, or start the engine" in said
    assert "systemctl" not in said


def test_who_answers_in_an_engines_place_is_told_in_one_line(project, failing):
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"tcp://127.0.0.1:{server.server_port}"
        said = failing(project(plain()), code=3, environment={"DOCKER_HOST": address, "VHLOCAL_RUNTIME": "docker"})
        server.shutdown()
    assert f"no Docker engine answers at {address} (DOCKER_HOST): 501 Server Error" in said
    assert "<html" not in said


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("foo", "its port is missing"),
        ("tcp://", "a host and a port are missing"),
        ("tcp://localhost:99999", "Port out of range 0-65535"),
        ("tcp://[::1", "Invalid IPv6 URL"),
        ("npipe:////./pipe/docker_engine", "named pipes exist only on Windows"),
        ("/var/run/docker.sock", "did you mean unix:///var/run/docker.sock?"),
        ("unix:///etc/passwd", "that is not a socket"),
        ("gopher://x", "gopher:// is not supported"),
    ],
)
@pytest.mark.parametrize("runtime", ["auto", "docker"])
def test_an_engine_address_that_is_none_is_told_and_nothing_taken_in_its_place(project, failing, address, why, runtime):
    said = failing(project(plain()), code=3, environment={"DOCKER_HOST": address, "VHLOCAL_RUNTIME": runtime})
    assert f"DOCKER_HOST is not a container engine's address: {address}: {why}\n" in said
    assert "an address is unix:///path/of/the/socket or tcp://127.0.0.1:PORT" in said


@pytest.mark.parametrize("address", ["ssh://me@elsewhere.invalid", "tcp://192.0.2.1:2375"])
def test_an_engine_elsewhere_is_told_before_anybody_connects_to_it(project, failing, address):
    said = failing(project(plain()), code=3, environment={"DOCKER_HOST": address, "VHLOCAL_RUNTIME": "docker"})
    assert f"the container engine at {address} (DOCKER_HOST) is on another machine" in said
    assert "use a local engine (unset DOCKER_HOST)" in said


def test_a_docker_context_that_there_is_not_is_told(project, failing, tmp_path):
    environment = {"DOCKER_CONTEXT": "gone", "DOCKER_HOST": "", "DOCKER_CONFIG": str(tmp_path)}
    said = failing(project(plain()), code=3, environment=environment)
    assert "there is no Docker context gone" in said
    assert "`docker context ls`" in said


@pytest.mark.parametrize("installed", [False, True])
@pytest.mark.parametrize("key", ["credsStore", "credHelpers"])
def test_a_credential_helper_of_which_nothing_can_be_had_is_named(project, failing, vhlocal, tmp_path, key, installed):
    registry = f"127.0.0.1:{free_port()}"
    image = f"{registry}/vhlocal-tests/none:1"
    config = tmp_path / "docker" / "config.json"
    config.parent.mkdir()
    config.write_text(json.dumps({key: "vhtest" if key == "credsStore" else {registry: "vhtest"}}))
    environment = {"DOCKER_CONFIG": str(config.parent)}
    if installed:
        helper = tmp_path / "bin" / "docker-credential-vhtest"
        helper.parent.mkdir()
        helper.write_text("#!/bin/sh\necho the keychain is locked\nexit 1\n")
        helper.chmod(0o755)
        environment["PATH"] = f"{helper.parent}:{vhlocal.environment['PATH']}"
    said = failing(project(plain()), "--image", f"plain={image}", code=4, environment=environment)
    why = "has failed: " if installed else "is not installed\n"
    assert f"cannot be pulled: the credential helper docker-credential-vhtest {why}" in said
    assert f"at {config}\n" in said
    assert "remove `credsStore` and `credHelpers` from this file" in said
    assert ("the keychain is locked" in said) == installed
    assert "Warning" not in said


def test_down_needs_no_engine_where_no_container_can_be_left(project, vhlocal):
    done = vhlocal("down", "-C", str(project(plain())), environment=NO_ENGINE)
    assert (done.returncode, done.stdout) == (0, "Nothing is running\n")


def test_an_image_that_cannot_be_pulled_is_named_with_what_to_do(project, failing):
    image = f"127.0.0.1:{free_port()}/nowhere:1"
    directory = project(plain() | {"valohai.yaml": plain()["valohai.yaml"].replace("python:3.11-slim", image)})
    said = failing(directory, code=4)
    assert f"pull {image} failed" in said
    assert f"at {directory}/valohai.yaml:3:5\n" in said
    assert f"the image {image} is not on this machine and cannot be pulled: " in said
    assert "connection refused" in said
    assert "`docker login`" in said
    assert "--image ENDPOINT=IMAGE" in said


def test_an_image_that_no_registry_has_is_named(project, failing, registry):
    image = f"{registry.address}/vhlocal-tests/none:1"
    said = failing(project(plain()), "--image", f"plain={image}", code=4)
    assert f"the image {image} is not on this machine and cannot be pulled: " in said
    assert "not found" in said or "manifest unknown" in said


def test_a_name_that_cannot_be_an_images_is_told_with_its_line(project, failing):
    directory = project(plain() | {"valohai.yaml": plain()["valohai.yaml"].replace("python:3.11-slim", "Not An Image")})
    said = failing(directory, code=4)
    assert "the image Not An Image is not on this machine and cannot be pulled: invalid reference format" in said
    assert f"at {directory}/valohai.yaml:3:5\n" in said


@pytest.mark.parametrize("command", ["up", "build"])
def test_a_failing_pip_install_is_named_and_shown_whole(project, failing, command):
    """B2: the requirements are installed as production does it."""
    directory = project(plain() | PIP_FAILS)
    said = failing(directory, command=command, code=4)
    assert f"at {directory}/requirements-deployment.txt\n" in said
    assert "build: requirements-deployment.txt failed" in said
    assert "no wheel today" in said
    assert "error: requirements-deployment.txt failed: error: " in said
    assert "the command was `pip install --user -r requirements-deployment.txt`, run in python:3.11-slim" in said


def test_a_requirement_that_does_not_exist_is_named(project, failing):
    directory = project(plain() | {"requirements.txt": "no-such-distribution-of-vhlocal\n"})
    said = failing(directory, code=4, environment={"PIP_NO_INDEX": "1"})
    assert "No matching distribution found for no-such-distribution-of-vhlocal" in said
    assert "requirements.txt failed" in said


def test_an_image_without_a_shell_is_told(project, failing, engine):
    """R2: the server's command is run by a shell."""
    name = "vhlocal-tests/without-shell:1"
    empty = io.BytesIO(b"\0" * 10240)
    engine.api.import_image_from_data(empty.read(), repository="vhlocal-tests/without-shell", tag="1")
    try:
        said = failing(project(plain()), "--image", f"plain={name}", code=5)
        assert f"{name} has no `sh`" in said
        said = failing(project(plain() | PIP_FAILS), "--image", f"plain={name}", code=4)
        assert f"{name} has no `sh`" in said
    finally:
        engine.images.remove(name, force=True)


DEBUG = {
    "input": ({"valohai.yaml": "- endpoint: {}\n"}, {}, 2),
    "engine": ({}, NO_ENGINE, 3),
    "build": (PIP_FAILS, {}, 4),
    "server": ({"server.py": "raise SystemExit(7)\n"}, {}, 5),
}


@pytest.mark.parametrize("kind", DEBUG)
def test_debug_shows_the_traceback_and_nothing_else_does(project, vhlocal, engine, kind):
    files, environment, code = DEBUG[kind]
    directory = str(project(plain() | files))
    for arguments in ((), ("--debug",)):
        done = vhlocal("up", "-C", directory, "--port", str(free_port()), *arguments, environment=environment)
        assert done.returncode == code
        assert has_traceback(done.stdout + done.stderr) == bool(arguments)

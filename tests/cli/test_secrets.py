"""The password of a package index, of a build that is killed: it is on no disk, then or after the next command."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import signal
import socket
from pathlib import Path

import psutil
import pytest

from tests.cli.projects import plain
from tests.cli.test_endings import WAITS
from tests.engine_fixtures import containers_of
from tests.waiting import wait_for

CA = "-----BEGIN CERTIFICATE-----\n"


@pytest.fixture
def secret():
    return secrets.token_hex(12)


@pytest.fixture
def places(tmp_path, vhlocal):
    """Where vhlocal may write: an own directory for temporary files, and those for its state and caches."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    vhlocal.environment["TMPDIR"] = str(temporary)
    vhlocal.environment["XDG_CACHE_HOME"] = str(tmp_path / "own-cache")
    return [temporary, tmp_path / "own-cache", *(tmp_path / "xdg").iterdir()]


def holding(text: str, places) -> list[str]:
    """Return the files that hold a text."""
    found = []
    for place in places:
        for root, _, files in os.walk(place):
            for path in (Path(root, name) for name in files):
                with contextlib.suppress(FileNotFoundError):  # tools move their files as they work
                    if path.is_file() and text.encode() in path.read_bytes():
                        found.append(str(path))
    return found


def killed(run) -> None:
    """Kill a run in the midst of an installation, without a chance to clean up, and wait until its guards have gone."""
    below = psutil.Process(run.pid).children(recursive=True)
    os.kill(run.pid, signal.SIGKILL)
    run.wait()
    wait_for(lambda: not any(map(psutil.Process.is_running, below)), "the end of what it had started")


def test_a_killed_build_of_an_image_leaves_no_password(project, starting, vhlocal, engine, secret, places):
    directory = project(plain() | WAITS)
    index = {"PIP_EXTRA_INDEX_URL": f"https://user:{secret}@127.0.0.1:1/simple"}
    with starting(directory, "--port", "0", environment=index) as run:
        run.wait_for_output("Processing ./waits")
        killed(run)
        assert holding(secret, places) == []
        [left] = containers_of(engine, directory)
        assert secret not in json.dumps(engine.containers.get(left).attrs)
        done = vhlocal("down", "-C", str(directory))
        assert done.stdout == "Removed the container of a build, left by a killed run\n"
        assert containers_of(engine, directory) == []


@pytest.mark.parametrize("command", ["build", "prune"])
def test_the_next_command_removes_the_container_of_a_killed_build(project, starting, vhlocal, engine, command, places):
    directory = project(plain() | WAITS)
    with starting(directory, "--port", "0") as run:
        run.wait_for_output("Processing ./waits")
        killed(run)
        assert containers_of(engine, directory)
        (directory / "requirements.txt").unlink()
        done = vhlocal(command, "-C", str(directory))
        assert done.returncode == 0, done.stderr
        assert containers_of(engine, directory) == []


def test_a_killed_installation_leaves_no_password(project, starting, secret, places):
    """Here it stands in the requirements themselves, which are copied to where they are installed."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        index = f"--index-url http://user:{secret}@127.0.0.1:{silent.getsockname()[1]}/simple\n"
        files = plain() | {"requirements.txt": f"{index}flask\n"}
        with starting(project(files), "--port", "0", "--runtime", "process") as run:
            wait_for(lambda: holding(secret, places), "the requirements to be where they are installed")
            with silent.accept()[0]:
                killed(run)
    assert holding(secret, places) == []


def test_what_a_killed_making_has_left_is_removed_by_the_next_command(project, vhlocal, secret, places):
    """As it is left where the guard is killed too, or between two of them; and what earlier versions left of builds."""
    temporary, cache = places[:2]
    unfinished = cache / "vhlocal" / "environments" / "vhlocal-requirements-0123456789ab-01234567" / "code"
    earlier = temporary / "vhlocal-abcdefgh" / "settings"
    for file in (unfinished / "requirements.txt", earlier / "run.sh"):
        file.parent.mkdir(parents=True)
        file.write_text(f"https://user:{secret}@127.0.0.1:1/simple\n")
    done = vhlocal("down", "-C", str(project(plain())))
    assert done.returncode == 0, done.stderr
    assert holding(secret, places) == []
    assert not earlier.exists()


def test_the_certificates_of_this_machine_reach_the_installation(project, one_off, vhlocal, places, tmp_path):
    """They come in the container's memory; the installation sees the whole file, and the image nothing of it."""
    bundle = tmp_path / "bundle.pem"
    bundle.write_bytes("# Größe\n".encode() + CA.encode() * 6000)
    looks = (
        "import os, pathlib, sys\n"
        "bundle = pathlib.Path(os.environ['PIP_CERT'])\n"
        "print('bundle', bundle.read_bytes().count(b'BEGIN'), file=sys.stderr)\n"
        "sys.exit('seen')\n"
    )
    directory = project(plain() | one_off | {"local/setup.py": looks})
    done = vhlocal("build", "-C", str(directory), environment={"PIP_CERT": str(bundle)})
    assert done.returncode == 4
    assert "bundle 6000" in done.stderr, done.stderr

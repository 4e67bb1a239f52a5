"""A real engine whose disk is small: a daemon of its own, in namespaces of its own, with its data on a small tmpfs."""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import tarfile
from pathlib import Path

import docker
import pytest

from tests.waiting import wait_for

DISK = "48m"
TOO_MUCH = 96 * 1024 * 1024

YAML = """\
- endpoint:
    name: plain
    image: tiny:1
    server-command: sleep 1000
"""


def shell_image() -> bytes:
    """An image's tar with no more than this machine's ``sh`` and what that is linked to."""
    shell = Path(shutil.which("sh")).resolve()
    linked = subprocess.run(["ldd", str(shell)], capture_output=True, text=True, check=True).stdout
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        tar.add(shell, "bin/sh")
        for library in re.findall(r"(/\S+) \(", linked):
            tar.add(Path(library).resolve(), library.lstrip("/"))
    return packed.getvalue()


@pytest.fixture
def small_engine(tmp_path):
    """The address of the small engine, with the image ``tiny:1`` in it."""
    place = Path("/tmp") / f"vhlocal-small-{os.getpid()}"  # Short: a socket's path has a limit.
    (place / "data").mkdir(parents=True)
    address = f"unix://{place}/engine.sock"
    daemon = (
        f"mount -t tmpfs -o size={DISK} tmpfs {place}/data && exec dockerd --data-root {place}/data "
        f"--exec-root {place}/exec --pidfile {place}/engine.pid --host {address} "
        "--storage-driver vfs --iptables=false --ip-forward=false --ip-masq=false"
    )
    log = (tmp_path / "engine.log").open("wb")
    process = subprocess.Popen(
        # A network namespace too: a second daemon would take the first one's bridge away.
        ["unshare", "--net", "--mount", "sh", "-c", daemon],
        stdout=log,
        stderr=log,
    )
    try:

        def listens():
            said = (tmp_path / "engine.log").read_text()
            assert process.poll() is None, said[-2000:]
            return "API listen on" in said

        wait_for(listens, "the small engine to answer")
        client = docker.DockerClient(base_url=address)
        client.api.import_image_from_data(shell_image(), repository="tiny", tag="1")
        client.close()
        yield address
    finally:
        process.terminate()
        process.wait(30)
        log.close()
        shutil.rmtree(place, ignore_errors=True)


@pytest.mark.parametrize("command", ["up", "build"])
def test_a_full_disk_is_told_with_what_to_do(engine, project, vhlocal, small_engine, command):
    directory = project({"valohai.yaml": YAML})
    with (directory / "data.bin").open("wb") as big:
        big.truncate(TOO_MUCH)
    ended = vhlocal(command, "-C", str(directory), environment={"DOCKER_HOST": small_engine})
    said = ended.stdout + ended.stderr
    assert ended.returncode == 4, said
    assert "error: the disk is full: the engine could not write" in said
    assert "no space left on device" in said
    assert "vhlocal prune" in said
    assert "Traceback" not in said
    client = docker.DockerClient(base_url=small_engine)
    assert client.containers.list(all=True) == []
    client.close()

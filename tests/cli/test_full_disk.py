"""A real engine whose disk is small."""

from __future__ import annotations

import docker
import pytest

from tests.cli.second_engine import second_engine

#: Twice what its disk has, in bytes.
TOO_MUCH = 96 * 1024 * 1024

YAML = """\
- endpoint:
    name: plain
    image: tiny:1
    server-command: sleep 1000
"""


@pytest.fixture
def small_engine(tmp_path):
    """The address of an engine with a small disk, with the image ``tiny:1`` in it."""
    with second_engine(tmp_path / "engine.log") as address:
        yield address


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

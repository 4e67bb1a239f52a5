"""An engine that lives among other files than vhlocal: in a virtual machine that shares none, or a container."""

from __future__ import annotations

import hashlib

import docker
import pytest

from tests.cli.second_engine import second_engine

YAML = """\
- endpoint:
    name: plain
    image: tiny:1
    server-command: sleep 1000
"""
FILES = """\
    files:
      - name: model
        path: model.bin
"""


@pytest.mark.parametrize("there", ["nothing", "others"])
@pytest.mark.parametrize("more", ["", FILES], ids=["code", "files"])
def test_it_is_told_with_what_to_do(engine, project, vhlocal, tmp_path, there, more):
    """Whether a path leads nowhere there, or to something else."""
    directory = project({"valohai.yaml": YAML + more, "model.bin": "the model"})
    name = f"{directory.name}-{hashlib.sha256(str(directory).encode()).hexdigest()[:12]}"
    staging = tmp_path / "xdg" / "state_home" / "vhlocal" / "projects" / name / "staging"
    before = f"mount -t tmpfs tmpfs {tmp_path}"
    if there == "others":
        before += f" && mkdir -p {staging} {directory} && echo another model > {directory}/model.bin"
    with second_engine(tmp_path / "engine.log", before) as address:
        first = vhlocal("up", "-C", str(directory), "--port", "0", environment={"DOCKER_HOST": address})
        said = first.stdout + first.stderr
        assert first.returncode == 3, said
        assert f"error: the Docker engine does not see this machine's files: for it, {tmp_path}" in said
        assert "`--runtime process`" in said
        assert "Traceback" not in said
        client = docker.DockerClient(base_url=address)
        assert client.containers.list(all=True) == []
        client.close()

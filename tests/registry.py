"""A real image registry on a port of this machine, to pull from."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

from tests.waiting import accepts, free_port, wait_for

if TYPE_CHECKING:
    import docker


class Registry:
    """One registry process; it keeps its images in ``directory``."""

    def __init__(self, directory: Path) -> None:
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"
        settings = {
            "version": "0.1",
            "log": {"level": "error"},
            "storage": {"filesystem": {"rootdirectory": str(directory / "images")}},
            "http": {"addr": self.address},
        }
        configuration = directory / "registry.yml"
        configuration.write_text(json.dumps(settings))
        beside = Path(sys.prefix) / "bin" / "docker-registry"
        program = shutil.which("docker-registry") or str(beside)
        assert Path(program).exists(), "there is no docker-registry: scripts/test puts one into .venv"
        with (directory / "registry.log").open("wb") as log:
            self.process = subprocess.Popen([program, "serve", str(configuration)], stdout=log, stderr=log)
        wait_for(lambda: accepts(self.port), "the registry to listen", 30)

    def publish(self, client: docker.DockerClient, base: str, megabytes: int = 8) -> str:
        """Put an image into the registry whose last layer the engine does not have, and return its name.

        The image is ``base`` with one file of random bytes, so that a pull has something to bring.
        """
        name = f"{self.address}/vhlocal-tests/python-{os.urandom(4).hex()}"
        container = client.containers.create(base, ["true"])
        try:
            container.put_archive("/", _archive("srv/payload", os.urandom(megabytes << 20)))
            container.commit(repository=name, tag="latest")
        finally:
            container.remove(v=True)
        for record in client.images.push(name, tag="latest", stream=True, decode=True):
            assert "error" not in record, record
        client.images.remove(f"{name}:latest")
        return f"{name}:latest"

    def close(self) -> None:
        """End the process."""
        self.process.terminate()
        self.process.wait(30)


def _archive(path: str, content: bytes) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        entry = tarfile.TarInfo(path)
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
    return packed.getvalue()

"""A second real engine: a daemon of its own, in namespaces of its own, with its data on a small tmpfs."""

from __future__ import annotations

import contextlib
import io
import os
import re
import secrets
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

import docker

from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

DISK = "48m"


def shell_image() -> bytes:
    """An image's tar with no more than this machine's ``sh`` and what that is linked to."""
    shell = Path(str(shutil.which("sh"))).resolve()
    linked = subprocess.run(["ldd", str(shell)], capture_output=True, text=True, check=True).stdout
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        tar.add(shell, "bin/sh")
        for library in re.findall(r"(/\S+) \(", linked):
            tar.add(Path(library).resolve(), library.lstrip("/"))
    return packed.getvalue()


@contextlib.contextmanager
def second_engine(log: Path, before: str = "true") -> Iterator[str]:
    """Start one and give its address; ``before`` is a shell's line that is run among the files that it sees."""
    place = Path("/tmp") / f"vhlocal-small-{os.getpid()}-{secrets.token_hex(2)}"  # Short: a socket's path has a limit.
    (place / "data").mkdir(parents=True)
    address = f"unix://{place}/engine.sock"
    daemon = (
        f"mount -t tmpfs -o size={DISK} tmpfs {place}/data && {before} && exec dockerd --data-root {place}/data "
        f"--exec-root {place}/exec --pidfile {place}/engine.pid --host {address} "
        "--storage-driver vfs --iptables=false --ip-forward=false --ip-masq=false"
    )
    with log.open("wb") as output:
        process = subprocess.Popen(
            # A network namespace too: a second daemon would take the first one's bridge away.
            ["unshare", "--net", "--mount", "sh", "-c", daemon],
            stdout=output,
            stderr=output,
        )
    try:

        def listens() -> bool:
            said = log.read_text()
            assert process.poll() is None, said[-2000:]
            return "API listen on" in said

        wait_for(listens, "the second engine to answer")
        client = docker.DockerClient(base_url=address)
        client.api.import_image_from_data(shell_image(), repository="tiny", tag="1")
        client.close()
        yield address
    finally:
        process.terminate()
        process.wait(30)
        shutil.rmtree(place, ignore_errors=True)

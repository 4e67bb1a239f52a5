"""Make sure that a container engine answers and that the base image of the samples is there.

Says each thing that it does in one line and stops with what is missing. What it may do alone: on Debian and Ubuntu, as
root, install the distribution's engine and start it, and make the base image of the distribution's packages where it
cannot be pulled.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import docker
import requests
from docker.errors import APIError, DockerException, ImageNotFound

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BASE_IMAGE = "python:3.11-slim"

#: The Debian release whose own Python is the base image's.
DEBIAN_SUITE = "bookworm"

#: What the official image sets, besides its files.
IMAGE_CHANGES = [
    "ENV PATH /usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin",
    "ENV LANG C.UTF-8",
    'CMD ["python3"]',
]

ENGINE_LOG = Path("/var/log/vhlocal-dockerd.log")
ENGINE_START_SECONDS = 60.0
#: How long the engine may be silent, in seconds, before a pull is given up.
SILENCE_SECONDS = 60


class Missing(Exception):
    """Something is not there and cannot be made here; the text says what, and what to do."""


def say(text: str) -> None:
    """Print one step."""
    print(f"==> {text}", flush=True)


def connect() -> docker.DockerClient:
    """Return a client of the engine that DOCKER_HOST names, or of the local one. Raises DockerException."""
    return docker.from_env(timeout=SILENCE_SECONDS)


def may_install() -> bool:
    """Tell whether this is a Debian or an Ubuntu where packages may be installed."""
    return distribution() in {"debian", "ubuntu"} and os.geteuid() == 0


def distribution() -> str:
    """Return the distribution's id, such as ``debian``, or an empty text where there is none."""
    try:
        return platform.freedesktop_os_release()["ID"]
    except OSError:
        return ""


def run(*command: str) -> str:
    """Run a command and return what it printed on stdout; on failure, stop with all that it printed."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, env=environment)
    if done.returncode:
        raise Missing(f"`{' '.join(command)}` failed:\n{done.stdout}{done.stderr}".rstrip())
    return done.stdout


def install(program: str, *packages: str) -> None:
    """Install packages of the distribution unless the program that they bring is there."""
    if shutil.which(program) is None:
        say(f"Installing {', '.join(packages)}")
        run("apt-get", "update", "-q")
        run("apt-get", "install", "-q", "-y", "--no-install-recommends", *packages)


def wait_until(ready: Callable[[], bool], seconds: float) -> bool:
    """Ask ``ready`` until it says yes, at most for ``seconds``."""
    deadline = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def answers() -> bool:
    """Tell whether the engine answers."""
    try:
        connect().close()
    except DockerException:
        return False
    return True


def ensure_engine() -> docker.DockerClient:
    """Return a client of an engine that answers, after installing and starting one if need be."""
    try:
        return connect()
    except DockerException as error:
        reason = str(error)
    host = os.environ.get("DOCKER_HOST")
    if host:
        raise Missing(f"No container engine answers at DOCKER_HOST={host}: {reason}\nStart it, or unset DOCKER_HOST.")
    if not may_install():
        raise Missing(
            f"No container engine answers: {reason}\n"
            "Start Docker (Docker Desktop, or `sudo systemctl start docker`) and make sure that your user may use it.\n"
            "On Debian or Ubuntu, this script run as root installs and starts one."
        )
    install("dockerd", "docker.io", "iptables")
    start_engine()
    return connect()


def start_engine() -> None:
    """Start the installed engine: as the system's service, or detached where there are no services."""
    say("Starting the container engine")
    if Path("/run/systemd/system").is_dir():
        run("systemctl", "start", "docker")
        alive = "the service is started"
        if wait_until(answers, ENGINE_START_SECONDS):
            return
    else:
        with ENGINE_LOG.open("ab") as log:
            engine = subprocess.Popen(
                ["dockerd"], stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        if wait_until(lambda: answers() or engine.poll() is not None, ENGINE_START_SECONDS) and engine.poll() is None:
            return
        alive = f"exit code {engine.poll()}; the end of {ENGINE_LOG}:\n" + "".join(tail(ENGINE_LOG, 15))
    raise Missing(f"The container engine was started and does not answer: {alive}")


def tail(path: Path, count: int) -> list[str]:
    """Return the last lines of a text file."""
    with path.open(errors="replace") as lines:
        return list(lines)[-count:]


def ensure_image(client: docker.DockerClient, name: str = BASE_IMAGE) -> None:
    """Have an image of this name: the one that is there, the registry's, or one made of Debian's packages."""
    try:
        client.images.get(name)
    except ImageNotFound:
        say(f"Pulling {name}")
        reason = pull(client, name)
        if reason:
            make_image(client, name, reason)


def pull(client: docker.DockerClient, name: str) -> str:
    """Pull an image; return why it could not be, or an empty text."""
    repository, _, tag = name.rpartition(":")
    try:
        for line in client.api.pull(repository, tag=tag, stream=True, decode=True):
            if "error" in line:
                return str(line["error"])
    except (APIError, requests.RequestException) as error:
        return str(error)
    return ""


def make_image(client: docker.DockerClient, name: str, reason: str) -> None:
    """Make a stand-in for the base image of the distribution's own packages."""
    if not may_install():
        raise Missing(
            f"{name} is not here and could not be pulled: {reason}\n"
            f"Pull or load it (`docker pull {name}`, `docker load`).\n"
            "On Debian or Ubuntu, this script run as root makes a stand-in of the distribution's packages."
        )
    suite = DEBIAN_SUITE if distribution() == "debian" else platform.freedesktop_os_release()["VERSION_CODENAME"]
    install("debootstrap", "debootstrap")
    say(f"{name} cannot be pulled: making a stand-in of that name from the packages of {suite} (some minutes)")
    with tempfile.TemporaryDirectory(prefix="vhlocal-base-") as made:
        root = Path(made)
        run(
            "debootstrap",
            "--variant=minbase",
            "--components=main,universe" if distribution() == "ubuntu" else "--components=main",
            "--include=python3,python3-pip,ca-certificates",
            suite,
            made,
            package_mirror(),
        )
        shape_as_official(root)
        import_image(client, root, name)
    version = client.containers.run(name, ["python", "--version"], remove=True).decode().strip()
    say(f"Made {name}: {version} of {suite}, not the official image")


def package_mirror() -> str:
    """Return the address that this machine gets the distribution's main packages from."""
    listed = run("apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE) $(COMPONENT)", "Created-By: Packages")
    codename = platform.freedesktop_os_release()["VERSION_CODENAME"]
    for line in listed.splitlines():
        address, release, component = line.split()
        if (release, component) == (codename, "main"):
            return address
    raise Missing(f"apt has no source for {codename} main, so that no base image can be made of packages.")


def shape_as_official(root: Path) -> None:
    """Make the tree behave as the official image: ``python`` and ``pip`` are there, and pip installs where told."""
    root.chmod(0o755)  # made for its owner alone, and about to be what every user of the image calls /
    for mark in root.glob("usr/lib/python3*/EXTERNALLY-MANAGED"):
        mark.unlink()
    for link, target in (("python", "python3"), ("pip", "pip3")):
        if not (root / "usr/bin" / link).exists():
            (root / "usr/bin" / link).symlink_to(target)
    for leftover in ("var/cache/apt/archives", "var/lib/apt/lists"):
        shutil.rmtree(root / leftover)
        (root / leftover / "partial").mkdir(parents=True)


def import_image(client: docker.DockerClient, root: Path, name: str) -> None:
    """Give a directory tree to the engine as an image."""
    repository, _, tag = name.rpartition(":")
    with subprocess.Popen(["tar", "-C", str(root), "-c", "."], stdout=subprocess.PIPE) as packer:
        client.api.import_image_from_data(_chunks(packer), repository=repository, tag=tag, changes=IMAGE_CHANGES)
    if packer.returncode:
        raise Missing(f"tar could not pack {root}: exit code {packer.returncode}")
    client.images.get(name)


def _chunks(packer: subprocess.Popen[bytes]) -> Iterator[bytes]:
    assert packer.stdout is not None
    while chunk := packer.stdout.read(1 << 20):
        yield chunk


def main() -> int:
    """Make sure of both; return the exit code."""
    try:
        client = ensure_engine()
        try:
            ensure_image(client)
        finally:
            client.close()
    except Missing as missing:
        print(missing, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

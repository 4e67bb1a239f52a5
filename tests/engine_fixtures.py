"""Fixtures of the tests that need the real engine. They fail where it is not there; none of them skips."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import docker
import pytest
from docker.errors import DockerException, ImageNotFound

from tests.command import Running, Vhlocal
from tests.registry import Registry
from tests.waiting import free_port

BASE_IMAGE = "python:3.11-slim"
ROOT = Path(__file__).parent.parent
SAMPLES = ROOT / "sample_projects"

MakeProject = Callable[[Mapping[str, str]], Path]
Run = Callable[..., AbstractContextManager[Running]]


@pytest.fixture(scope="session")
def engine() -> Iterator[docker.DockerClient]:
    """A client of the engine."""
    try:
        client = docker.from_env(timeout=120)
    except DockerException as error:
        pytest.fail(f"this test needs a container engine, which scripts/setup starts: {error}", pytrace=False)
    yield client
    client.close()


@pytest.fixture(scope="session")
def base_image(engine: docker.DockerClient) -> str:
    """The name of the base image that the samples name."""
    try:
        engine.images.get(BASE_IMAGE)
    except ImageNotFound:
        pytest.fail(f"this test needs the image {BASE_IMAGE}, which scripts/setup brings", pytrace=False)
    return BASE_IMAGE


@pytest.fixture(scope="session")
def base_image_with_user(engine: docker.DockerClient, base_image: str) -> Iterator[str]:
    """The name of an image like the base image whose processes run as the user ``app``, with a home of its own."""
    name = f"vhlocal-tests/python-user:{os.getpid()}"
    container = engine.containers.create(base_image, ["useradd", "--create-home", "app"])
    try:
        container.start()
        assert container.wait()["StatusCode"] == 0, container.logs().decode()
        repository, _, tag = name.partition(":")
        container.commit(repository=repository, tag=tag, conf={"User": "app", "Cmd": ["python3"]})
    finally:
        container.remove(v=True)
    yield name
    engine.images.remove(name, force=True)


@pytest.fixture(scope="session")
def registry(engine: docker.DockerClient, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """An image registry on this machine; the images that were pulled from it are taken away at the end."""
    started = Registry(tmp_path_factory.mktemp("registry"))
    yield started
    started.close()
    for image in engine.images.list(filters={"reference": f"{started.address}/*/*"}):
        engine.images.remove(image.id, force=True)


@pytest.fixture(scope="session")
def environments(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of the virtual environments that processes run in, made once for all tests, on all cores."""
    everyones = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        everyones = everyones.parent
    directory = everyones / "environments"
    directory.mkdir(exist_ok=True)
    return directory


@pytest.fixture(scope="session")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory for the PATH that has uv, which makes environments in a tenth of the time."""
    directory = tmp_path_factory.mktemp("tools")
    uv = shutil.which("uv", path=sysconfig.get_path("scripts"))
    assert uv is not None, "uv is one of the development tools, which scripts/setup installs"
    (directory / "uv").symlink_to(uv)
    return directory


@pytest.fixture(scope="session")
def taken_texts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where it is kept which files' texts the platform's validators took: they say the same in every test."""
    return tmp_path_factory.mktemp("taken")


@pytest.fixture
def shared_cache(tmp_path: Path, environments: Path, tools: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """This process's cache directory: a test's own, but for the environments."""
    cache = tmp_path / "xdg-own"
    cache.joinpath("vhlocal").mkdir(parents=True)
    cache.joinpath("vhlocal", "environments").symlink_to(environments)
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
    return cache


@pytest.fixture
def vhlocal(tmp_path: Path, environments: Path, taken_texts: Path, tools: Path) -> Vhlocal:
    """The command line, with state, cache and runtime directories of its own, and none of the caller's settings."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("VHLOCAL_")}
    for name in ("STATE_HOME", "CACHE_HOME", "DATA_HOME", "RUNTIME_DIR"):
        directory = tmp_path / "xdg" / name.lower()
        directory.mkdir(parents=True, mode=0o700)
        environment[f"XDG_{name}"] = str(directory)
    environment["PATH"] = f"{tools}:{environment['PATH']}"
    cache = Path(environment["XDG_CACHE_HOME"], "vhlocal")
    cache.mkdir()
    cache.joinpath("environments").symlink_to(environments)
    cache.joinpath("taken").symlink_to(taken_texts)
    return Vhlocal(environment)


@pytest.fixture
def project(tmp_path: Path) -> MakeProject:
    """Write a small project, given as texts by path, and return its directory."""

    def make(files: Mapping[str, str]) -> Path:
        directory = tmp_path / "project"
        for path, text in files.items():
            (directory / path).parent.mkdir(parents=True, exist_ok=True)
            (directory / path).write_text(text)
        return directory

    return make


@pytest.fixture
def sample(tmp_path: Path) -> Callable[[str], Path]:
    """Copy one of the sample projects, so that a test may edit it, and return the copy's directory.

    The model of ``digits`` is trained if it is not there yet, for which an engine is needed.
    """

    def copy(name: str) -> Path:
        if name == "digits":
            subprocess.run([sys.executable, ROOT / "scripts" / "training.py"], check=True)
        return Path(shutil.copytree(SAMPLES / name, tmp_path / name))

    return copy


@pytest.fixture
def running(engine: docker.DockerClient, base_image: str, vhlocal: Vhlocal, tmp_path: Path) -> Run:
    """Start ``vhlocal up`` on a project, as a context: every endpoint is ready inside, and nothing is left after it.

    ``running(directory, *arguments, ready=True)``; with ``ready=False`` it does not wait for the endpoints.
    """

    @contextmanager
    def run(directory: Path, *arguments: str, ready: bool = True) -> Iterator[Running]:
        started = Running(vhlocal, directory, free_port(), arguments, tmp_path / "up.log")
        try:
            if ready:
                started.wait_for_state("ready")
            yield started
            code = started.stop()
            assert code in {0, 130}, f"vhlocal up ended with {code}:\n{started.output()}"
            assert containers_of(engine, directory) == [], started.output()
        finally:
            if started.process.poll() is None:
                started.kill()
            for container in containers_of(engine, directory):
                engine.containers.get(container).remove(force=True, v=True)

    return run


def containers_of(client: docker.DockerClient, directory: Path) -> list[str]:
    """Return the names of all containers, running or not, that vhlocal made for the project in ``directory``."""
    label = f"vhlocal.directory={directory.resolve()}"
    # One may go while the SDK looks at each that was listed.
    found = client.containers.list(all=True, filters={"label": label}, ignore_removed=True)
    return [str(container.name) for container in found]

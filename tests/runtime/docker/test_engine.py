"""Where the engine is found, and how a server's address is, on a real engine."""

import hashlib
import json
import os
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from tests.waiting import wait_for
from vhlocal.contract.limits import ContainerLimits
from vhlocal.runtime.base import Entry, Exit, Identity, Layout, Mounts, ServerSpec
from vhlocal.runtime.docker.engine import Engine
from vhlocal.runtime.docker.layers import BuildNetwork
from vhlocal.runtime.docker.runtime import DockerRuntime

SOCKET = "unix:///var/run/docker.sock"


@pytest.fixture
def context(tmp_path, monkeypatch):
    """Make a context of this name the current one, as `docker context use` does."""

    def use(name, host):
        meta = tmp_path / "contexts" / "meta" / hashlib.sha256(name.encode()).hexdigest() / "meta.json"
        meta.parent.mkdir(parents=True)
        meta.write_text(json.dumps({"Name": name, "Metadata": {}, "Endpoints": {"docker": {"Host": host}}}))
        (tmp_path / "config.json").write_text(json.dumps({"currentContext": name}))
        monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))

    return use


def without_host():
    return {name: value for name, value in os.environ.items() if not name.startswith("DOCKER_")}


def test_the_current_context_names_the_engine(engine, context):
    context("laptop", SOCKET)
    found = Engine.connect(without_host())
    assert found.image("python:3.11-slim") is not None
    found.close()


def test_an_engine_that_a_context_names_in_vain_is_told_by_its_address(context, vhlocal, tmp_path):
    context("gone", "unix:///nonexistent/context.sock")
    # A process of its own: the SDK leaves the socket of a connection that failed to the garbage collector.
    ended = vhlocal("prune", environment={"DOCKER_CONFIG": str(tmp_path), "DOCKER_HOST": ""})
    assert ended.returncode == 3
    assert "at unix:///nonexistent/context.sock (the Docker context gone): there is no such socket" in ended.stderr
    assert "choose another context (`docker context use default`" in ended.stderr


def test_docker_host_wins_over_the_context(engine, context):
    context("gone", "unix:///nonexistent/context.sock")
    Engine.connect({**without_host(), "DOCKER_HOST": SOCKET}).close()


def test_a_container_that_somebody_else_removes_is_gone_too(engine, base_image):
    """The engine says that a removal is under way, and lists the container until that has been done."""
    name = engine.containers.run(base_image, ["sleep", "600"], detach=True).id
    removing = Engine.connect(without_host())

    def remove(_):
        removing.remove(name)
        return engine.api.containers(all=True, filters={"id": name})

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(remove, range(4))) == [[]] * 4
    removing.close()


def test_k9_where_containers_cannot_be_reached_a_port_of_loopback_is(engine, base_image, tmp_path):
    """K9: nothing but the gateway leads to a server; a port is published on 127.0.0.1 alone."""

    class Distant(Engine):
        reaches_containers = False

    runtime = DockerRuntime(Distant.connect(without_host()), BuildNetwork({}, None), str(tmp_path), "test")
    spec = ServerSpec(
        identity=Identity("acme/digits", "hello"),
        image=base_image,
        command=("python", "-m", "http.server", "8000"),
        environment={},
        port=8000,
        limits=ContainerLimits(),
        entries=(Entry("/valohai/code/hello.txt", content=b"hello"),),
        mounts=Mounts(),
    )
    spares = runtime.layout(spec).spares
    assert len(spares) < len(Layout().spares), "each costs something here"
    server = runtime.create(replace(spec, more_ports=spares))
    try:
        ended = []
        addresses = runtime.start(server, lambda *_: None, ended.append)
        assert set(addresses) == {8000, *spares}
        address = addresses[8000]
        ports = engine.api.inspect_container(server)["NetworkSettings"]["Ports"]["8000/tcp"]
        assert address.host == "127.0.0.1"
        assert [(port["HostIp"], int(port["HostPort"])) for port in ports] == [("127.0.0.1", address.port)]

        def answer():
            try:
                opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
                with opener.open(f"http://{address.host}:{address.port}/hello.txt", timeout=60) as found:
                    return found.read()
            except OSError:
                return None

        assert wait_for(answer, "the server to answer") == b"hello"
        runtime.stop(server, 1)
        wait_for(lambda: ended, "its end to be told")
    finally:
        runtime.remove(server)
        runtime.close()


def test_k2_a_kill_for_memory_of_which_the_engine_never_heard_is_known_from_the_kernel(engine, base_image, tmp_path):
    """K2: the engine's helper loses the kernel's word where the whole container goes at once."""

    class Deaf(Engine):
        def events(self, label, kinds):
            return super().events(label, ["rename"])

        def state(self, container):
            return replace(super().state(container), out_of_memory=False)

    runtime = DockerRuntime(Deaf.connect(without_host()), BuildNetwork({}, None), str(tmp_path), "test")
    spec = ServerSpec(
        identity=Identity("acme/digits", "hello"),
        image=base_image,
        command=("sh", "-c", "exec python -c \"b'x' * 300_000_000\""),
        environment={},
        port=8000,
        limits=ContainerLimits(memory=64_000_000),
        entries=(),
        mounts=Mounts(),
    )
    server = runtime.create(spec)
    try:
        ended = []
        runtime.start(server, lambda *_: None, ended.append)
        wait_for(lambda: ended, "its end to be told")
        assert ended == [Exit(137, out_of_memory=True)]
    finally:
        runtime.remove(server)
        runtime.close()


def test_a_container_that_is_paused_from_outside_is_told_with_what_has_it_go_on(engine, base_image, tmp_path):
    runtime = DockerRuntime(Engine.connect(without_host()), BuildNetwork({}, None), str(tmp_path), "paused")
    spec = ServerSpec(
        identity=Identity("acme/digits", "hello"),
        image=base_image,
        command=("sleep", "600"),
        environment={},
        port=8000,
        limits=ContainerLimits(),
        entries=(),
        mounts=Mounts(),
    )
    server = runtime.create(spec)
    try:
        lines, paused = [], []
        runtime.start(server, lambda *line: lines.append(line), lambda _: None, on_pause=paused.append)
        container = engine.containers.get(server)
        container.pause()
        container.unpause()
        wait_for(lambda: len(paused) == 2, "both to be told")
        assert paused == [True, False]
        assert lines == [
            (
                "vhlocal",
                f"{container.name} was paused from outside: its requests wait. "
                f"Resume it with: docker unpause {container.name}",
            ),
            ("vhlocal", f"{container.name} was resumed"),
        ]
    finally:
        runtime.remove(server)
        runtime.close()

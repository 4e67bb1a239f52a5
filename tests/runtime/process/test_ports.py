"""Ports for servers that are processes of this machine."""

import socket
import subprocess
import sys

import pytest

from vhlocal.contract.limits import ContainerLimits
from vhlocal.errors import EngineError
from vhlocal.runtime.base import Identity, Mounts, ServerSpec
from vhlocal.runtime.connect import RUNTIMES
from vhlocal.runtime.process import ports as claimed
from vhlocal.runtime.process.ports import free_ports, give_back, own_port


def listening(port):
    return socket.create_server(("127.0.0.1", port))  # connections of before may wait for their time there


TAKE = """
import sys
from vhlocal.contract.limits import ContainerLimits
from vhlocal.errors import EngineError
from vhlocal.runtime.base import Identity, Mounts, ServerSpec
from vhlocal.runtime.connect import RUNTIMES
from vhlocal.runtime.process.ports import free_ports

try:
    free_ports(1, [int(sys.argv[1])])
except EngineError:
    print("no", flush=True)
else:
    print("yes", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def taken_by_another():
    """Have another process ask for a port; it says whether it was given it, and keeps it until it is killed."""
    started = []

    def take(port):
        pipe = subprocess.PIPE
        started.append(subprocess.Popen([sys.executable, "-c", TAKE, str(port)], stdin=pipe, stdout=pipe, text=True))
        return started[-1]

    yield take
    for process in started:
        process.kill()
        process.communicate()


def test_free_ports_differ_and_are_none_that_connections_are_given():
    found = free_ports(20)
    assert len(set(found)) == 20
    assert all(20_000 <= port < 32_768 for port in found)
    for port in found:
        listening(port).close()
    give_back(found)


def test_a_port_that_is_listened_on_is_not_free():
    with socket.create_server(("127.0.0.1", 0)) as held, pytest.raises(EngineError, match="no 1 free ports"):
        free_ports(1, [held.getsockname()[1]])


def test_a_port_whose_last_connection_waits_out_its_time_is_free_for_the_command_that_names_it_alone():
    """A server without ``SO_REUSEADDR`` cannot bind it; one whose command names it has no other."""
    (port,) = free_ports(1)
    give_back([port])
    with listening(port) as listener, socket.create_connection(("127.0.0.1", port)) as client:
        listener.accept()[0].close()  # whoever closes first waits
        assert client.recv(1) == b""
    with pytest.raises(EngineError, match="no 1 free ports"):
        free_ports(1, [port])
    assert own_port(["serve", str(port)], port) == port
    give_back([port])


def test_a_port_is_given_once_until_it_is_given_back():
    (port,) = free_ports(1)
    with pytest.raises(EngineError, match="no 1 free ports"):
        free_ports(1, [port])
    give_back([port])
    assert free_ports(1, [port]) == (port,)
    give_back([port])


def test_what_is_not_enough_is_given_back():
    (port,) = free_ports(1)
    give_back([port])
    with pytest.raises(EngineError, match="no 2 free ports"):
        free_ports(2, [port])
    assert free_ports(1, [port]) == (port,)
    give_back([port])


def test_another_run_is_given_no_port_of_ours_though_nobody_listens_there(taken_by_another):
    """The spare ports of two projects that run side by side differ, also once one of them was killed."""
    (port,) = free_ports(1)
    assert taken_by_another(port).stdout.readline() == "no\n"
    give_back([port])
    other = taken_by_another(port)
    assert other.stdout.readline() == "yes\n"
    with pytest.raises(EngineError):
        free_ports(1, [port])
    other.kill()
    other.wait()
    assert free_ports(1, [port]) == (port,)
    give_back([port])


@pytest.mark.parametrize(
    ("command", "named"),
    [("serve --port {}", True), ("serve 0.0.0.0:{}", True), ("serve 1{}", False), ("serve $VALOHAI_PORT", False)],
)
def test_a_declared_port_is_taken_where_the_command_names_it_and_it_is_free(command, named):
    (port,) = free_ports(1)
    give_back([port])
    words = ("sh", "-c", command.format(port))
    assert own_port(words, port) == (port if named else None)
    assert own_port(words, port) is None, "it is another server's by now"
    give_back([port])
    with listening(port):
        assert own_port(words, port) is None


@pytest.fixture
def process_runtime(tmp_path, shared_cache):
    connected = RUNTIMES["process"](str(tmp_path / "project"), "1-1-test")
    yield connected
    connected.close()


def test_the_ports_of_a_removed_server_are_given_back(process_runtime, tmp_path):
    image = process_runtime.base("python:3.11-slim")
    limits, identity = ContainerLimits(), Identity("acme/words", "hello")
    spec = ServerSpec(identity, image, ("true",), {}, 8000, limits, (), Mounts(), staging=tmp_path)
    layout = process_runtime.layout(spec)
    server = process_runtime.create(spec.located(layout))
    ports = [layout.port, layout.control, *layout.spares]
    with pytest.raises(EngineError):
        free_ports(1, ports)
    process_runtime.remove(server)
    # Not by claiming them again: other tests of this machine may have done so by now.
    assert [port for port in ports if port in claimed._claims] == []
    give_back(ports)

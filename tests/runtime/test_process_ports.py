"""Ports for servers that are processes of this machine."""

import socket

import pytest

from vhlocal.errors import EngineError
from vhlocal.runtime.process import ports
from vhlocal.runtime.process.ports import free_ports, own_port


def listening(port):
    held = socket.socket()
    held.bind(("127.0.0.1", port))
    held.listen()
    return held


def test_free_ports_differ_and_are_none_that_connections_are_given():
    found = free_ports(20)
    assert len(set(found)) == 20
    assert all(20_000 <= port < 32_768 for port in found)
    for port in found:
        listening(port).close()


def test_a_port_that_is_listened_on_is_not_free(monkeypatch):
    (port,) = free_ports(1)
    monkeypatch.setattr(ports, "_FIRST", port)
    monkeypatch.setattr(ports, "_LAST", port)
    monkeypatch.setattr(ports, "_TRIES", 1)
    assert free_ports(1) == (port,)
    with listening(port), pytest.raises(EngineError, match="no 1 free ports"):
        free_ports(1)


@pytest.mark.parametrize(
    ("command", "named"),
    [("serve --port {}", True), ("serve 0.0.0.0:{}", True), ("serve 1{}", False), ("serve $VALOHAI_PORT", False)],
)
def test_a_declared_port_is_taken_where_the_command_names_it_and_it_is_free(command, named):
    (port,) = free_ports(1)
    words = ("sh", "-c", command.format(port))
    assert own_port(words, port) == (port if named else None)
    with listening(port):
        assert own_port(words, port) is None

import pytest

from vhlocal.model import Endpoint, Place, Resources
from vhlocal.runtime.base import Exit, Listener
from vhlocal.session.exits import backoff, explain_exit, explain_listeners


def place(tmp_path, line):
    return Place(tmp_path / "valohai.yaml", line)


@pytest.fixture
def endpoint(tmp_path):
    return Endpoint(
        name="digits",
        image="python:3.11-slim",
        port=8000,
        server_command=("uvicorn app:app",),
        resources=Resources(memory_max=256),
        places={
            "": place(tmp_path, 1),
            "server-command": place(tmp_path, 4),
            "resources.memory": place(tmp_path, 7),
            "port": place(tmp_path, 5),
        },
    )


def test_k2_waits_grow_and_end_at_a_longest():
    """K2: a server that crashes again and again is started with growing pauses."""
    assert [backoff(crashes) for crashes in (1, 2, 3, 4, 5, 6, 50)] == [1, 2, 4, 8, 16, 30, 30]


def test_k2_out_of_memory_is_told_with_the_limit_and_its_line(endpoint):
    found = explain_exit(endpoint, Exit(137, out_of_memory=True), [], None)
    assert found.reason == "OOMKilled: the server passed its memory limit of 256 MB"
    assert found.place.line == 7


def test_out_of_memory_without_a_limit_is_the_machines(endpoint):
    unlimited = Endpoint(name="x", image="y", port=8000, wsgi="app", places=endpoint.places)
    found = explain_exit(unlimited, Exit(137, out_of_memory=True), [], None)
    assert found.reason == "OOMKilled: the server passed the memory of this machine"


@pytest.mark.parametrize(
    "line",
    ["sh: 1: uvicorn: not found", "sh: line 1: uvicorn: command not found", "sh: uvicorn: not found"],
    ids=["dash", "bash", "busybox"],
)
def test_b3_a_command_that_pip_put_off_the_path_is_named_with_its_place(endpoint, line):
    found = explain_exit(endpoint, Exit(127), [line], "requirements.txt")
    assert found.reason == "uvicorn was not found (exit code 127)"
    assert "~/.local/bin/uvicorn" in found.hint
    assert found.place.line == 4


def test_b2_a_missing_module_names_the_file_that_production_installs(endpoint):
    tail = ["Traceback (most recent call last):", "ModuleNotFoundError: No module named 'sklearn.svm'"]
    found = explain_exit(endpoint, Exit(1), tail, "requirements-deployment.txt")
    assert found.reason.endswith("no module named sklearn.svm")
    assert "requirements-deployment.txt" in found.hint
    without_file = explain_exit(endpoint, Exit(1), tail, None)
    assert "requirements-deployment.txt or requirements.txt" in without_file.hint


def test_signals_are_told_in_words(endpoint):
    assert "segmentation fault" in explain_exit(endpoint, Exit(139), [], None).reason


def test_any_other_end_is_told_with_its_code(endpoint):
    assert explain_exit(endpoint, Exit(3), [], None).reason == "the server ended with exit code 3"


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.53", "::1"])
def test_r3_a_server_on_loopback_is_told_to_bind_all_addresses(endpoint, host):
    found = explain_listeners(endpoint, [Listener(host, 8000)])
    assert f"{host}:8000" in found.reason
    assert "0.0.0.0" in found.hint


def test_r3_a_server_on_another_port_is_told_which(endpoint):
    found = explain_listeners(endpoint, [Listener("0.0.0.0", 5000)])
    assert "listens on port 5000, but the endpoint's port is 8000" in found.reason
    assert found.place.line == 5


@pytest.mark.parametrize(
    "listeners",
    [
        [],
        [Listener("0.0.0.0", 8000)],
        [Listener("127.0.0.1", 8000), Listener("::", 8000)],
        [Listener("127.0.0.1", 6379)],
    ],
    ids=["nothing yet", "right", "right on one of two", "only something internal"],
)
def test_r3_nothing_is_said_without_a_reason(endpoint, listeners):
    assert explain_listeners(endpoint, listeners) is None

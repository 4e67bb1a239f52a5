"""Who may command the runner: vhlocal, by the token, and no other container."""

import contextlib
import json
import socket
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.runner.stacks import OLDEST, USUAL, python_of
from tests.runner.test_serve_warm_orders import started
from tests.runner.warm import TOKEN, Control

#: Docker's own network in a container, as the kernel tells it: a gateway 172.17.0.1, and the network 172.17.0.0/16.
ROUTES = """\
Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth0\t00000000\t010011AC\t0003\t0\t0\t0\t00000000\t0\t0\t0
eth0\t000011AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0
"""
WITHOUT_GATEWAY = "".join(line for line in ROUTES.splitlines(keepends=True) if "010011AC" not in line)

#: What is no token, each without its line's end.
STRANGE = {
    "a list": b"[]",
    "a number": b"1",
    "null": b"null",
    "an object": b'{"token": "' + TOKEN.encode() + b'"}',
    "a lone surrogate": b'{"token": "\\ud800"}',
    "no UTF-8": b"\xff\xfe",
    "nothing": b"",
    "brackets": b"[" * 200_000,
    "more than a token": TOKEN.encode() + b"x",
    "less than a token": TOKEN.encode()[:-1],
    "HTTP": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
}


@pytest.fixture(scope="module")
def runner_at(runner, tmp_path_factory):
    """Start a runner; return its control port and the connection that vhlocal has."""
    with started(runner, tmp_path_factory.mktemp("host")) as it:
        it.get(1)
        port = json.loads((it.code.parent / "runner" / "serve_warm.json").read_text())["control"]
        yield port, it


def sent(port: int, data: bytes) -> bytes:
    """Send something, and return what comes until the connection ends."""
    answer = b""
    connection = socket.create_connection(("127.0.0.1", port), timeout=30)
    with connection, contextlib.suppress(ConnectionError):
        connection.sendall(data)
        while more := connection.recv(65536):
            answer += more
    return answer


def still_commanded(it) -> bool:
    return "stacks" in it.control.ask(do="where", number=1)


@pytest.mark.parametrize("data", STRANGE.values(), ids=STRANGE)
def test_what_is_not_the_token_is_neither_answered_nor_waited_for(runner_at, data):
    port, it = runner_at
    assert sent(port, data + b"\n" + b'{"do": "where", "number": 1, "id": 1}\n') == b""
    assert still_commanded(it)


def test_what_never_ends_is_not_kept(runner_at):
    port, it = runner_at
    assert sent(port, b"x" * 50_000_000) == b""
    assert still_commanded(it)


def test_many_who_say_nothing_keep_nobody_out(runner_at):
    port, it = runner_at
    with contextlib.ExitStack() as stack:
        silent = [stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=30)) for _ in range(300)]
        assert still_commanded(it)
        assert silent[0].recv(1) == b"", "the first that came is the first that has to go"
        other = stack.enter_context(contextlib.closing(Control(port)))
        assert "stacks" in other.ask(do="where", number=1)


@settings(max_examples=200, derandomize=True)
@given(st.binary(max_size=300).filter(lambda data: not data.startswith(TOKEN.encode() + b"\n")))
def test_no_bytes_are_answered_or_end_it(runner_at, data):
    port, it = runner_at
    assert sent(port, data + b"\n" * 2) == b""
    assert still_commanded(it)


@pytest.mark.parametrize(
    ("peer", "routes", "expected"),
    [
        ("172.17.0.1", ROUTES, False),
        ("172.17.0.3", ROUTES, True),
        ("172.17.200.1", ROUTES, True),
        ("172.17.0.2", ROUTES, False),
        ("127.0.0.1", ROUTES, False),
        ("192.168.65.1", ROUTES, False),
        ("172.17.0.3", WITHOUT_GATEWAY, False),
        ("172.17.0.3", "", False),
        ("172.17.0.3", "a\nb c\n", False),
        ("172.17.0.3", None, False),
    ],
)
@pytest.mark.parametrize("stack", [OLDEST, USUAL], ids=str)
def test_other_containers_are_told_from_the_machine(runner, tmp_path, stack, peer, routes, expected):
    if routes is not None:
        (tmp_path / "route").write_text(routes)
    ask = (
        "import sys; sys.path.insert(0, sys.argv[1]); import serve_warm_host\n"
        "print(serve_warm_host._is_neighbour(sys.argv[2], '172.17.0.2', sys.argv[3]))\n"
    )
    words = [python_of(stack), "-c", ask, runner, peer, tmp_path / "route"]
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(expected)

"""What a server's processes hold and use, of real ones that have others below them."""

import os
import subprocess
import sys

import psutil
import pytest

from vhlocal.runtime.base import Listener
from vhlocal.runtime.process import tree

#: Listens in a process that a thread of another one has started, beside one whose memory counts.
PROGRAM = """
import socket, subprocess, sys, threading
below = '''
import socket, sys
with socket.socket() as listens:
    listens.bind(("127.0.0.1", 0))
    listens.listen()
    held = b"x" * 50_000_000
    print(listens.getsockname()[1], flush=True)
    sys.stdin.read()
'''
with socket.socket() as listens:
    listens.bind(("0.0.0.0", 0))
    listens.listen()
    print(listens.getsockname()[1], flush=True)
    thread = threading.Thread(target=subprocess.run, args=([sys.executable, "-c", below],))
    thread.start()
    thread.join()
"""


@pytest.fixture(scope="module")
def ports():
    """The ports of a process below this one, and of one below that."""
    with subprocess.Popen([sys.executable, "-c", PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        yield process.pid, int(process.stdout.readline()), int(process.stdout.readline())


def test_what_listens_is_found_however_deep_it_is(ports):
    pid, above, below = ports
    assert tree.listeners(pid) == [Listener("127.0.0.1", below)]
    (child,) = psutil.Process(pid).children()
    assert tree._below(pid) == [child.pid]
    # The guard's own are no server's, so what it listens on itself is asked for by name.
    both = [Listener("0.0.0.0", above), Listener("127.0.0.1", below)]
    assert tree._by_tables([pid, child.pid]) == tree._by_psutil([pid, child.pid]) == both


def test_processes_are_found_below_others(ports):
    pid, _, _ = ports
    (child,) = psutil.Process(pid).children()
    assert {pid, child.pid} <= set(tree._below(os.getpid()))


def test_what_is_below_uses_memory_and_cpu(ports):
    pid, _, _ = ports
    memory, cpu = tree.usage(pid)
    assert 50_000_000 < memory < 500_000_000
    assert cpu > 0
    by_psutil, _ = tree._usage_by_psutil(pid)
    assert memory == pytest.approx(by_psutil, rel=0.05)


def test_what_has_gone_holds_nothing():
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        pass
    assert tree.listeners(process.pid) == []
    assert tree.usage(process.pid) == (0, 0.0)

"""Threads that come and go leave little of the memory behind that they took."""

import subprocess
import sys

#: Has thirty threads at once take memory from the C library, and prints how many pools that came from.
COUNT = """\
import ctypes, sys, threading
from vhlocal.session.pools import share_pools

if sys.argv[1] == "shared":
    share_pools()
library, together, taken = ctypes.CDLL(None), threading.Barrier(30), threading.Barrier(31)


def take():
    together.wait()
    library.malloc(100_000)
    taken.wait()


for _ in range(30):
    threading.Thread(target=take).start()
taken.wait()
library.fopen.restype = ctypes.c_void_p
file = ctypes.c_void_p(library.fopen(b"/dev/stdout", b"w"))
library.malloc_info(0, file)
library.fflush(file)
"""


def pools(how: str) -> int:
    done = subprocess.run([sys.executable, "-c", COUNT, how], check=True, capture_output=True, text=True)
    return done.stdout.count("<heap ")


def test_all_threads_of_a_run_take_memory_from_two_pools():
    assert pools("by default") > 2
    assert pools("shared") <= 2

"""Where a runner waits that was begun before vhlocal knows that it is the right one.

The gate is in the runner's own ``directory``; there is none where vhlocal knew from the start. On this machine it is a
pipe, in which there is nothing to read until vhlocal opens the gate. In a container it is a file, and vhlocal opens it
by placing another one beside it, after all that was still missing.
"""

import os
import stat
import threading
import time

_GATE = "serve_warm.gate"
_OPEN = "serve_warm.open"

#: Seconds between two looks for the file that opens a gate.
_BETWEEN_LOOKS = 0.005


def once_open(directory, watcher, then):
    """Call ``then`` once the gate is open, or at once where there is none; ``watcher`` is who watches files."""
    path = os.path.join(directory, _GATE)
    try:
        gate = os.open(path, os.O_RDONLY | os.O_NONBLOCK) if _is_pipe(path) else _end_of_looking(directory)
    except FileNotFoundError:
        then()
        return

    def pass_through():
        watcher.unwatch(gate)
        os.close(gate)
        then()

    watcher.watch(gate, pass_through)


def wait(directory):
    """Return once the gate is open."""
    path = os.path.join(directory, _GATE)
    try:
        if _is_pipe(path):
            with open(path, "rb", buffering=0) as gate:
                gate.read(1)
        else:
            _look(directory)
    except FileNotFoundError:
        pass


def _is_pipe(path):
    return stat.S_ISFIFO(os.stat(path).st_mode)


def _look(directory):
    while not os.path.exists(os.path.join(directory, _OPEN)):
        time.sleep(_BETWEEN_LOOKS)


def _end_of_looking(directory):
    """Return a file that can be read from once the gate is open."""
    ours, theirs = os.pipe()

    def look():
        _look(directory)
        os.close(theirs)

    threading.Thread(target=look, daemon=True).start()
    return ours

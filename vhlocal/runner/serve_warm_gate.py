"""Where a runner waits that was begun before vhlocal knows that it is the right one.

There is nothing to read in the gate until vhlocal does, and no gate after that, or where vhlocal knew from the start.
It is in the runner's own ``directory``.
"""

import os

_GATE = "serve_warm.gate"


def once_open(directory, watcher, then):
    """Call ``then`` once the gate is open, or at once where there is none; ``watcher`` is who watches files."""
    try:
        gate = os.open(os.path.join(directory, _GATE), os.O_RDONLY | os.O_NONBLOCK)
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
    try:
        with open(os.path.join(directory, _GATE), "rb", buffering=0) as gate:
            gate.read(1)
    except FileNotFoundError:
        pass

"""Where the Python code of a server's processes is, as Python's faulthandler writes it."""

import os
import selectors

import serve_warm_child

#: Seconds that a process gets to tell where its code is, and between two pieces of what it tells.
_WHERE_LIMIT = 0.5
_WHERE_PAUSE = 0.02

#: Bytes that are kept of what they tell, the last ones.
_MOST = 65536


class Stacks:
    """The pipe that processes answer ``WHERE`` through: ``source`` is read from here, ``sink`` is theirs."""

    def __init__(self):
        self.source, self.sink = os.pipe()
        os.set_blocking(self.source, False)
        self._text = b""

    def ask(self, pids):
        """Return the stacks of these processes, as far as they have a handler for being asked."""
        self._text = b""
        # One after the other: each process writes its stack in many small pieces.
        for pid in pids if serve_warm_child.WHERE is not None else ():
            if not _catches(pid, serve_warm_child.WHERE):
                continue
            os.kill(pid, serve_warm_child.WHERE)
            wait = _WHERE_LIMIT
            while _readable(self.source, wait):
                self.read()
                wait = _WHERE_PAUSE
        return self._text.decode("utf-8", "replace")

    def read(self):
        """Take what there is, so that nobody waits in a full pipe."""
        try:
            self._text = (self._text + os.read(self.source, _MOST))[-_MOST:]
        except BlockingIOError:
            pass


def _catches(pid, number):
    """Tell whether a process has a handler for a signal: without one, this signal might end it."""
    try:
        with open("/proc/%d/status" % pid) as status:
            caught = [line.split()[1] for line in status if line.startswith("SigCgt:")]
    except OSError:
        return False
    return bool(caught) and bool(int(caught[0], 16) >> (number - 1) & 1)


def _readable(fd, seconds):
    with selectors.DefaultSelector() as selector:
        selector.register(fd, selectors.EVENT_READ)
        return bool(selector.select(seconds))

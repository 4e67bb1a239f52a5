"""Which process is whose child, and dies with whom: Linux' own means."""

import ctypes
import os
import signal
import time

_SET_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG
_SET_CHILD_SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER

_PAUSE = 0.0005


def adopt_orphans():
    """Make every orphan below this process its child; OSError or AttributeError where the system cannot."""
    _prctl(_SET_CHILD_SUBREAPER, 1)


def die_with(parent):
    """End this process when ``parent`` does, which is its parent or about to become it."""
    while os.getppid() != parent:
        time.sleep(_PAUSE)
    _prctl(_SET_DEATH_SIGNAL, signal.SIGKILL)


def _prctl(option, value):
    if ctypes.CDLL(None).prctl(option, int(value), 0, 0, 0) != 0:
        raise OSError("prctl(%d) is refused" % option)

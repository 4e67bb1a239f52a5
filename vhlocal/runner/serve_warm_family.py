"""Which process is whose child, belongs to which server, and dies with whom: Linux' own means."""

import collections
import ctypes
import os
import resource
import signal
import time

_SET_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG
_SET_CHILD_SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER

_PAUSE = 0.0005

#: What the kernel calls processes that have ended.
_ENDED = (b"Z", b"X")

#: The exit code of who is left alone.
_ALONE = 128 + signal.SIGKILL

#: A limit that nobody comes near (bytes of POSIX message queues). Whatever a process starts inherits it, and leaves
#: neither by a session of its own nor by another program: so it shows which server a process belongs to.
_MARKED = getattr(resource, "RLIMIT_MSGQUEUE", None)
_MARKED_LINE = b"Max msgqueue size"
_UNLIMITED = 1 << 40

#: Where a kernel that is built so lists the children of a thread.
_CHILDREN = "/proc/%d/task/%d/children"


def adopt_orphans():
    """Make every orphan below this process its child; OSError or AttributeError where the system cannot."""
    _prctl(_SET_CHILD_SUBREAPER, 1)


def die_with(parent):
    """End this process when ``parent`` does, which is its parent or about to become it; at once where it has ended."""
    while os.getppid() != parent:
        if _state(parent)[0] in _ENDED:
            os._exit(_ALONE)
        time.sleep(_PAUSE)
    _prctl(_SET_DEATH_SIGNAL, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(_ALONE)


def belong_to(server):
    """Mark this process, and with it all that it will start, as one of a server's: ``server`` is a number from 1 on."""
    try:
        resource.setrlimit(_MARKED, (_mark(server), resource.getrlimit(_MARKED)[1]))
    except (OSError, TypeError, ValueError):
        pass  # its process group has to do


def members(server, leader):
    """Return the ids of the processes of a server below this process: those marked, and those of its leader's group.

    ``leader`` is its first process, which may have ended. Who has ended is none of them.
    """
    mark = b"%d" % _mark(server)
    return [pid for pid in _below(os.getpid()) if _group(pid) == leader or _marked(pid) == mark]


def _mark(server):
    hard = resource.getrlimit(_MARKED)[1] if _MARKED is not None else resource.RLIM_INFINITY
    return (_UNLIMITED if hard == resource.RLIM_INFINITY else hard) - server


def _marked(pid):
    try:
        _, found, values = _read("/proc/%d/limits" % pid).partition(_MARKED_LINE)
    except OSError:
        return None
    return values.split(None, 1)[0] if found else None


def _group(pid):
    try:
        return os.getpgid(pid)
    except OSError:
        return None


def _below(pid):
    """Return the ids of all processes below one, without those that have ended and only wait to be buried."""
    children = _children if os.path.exists(_CHILDREN % (pid, pid)) else _all_children().__getitem__
    found, waiting = [], [pid]
    while waiting:
        below = children(waiting.pop())
        found += below
        waiting += below
    return [each for each in found if _state(each)[0] not in _ENDED]


def _children(pid):
    """Return the children of a process, each of whose threads may have some."""
    found = []
    try:
        for thread in os.listdir("/proc/%d/task" % pid):
            found += map(int, _read(_CHILDREN % (pid, int(thread))).split())
    except OSError:
        pass  # it has ended: its children are somebody else's by now
    return found


def _all_children():
    """Return all children there are by parent, where the kernel does not list them for each."""
    found = collections.defaultdict(list)
    for name in os.listdir("/proc"):
        if name.isdigit():
            found[_state(int(name))[1]].append(int(name))
    return found


def _state(pid):
    try:
        state, parent = _read("/proc/%d/stat" % pid).rpartition(b")")[2].split()[:2]
    except (OSError, ValueError):
        return b"X", 0
    return state, int(parent)


def _read(path):
    """Return what a file of the kernel's says; dozens are read while a save waits, and text takes longer."""
    with open(path, "rb", 0) as file:
        return file.read()


def _prctl(option, value):
    if ctypes.CDLL(None).prctl(option, int(value), 0, 0, 0) != 0:
        raise OSError("prctl(%d) is refused" % option)

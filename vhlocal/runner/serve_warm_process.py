"""One server of the supervisor's: from the order to fork it to the last of what its process has started."""

import os
import signal
import time

import serve_warm_family
import serve_warm_held
import serve_warm_memory
import serve_warm_sockets

#: An exit code is 128 and the signal's number where a signal has ended a process, as in a shell.
KILLED = 128 + signal.SIGKILL


class Process:
    """A forked server as the supervisor sees it: ordered, then born (``pid``), then ended (``code``), then gone.

    ``number`` is its name to vhlocal. ``order`` counts the orders to the masters: where a server has to be begun again,
    it has another one, so that what comes of the one before is never taken for it.
    """

    def __init__(self, number, port, order):
        self.number = number
        self.port = port
        self.order = order
        self.pid = None
        self.code = None
        self.warm = False
        #: Whether it has bound its port where it was led there, and what its code has asked for, by socket.
        self.bound = False
        self.asked = {}
        #: Whether it has been the one that serves.
        self.served = False
        #: Processes of it that import the code, and whether one has done so.
        self.loading = []
        self.loaded = False
        #: What differs in the environment of each of its processes, by process id, as far as they have reported it.
        self.environments = {}
        self.birth = Birth()
        self.held = serve_warm_held.Held()
        #: Whether it ends for something that it was refused.
        self.refused = False
        self.stopping = False
        self.kill_at = None
        #: The exit code to report in place of its own, whether the kernel has ended it for the memory limit, and
        #: whether it is to be begun again.
        self.verdict = None
        self.out_of_memory = False
        self.again = False
        self._killed = False

    @property
    def unborn(self):
        """Whether there is no process of it yet."""
        return self.pid is None

    @property
    def lives(self):
        """Whether its first process is there."""
        return self.pid is not None and self.code is None

    @property
    def stays(self):
        """Whether it is there, listens where it is to if it is not the first, and is not to end or to begin again."""
        listens = self.bound or self.number == 1
        return self.lives and listens and not (self.stopping or self.again or self._killed)

    def be_born(self, pid, at):
        """Note its process; one that was not to be any more is ended at once."""
        self.pid = pid
        self.birth.forked = at
        self.environments[pid] = {}
        if self.stopping:
            self.kill()

    def members(self):
        """Return the ids of all its processes that are there."""
        return [] if self.unborn else serve_warm_family.members(self.order, self.pid)

    def holds(self, kind, name, inode=None):
        """Tell whether it has what only one can have: see ``serve_warm_held``."""
        return self.held.holds(self.members(), kind, name, inode)

    def hosts(self):
        """Return the addresses that its code means those sockets to have that listen on its port now."""
        return [self.asked.get(inode, host) for inode, host in serve_warm_sockets.listening(self.port).items()]

    def expend(self, much):
        """Let the kernel end it ``much`` rather than others; twice, for what is being forked meanwhile."""
        for pid in self.members() + self.members():
            serve_warm_memory.expend(pid, much)

    def stop(self, grace):
        """Ask it to end, and have it killed after ``grace`` seconds; without a process yet, as soon as there is one."""
        self.stopping = True
        self.kill_at = time.monotonic() + grace
        if self.lives and grace:
            os.kill(self.pid, signal.SIGTERM)
        elif self.lives:
            self.kill()

    def kill(self):
        """Kill all of its processes that are there, and return whether there were any."""
        self.kill_at = None
        self._killed = True
        if self.lives:  # most of it at once, before it answers anybody
            kill_group(self.pid)
        members = self.members()
        for pid in members:
            _end(os.kill, pid)
        return bool(members)

    def end(self, status):
        """Note how its first process has ended; return whether somebody else has killed it."""
        self.code = 128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
        return self.code == KILLED and not self._killed


def kill_group(pid):
    """Kill the group that a process leads, or what is left of it."""
    _end(os.killpg, pid)


def _end(kill, pid):
    try:
        kill(pid, signal.SIGKILL)
    except OSError:
        pass  # it has ended by itself


class Birth:
    """When a server's process was there, its port bound, and its code loaded.

    ``imports`` are what its processes have imported, by process id, ``loading`` all that was imported until the code
    was loaded, which ``by`` has done.
    """

    def __init__(self):
        self.forked = None
        self.bound = None
        self.loaded = None
        self.by = None
        self.imports = {}
        self.loading = None

    def load(self, main, pid, at):
        """Note that a process has loaded the code; ``main`` is the server's first one."""
        self.loaded, self.by = at, pid
        self.loading, self.imports = self.imported(main), {}

    def imported(self, main):
        """Return what was imported since the last time by the first process, and by the one that loaded the code."""
        others = [] if self.by in (None, main) else self.imports.get(self.by, [])
        return self.imports.get(main, []) + others

    def facts(self, main, now):
        """Return how many seconds before ``now`` all of it was, and the two parts of what was imported."""
        moments = {"forked": self.forked, "bound": self.bound, "loaded": self.loaded}
        ago = {name: None if moment is None else now - moment for name, moment in moments.items()}
        imported = self.imported(main)
        parts = [imported, []] if self.loading is None else [self.loading, imported]
        return dict(ago, imports=parts)

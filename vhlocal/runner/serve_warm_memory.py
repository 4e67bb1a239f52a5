"""What the memory limit of these processes leaves (K2), whom the kernel ends when it is passed, and whether it has."""

import os

_PAGE = os.sysconf("SC_PAGE_SIZE")

#: The kernel's files of a control group by version: its limit, what is used, the parts of that, and whom it has killed.
_FILES = (
    ("", "memory.max", "memory.current", "memory.stat", "memory.events"),
    ("memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "memory.stat", "memory.oom_control"),
)
_GROUPS = "/sys/fs/cgroup"
_OWN = "/proc/self/cgroup"
_MACHINE = "/proc/meminfo"

#: Above this there is no limit but the machine's.
_NO_LIMIT = 1 << 60

#: What a server needs may be this much more than what the ones before it need.
_MARGIN = 1.2

#: How much rather than any other process the kernel is to end one: of the master and of a server that has not answered
#: yet nobody has anything, of one that has been replaced some still wait for an answer.
FIRST = 1000
BEFORE_OTHERS = 900


class Limit:
    """The memory limit that the kernel keeps for this process and those below it, or the machine's own."""

    def __init__(self, groups=_GROUPS, own=_OWN, machine=_MACHINE):
        self._files = _limiting(groups, own)
        self._machine = machine
        #: How many processes are known to have been killed for it.
        self._known = self.kills() or 0

    def has_room_for_server(self, servers):
        """Tell whether one more fits beside ``servers``, each given as the ids of its processes.

        It may come to need what the largest of them needs; so may each of the others.
        """
        room = self._room()
        if room is None or most_needed([sum(map(_resident, pids)) for pids in servers]) < room:
            return True
        used = [sum(_memory(pid, ("Private_Clean:", "Private_Dirty:")) for pid in pids) for pids in servers]
        return needed(used) < room

    def has_room_for_master(self, pids):
        """Tell whether a copy of what these processes have imported fits beside them."""
        room = self._room()
        if room is None or max(map(_resident, pids), default=0) * _MARGIN < room:
            return True
        return max([_memory(pid, ("Pss:",)) for pid in pids] or [0]) * _MARGIN < room

    def kills(self):
        """Return how many processes the kernel has killed for the limit so far; None where it does not report that."""
        if self._files is None:
            return None
        try:
            return int(_values(_read(self._files[3]))["oom_kill"])
        except (OSError, ValueError, KeyError):
            return None

    def has_killed(self):
        """Tell whether the kernel has killed one more process for the limit than was known."""
        kills = self.kills()
        if kills is None or kills <= self._known:
            return False
        self._known += 1
        return True

    def may_have_killed(self):
        """Tell whether the kernel has killed any process that was not known, or does not tell; all are known then."""
        kills = self.kills()
        known, self._known = self._known, kills or 0
        return kills is None or kills > known

    def _room(self):
        """Return the bytes that the limit and the machine leave, or None where neither is known."""
        rooms = [self._left(), _available(self._machine)]
        return min([room for room in rooms if room is not None] or [None])

    def _left(self):
        if self._files is None:
            return None
        limit, used, stat, _ = self._files
        try:
            return int(_read(limit)) - int(_read(used)) + _inactive(_read(stat))
        except (OSError, ValueError):
            return None


def needed(used):
    """Return the bytes that one more server beside others may need, with what those may still come to need. Pure.

    ``used`` is what each of the others uses by itself.
    """
    largest = max(used or [0])
    return int(largest * _MARGIN) + sum(largest - each for each in used)


def most_needed(resident):
    """Return the bytes that ``needed`` cannot pass, by all memory that each of the others has, shared or not. Pure.

    The kernel has counted that. To find out what is shared it looks at each page, which takes milliseconds where
    libraries such as pandas are loaded, and a save waits for it.
    """
    return int(max(resident or [0]) * (_MARGIN + len(resident) - 1))


def expendability():
    """Return how much rather than others the kernel would end this process."""
    try:
        return int(_read("/proc/self/oom_score_adj"))
    except (OSError, ValueError):
        return 0


def expend(pid, much):
    """Let the kernel end a process ``much`` rather than others when there is no memory left, from 0 to 1000."""
    try:
        with open("/proc/%s/oom_score_adj" % pid, "w") as score:
            score.write(str(much))
    except OSError:
        pass  # it has ended, or may not be written: then the kernel takes whoever uses most


def _limiting(groups, own):
    """Return the files of the control group that limits this process, or None."""
    for place, *names in _FILES:
        # A container may be shown its own group as the top, or under the path that it has on the machine.
        for path in (_own_path(own, place), ""):
            files = [os.path.join(groups, place, path, name) for name in names]
            try:
                if int(_read(files[0])) < _NO_LIMIT:
                    return files
            except (OSError, ValueError):  # "max" where there is none
                continue
    return None


def _own_path(own, controller):
    try:
        lines = [line.split(":", 2) for line in _read(own).splitlines()]
    except OSError:
        return ""
    paths = [path for _, controllers, path in lines if controller in controllers.split(",")]
    return paths[0].lstrip("/") if paths else ""


def _available(machine):
    try:
        lines = [line for line in _read(machine).splitlines() if line.startswith("MemAvailable:")]
    except OSError:
        return None
    return int(lines[0].split()[1]) * 1024 if lines else None


def _inactive(stat):
    """Return the bytes of files in memory that the kernel gives back before it kills anybody."""
    values = _values(stat)
    return int(values.get("total_inactive_file", values.get("inactive_file", 0)))


def _values(text):
    return dict(line.split() for line in text.splitlines())


def _resident(pid):
    try:
        return int(_read("/proc/%d/statm" % pid).split()[1]) * _PAGE
    except (OSError, ValueError, IndexError):
        return 0


def _memory(pid, fields):
    try:
        lines = _read("/proc/%d/smaps_rollup" % pid).splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith(fields))


def _read(path):
    with open(path) as file:
        return file.read()

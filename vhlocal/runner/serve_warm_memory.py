"""Whether the container's memory limit leaves room for another process (K2), which a server alone would not need."""

import os

_LIMITS = (
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current", "/sys/fs/cgroup/memory.stat"),
    (
        "/sys/fs/cgroup/memory/memory.limit_in_bytes",
        "/sys/fs/cgroup/memory/memory.usage_in_bytes",
        "/sys/fs/cgroup/memory/memory.stat",
    ),
)

#: Above this there is no limit but the machine's.
_NO_LIMIT = 1 << 60

#: What a server needs may be this much more than what the one before it needs.
_MARGIN = 1.2


def has_room_for_server(pids):
    """Tell whether a second server like the one of these processes fits beside it."""
    room = _room()
    return room is None or sum(_memory(pid, ("Private_Clean:", "Private_Dirty:")) for pid in pids) * _MARGIN < room


def has_room_for_master(pids):
    """Tell whether a copy of what these processes have imported fits beside them."""
    room = _room()
    return room is None or max([_memory(pid, ("Pss:",)) for pid in pids] or [0]) * _MARGIN < room


def group(pid):
    """Return the ids of the processes of a group."""
    found = []
    for name in os.listdir("/proc"):
        try:
            if name.isdigit() and os.getpgid(int(name)) == pid:
                found.append(int(name))
        except OSError:
            continue
    return found


def catches(pid, signal):
    """Tell whether a process has a handler for a signal: without one, this signal might end it."""
    try:
        with open("/proc/%d/status" % pid) as status:
            caught = [line.split()[1] for line in status if line.startswith("SigCgt:")]
    except OSError:
        return False
    return bool(caught) and bool(int(caught[0], 16) >> (signal - 1) & 1)


def _room():
    """Return the bytes that the limit leaves, or None where there is none."""
    for limit_file, used_file, stat_file in _LIMITS:
        try:
            limit = int(_read(limit_file))
            if limit >= _NO_LIMIT:
                return None
            return limit - int(_read(used_file)) + _inactive(_read(stat_file))
        except (OSError, ValueError):  # "max" where there is none
            continue
    return None


def _inactive(stat):
    """Return the bytes of files in memory that the kernel gives back before it kills anybody."""
    values = dict(line.split() for line in stat.splitlines())
    return int(values.get("total_inactive_file", values.get("inactive_file", 0)))


def _memory(pid, fields):
    try:
        lines = _read("/proc/%d/smaps_rollup" % pid).splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith(fields))


def _read(path):
    with open(path) as file:
        return file.read()

"""What only one process can have: ports, sockets' files, locks, and files that were not to be there before.

A server may be refused one at its start, which the server that serves may have. Both have to be certain: the code's own
line has asked, and the kernel says who has it. New files and databases are heard of from Python 3.8 on.
"""

import errno
import fcntl
import functools
import os
import re
import socket
import sys

#: Things that are noted of a process: what code asks for at its start are few.
_NOTED = 100

#: Things that are reported at an end, and characters of their names.
_TOLD = 10
_LONGEST = 1000

_SET_LOCKS = {fcntl.F_SETLK, fcntl.F_SETLKW, 37, 38}  # the last are F_OFD_SETLK and F_OFD_SETLKW

#: What may be a path in the words of an error.
_PATHS = re.compile(r"[\"'`]([^\"'`]+)[\"'`]|(/[^\s:,;\"'`]+)")

_FILES = ("lock", "made", "pid", "socket")

#: How errors say that somebody else has locked a file, and that a pid file names somebody who runs.
_LOCKED = re.compile("lock|busy|unavailable|in use", re.IGNORECASE)
_RUNS = re.compile("running|exist|start|pid", re.IGNORECASE)

#: Bytes of a pid file at most.
_LONGEST_PID = 32

_ANY_HOST = ("", "0.0.0.0", "::")


class Asked:
    """What this process has asked for, by its lines in ``code``; ``tell`` reports to the supervisor.

    Kinds are ``tcp``, ``udp``, ``abstract`` (a socket without a file), ``socket`` (one's file), ``made`` (a file that
    must not have been there before), ``pid`` (one that names a process) and ``lock`` (on a file); names are
    ``host:port``, or paths.

    It reports a refusal at once, as ``lacks``, and also if it gets the thing after all: code may go on without it.
    """

    def __init__(self, code, tell):
        self._code = os.path.realpath(code) + os.sep
        self._tell = tell
        #: Places by kind and name; a lock's file may be another one by now, so what identifies it is kept too.
        self._asked = {}
        self._lacking = set()
        self._databases = set()
        self._left = _NOTED
        self._ended = None

    def listen(self):
        """Note from now on what the code asks for, if Python has audit hooks."""
        if hasattr(sys, "addaudithook"):
            sys.addaudithook(self._hear)

    def bind(self, bind, listening, address):
        """Do ``bind``, and note what was bound, or is somebody else's."""
        kind, name = _named(listening, address)
        try:
            bind(listening, address)
        except OSError as error:
            if kind and error.errno == errno.EADDRINUSE:
                self._lack(kind, name)
            raise
        if kind:
            self._has(kind, name, os.fstat(listening.fileno()).st_ino)
            self._lacking.discard((kind, name))

    def lock(self, lock, fd, operation, *where):
        """Do ``lock`` on a file for this process alone, and note that it is somebody else's, also while it waits."""
        try:
            done = lock(fd, operation | fcntl.LOCK_NB, *where)
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.EACCES):
                raise
            number = fd if isinstance(fd, int) else fd.fileno()
            key = "lock", os.readlink("/proc/self/fd/%d" % number), _identity(number)
            self._lack(*key)
            if operation & fcntl.LOCK_NB:
                raise
        else:
            if self._lacking:
                number = fd if isinstance(fd, int) else fd.fileno()
                self._get("lock", os.readlink("/proc/self/fd/%d" % number))
            return done
        done = lock(fd, operation, *where)
        self._get(*key[:2])
        return done

    def end(self, error):
        """Report, once in each process, what may have made it end by ``error``.

        That is what the lines in the error's traceback asked for; without an error it may be anything that was asked
        for.
        """
        if self._ended == os.getpid():
            return
        self._ended = os.getpid()
        raised = [each for each in _chain(error) if not isinstance(each, SystemExit)]
        if not raised and not error.code:
            return
        lines = {place for each in raised for place in self._lines(each)}
        told = [(*asked, place) for asked, place in self._asked.items() if not raised or place in lines]
        for each in raised or [error]:
            place = (self._lines(each) or [None])[-1]
            told += [(kind, name, _identity(name), place) for kind, name in self._files_of(each)]
        for kind, name, inode, place in told[:_TOLD]:
            self._tell(event="refused", kind=kind, name=name, inode=inode, place=place)

    def _files_of(self, error):
        """Return what an error may speak of: locked or pid files that it names, or databases that are connected."""
        text = str(error)
        if type(error).__module__ == "sqlite3":
            return [("lock", path) for path in sorted(self._databases)] if "is locked" in text else []
        named = [getattr(error, "filename", None), *(path for found in _PATHS.findall(text) for path in found)]
        paths = [path for path in named if path and isinstance(path, str) and len(path) < _LONGEST]
        files = sorted({os.path.realpath(path) for path in paths if os.path.isfile(path)})
        kinds = [kind for kind, words in (("lock", _LOCKED), ("pid", _RUNS)) if words.search(text)]
        return [(kind, path) for kind in kinds for path in files]

    def _hear(self, event, arguments):
        """Take in an audit event; an error in that must not reach the code."""
        hear = _HEARD.get(event)
        if hear is not None:
            try:
                hear(self, *arguments)
            except Exception:  # noqa: BLE001 - see above
                pass

    def _hear_fcntl(self, fd, operation, *_):
        if operation in _SET_LOCKS:
            self._note("lock", os.readlink("/proc/self/fd/%d" % fd), _identity(fd))

    def _hear_connect(self, database):
        path = os.fsdecode(database)
        path = path[len("file:") :].partition("?")[0] if path.startswith("file:") else path
        if path and path != ":memory:" and len(self._databases) < _NOTED:
            self._databases.add(os.path.realpath(path))

    def _hear_open(self, path, mode, flags):
        if not flags & os.O_EXCL or not flags & os.O_CREAT or isinstance(path, int):
            return
        if sys._getframe(2).f_code.co_filename.startswith("<frozen importlib"):  # it keeps what it has compiled
            return
        name = os.path.realpath(os.fsdecode(path))
        if os.path.lexists(name):
            self._note("made", name)
            self._lack("pid", name)  # other files that are there already may be there for good
        else:
            self._has("made", name, None)

    def _lack(self, kind, name, inode=None):
        """Note that it was refused something, and report that if it is new."""
        self._note(kind, name, inode)
        place = self._asked.get((kind, name, inode))
        if place is not None and (kind, name) not in self._lacking:
            self._lacking.add((kind, name))
            self._tell(event="lacks", kind=kind, name=name, inode=inode, place=place)

    def _get(self, kind, name):
        """Report that it has what it was refused."""
        if (kind, name) in self._lacking:
            self._lacking.discard((kind, name))
            self._tell(event="got", kind=kind, name=name)

    def _note(self, kind, name, inode=None):
        key = (kind, name, inode)
        if key not in self._asked and self._spend(name):
            self._asked[key] = self._place()

    def _has(self, kind, name, inode):
        if self._spend(name):
            self._tell(event="has", kind=kind, name=name, inode=inode)

    def _spend(self, name):
        self._left -= 1
        return self._left >= 0 and len(name) < _LONGEST

    def _place(self):
        """Return the file and the line of the project's code that is running, None where it is a library's alone."""
        frame = sys._getframe(1)
        while frame is not None:
            place = self._own(frame.f_code.co_filename, frame.f_lineno)
            if place is not None:
                return place
            frame = frame.f_back
        return None

    def _lines(self, error):
        """Return the places in the project's code that an error came through, outermost first."""
        places, frames = [], error.__traceback__
        while frames is not None:
            places.append(self._own(frames.tb_frame.f_code.co_filename, frames.tb_lineno))
            frames = frames.tb_next
        return [place for place in places if place is not None]

    def _own(self, file, line):
        path = "" if file.startswith("<") else os.path.realpath(file)
        return (path, line) if path.startswith(self._code) else None


def hear_locks(current):
    """Have files locked through ``current``'s ``Asked`` from now on, as long as that is not None."""
    for lock in (fcntl.flock, fcntl.lockf):
        setattr(fcntl, lock.__name__, _heard(lock, current))


def _heard(lock, current):
    @functools.wraps(lock)
    def heard(fd, operation, *where):
        asked = current()
        if asked is None or not isinstance(operation, int) or not operation & fcntl.LOCK_EX:
            return lock(fd, operation, *where)
        return asked.lock(lock, fd, operation, *where)

    return heard


_HEARD = {
    "fcntl.fcntl": Asked._hear_fcntl,
    "sqlite3.connect": Asked._hear_connect,
    "open": Asked._hear_open,
}


class Held:
    """What one server's processes have, and what they lack, as they reported it to the supervisor."""

    def __init__(self):
        self._has = {}
        self._makers = {}
        self._lacks = {}

    def note(self, kind, name, inode, pid):
        """Note that its process ``pid`` has bound a socket, or is about to make a file."""
        self._has[kind, name] = inode
        self._makers[kind, name] = pid
        self.get(kind, name)

    def marks(self):
        """Return those files, of kind, name and maker, that are of no use once it has ended: sockets, and pid files."""
        marks = [(kind, name, pid) for (kind, name), pid in self._makers.items()]
        return [
            each for each in marks if each[0] == "socket" or (each[0] == "made" and _named_process(each[1]) == each[2])
        ]

    def lack(self, kind, name, inode, place):
        """Note that it was refused something by the code's line at ``place``."""
        self._lacks[kind, name] = {"kind": kind, "name": name, "inode": inode, "place": place}

    def get(self, kind, name):
        """Note that it has what it was refused."""
        self._lacks.pop((kind, name), None)

    def lacks(self):
        """Return what it was refused and does not have since."""
        return list(self._lacks.values())

    def find_made(self):
        """Note which files are there now that it has made: it serves, so none has been refused."""
        for kind, name in self._has:
            if kind == "made":
                self._has[kind, name] = self._has[kind, name] or _identity(name)

    def holds(self, pids, kind, name, inode=None):
        """Tell whether processes of the server have it, by the kernel's word; ``inode`` is a lock's file's."""
        name = os.path.realpath(name) if kind in _FILES else name
        if kind == "lock":
            identity = _identity(name) if inode is None else tuple(inode)
            return identity is not None and any(_locks(pid, identity) for pid in pids)
        if kind == "pid":
            return _named_process(name) in pids
        if kind == "made":
            return self._has.get((kind, name), None) in {_identity(name)} - {None}
        sockets = {"socket:[%d]" % own for (it, at), own in self._has.items() if it == kind and _meet(kind, at, name)}
        return any(not sockets.isdisjoint(_opened(pid)) for pid in pids)


def _named(listening, address):
    """Return kind and name of what a socket is to bind; "" where it is nothing that anybody else could have."""
    if listening.family == getattr(socket, "AF_UNIX", None):
        path = os.fsdecode(address)
        return ("abstract", "@" + path[1:]) if path[:1] == "\0" else ("socket" if path else "", os.path.realpath(path))
    # A number may hold flags beside the type.
    kind = "tcp" if listening.type & 15 == socket.SOCK_STREAM else "udp" if listening.type & 15 == 2 else ""
    if not kind or not isinstance(address, tuple) or not address[1]:
        return "", ""
    return kind, "%s:%d" % tuple(address[:2])


def _meet(kind, one, other):
    """Tell whether two names are of the same port or socket, on one address at least."""
    if kind not in ("tcp", "udp"):
        return one == other
    (host, _, port), (other_host, _, other_port) = one.rpartition(":"), other.rpartition(":")
    return port == other_port and (host == other_host or host in _ANY_HOST or other_host in _ANY_HOST)


def _chain(error):
    """Return an error and those that it came of."""
    found = []
    while error is not None and error not in found:
        found.append(error)
        error = error.__cause__ or error.__context__
    return found


def _identity(file):
    """Return what identifies a file, given by its path or descriptor; None where it is not there."""
    try:
        status = os.stat(file)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _named_process(file):
    """Return the id of the process that a pid file names; None where it is none."""
    try:
        with open(file, "rb") as text:
            return int(text.read(_LONGEST_PID))
    except (OSError, ValueError):
        return None


def _opened(pid):
    """Return what a process's descriptors lead to."""
    found = set()
    for file in _descriptors(pid):
        try:
            found.add(os.readlink(file))
        except OSError:
            continue
    return found


def _locks(pid, identity):
    """Tell whether a process has locked a file for itself alone, as the kernel tells of each descriptor."""
    for file in _descriptors(pid):
        try:
            if _identity(file) == identity and _is_locked(file.replace("/fd/", "/fdinfo/")):
                return True
        except OSError:
            continue
    return False


def _is_locked(facts):
    with open(facts) as lines:
        return any(line.startswith("lock:") and " WRITE " in line for line in lines)


def _descriptors(pid):
    directory = "/proc/%d/fd/" % pid
    try:
        return [directory + number for number in os.listdir(directory)]
    except OSError:
        return []

"""What only one process can have: ports, sockets' files, locks, and files that were not to be there before.

A server that ends at its start may have been refused one, which the server that serves may have. Both have to be
certain: the code's own line has asked, and the kernel says who has it. Locks are heard of from Python 3.8 on.
"""

import errno
import fcntl
import os
import re
import socket
import sys

#: Things that are noted of a process: what code asks for at its start are few.
_NOTED = 100

#: Things that are told at an end, and characters of a name that is.
_TOLD = 10
_LONGEST = 1000

_SET_LOCKS = {fcntl.F_SETLK, fcntl.F_SETLKW, 37, 38}  # the last are F_OFD_SETLK and F_OFD_SETLKW

#: What may be a path in the words of an error.
_PATHS = re.compile(r"[\"'`]([^\"'`]+)[\"'`]|(/[^\s:,;\"'`]+)")

_FILES = ("lock", "made", "socket")
#: How errors say that somebody else has locked a file.
_LOCKED = re.compile("lock|busy|unavailable|in use", re.IGNORECASE)

_ANY_HOST = ("", "0.0.0.0", "::")


class Asked:
    """What this process has asked for, by what its lines in ``code`` were; ``tell`` reports to the supervisor.

    Kinds are ``tcp``, ``udp``, ``abstract`` (a socket without a file), ``socket`` (one's file), ``made`` (a file that
    was not to be there before) and ``lock`` (on a file); names are ``host:port``, or paths.
    """

    def __init__(self, code, tell):
        self._code = os.path.realpath(code) + os.sep
        self._tell = tell
        #: Places by kind and name; a lock's file may be another one by now, so what identifies it is kept too.
        self._asked = {}
        self._databases = set()
        self._left = _NOTED
        self._ended = None

    def listen(self):
        """Hear from now on what is asked for, where Python tells."""
        if hasattr(sys, "addaudithook"):
            sys.addaudithook(self._hear)

    def bind(self, bind, listening, address):
        """Do ``bind``, and note what was bound, or is somebody else's."""
        kind, name = _named(listening, address)
        try:
            bind(listening, address)
        except OSError as error:
            if kind and error.errno == errno.EADDRINUSE:
                self._note(kind, name)
            raise
        if kind:
            self._has(kind, name, os.fstat(listening.fileno()).st_ino)

    def end(self, error):
        """Tell, once in each process, what it may be for that this one ends by ``error``.

        That is what was asked for by a line that the error came through; whoever ends without an error may do so for
        all that was.
        """
        if self._ended == os.getpid():
            return
        self._ended = os.getpid()
        raised = [each for each in _chain(error) if not isinstance(each, SystemExit)]
        if not raised and not error.code:
            return
        lines = {place for each in raised for place in self._lines(each)}
        told = [(*asked, place) for asked, place in self._asked.items() if not raised or place in lines]
        for each in raised:
            place = (self._lines(each) or [None])[-1]
            told += [("lock", name, _identity(name), place) for name in self._files_of(each)]
        for kind, name, inode, place in told[:_TOLD]:
            self._tell(event="refused", kind=kind, name=name, inode=inode, place=place)

    def _files_of(self, error):
        """Return the files that may be locked where this error says so: those that it names, or connected databases."""
        text = str(error)
        if type(error).__module__ == "sqlite3":
            return sorted(self._databases) if "is locked" in text else []
        if not _LOCKED.search(text):
            return []
        named = [getattr(error, "filename", None), *(path for found in _PATHS.findall(text) for path in found)]
        paths = [path for path in named if path and isinstance(path, str) and len(path) < _LONGEST]
        return sorted({os.path.realpath(path) for path in paths if os.path.isfile(path)})

    def _hear(self, event, arguments):
        """Hear an audit event; whatever is wrong with what it tells is not the code's concern."""
        hear = _HEARD.get(event)
        if hear is not None:
            try:
                hear(self, *arguments)
            except Exception:  # noqa: BLE001 - see above
                pass

    def _hear_flock(self, fd, operation):
        if operation & fcntl.LOCK_EX:
            self._note_lock(fd)

    def _hear_lockf(self, fd, operation, *_):
        self._hear_flock(fd, operation)

    def _hear_fcntl(self, fd, operation, *_):
        if operation in _SET_LOCKS:
            self._note_lock(fd)

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
        else:
            self._has("made", name, None)

    def _note_lock(self, fd):
        self._note("lock", os.readlink("/proc/self/fd/%d" % fd), _identity(fd))

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


_HEARD = {
    "fcntl.flock": Asked._hear_flock,
    "fcntl.lockf": Asked._hear_lockf,
    "fcntl.fcntl": Asked._hear_fcntl,
    "sqlite3.connect": Asked._hear_connect,
    "open": Asked._hear_open,
}


class Held:
    """What one server's processes have told to have, as the supervisor knows it."""

    def __init__(self):
        self._has = {}

    def note(self, kind, name, inode):
        """Note that it has bound a socket, or is about to make a file."""
        self._has[kind, name] = inode

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

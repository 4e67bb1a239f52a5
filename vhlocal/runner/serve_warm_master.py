"""The warm master: a process that has imported what servers import, and becomes one in each fork.

It never imports the project's own modules, so that every server does so anew. Threads do not survive a fork, and what a
GPU's driver holds does not either: a module that brings such things is left to the servers.
"""

import gc
import importlib
import importlib.machinery
import importlib.util
import os
import select
import signal
import socket
import sys
import threading
import time

import serve_warm_imports
import serve_warm_kept
import serve_warm_protocol

#: Known to start threads or to touch a GPU, if not at import then soon after, or to forbid forks.
NOT_FORKED = ("cudf", "cuml", "cupy", "grpc", "jax", "jaxlib", "polars", "pycuda", "ray", "rmm", "tensorflow")

#: Bring threads at import that end and begin again around a fork by themselves (OpenBLAS).
FORK_SAFE = ("numpy", "scipy")

#: Seconds without a command after which the next server is forked beforehand: until then the last one is starting.
_IDLE = 0.3

#: Bytes that an order has at most, and what is answered to one.
_LONGEST_ORDER = 65536
_TAKEN = b"."

#: Exit code of a deputy that has reported why it keeps nothing.
_GAVE_UP = 9

_GPU = ("/dev/nvidia", "/dev/dri", "/dev/kfd")


class Become(BaseException):
    """Unwinds a forked process down to where it can begin as ``server``."""

    def __init__(self, server):
        super().__init__()
        self.server = server


class _Denied(BaseException):
    """Ends the import of what needs a module that is not forked; no ``except ImportError`` is to take it."""


class Master:
    """Imports and forks on commands from ``channel``, a socket; ``make_server(number, port, base)`` runs in the fork.

    With ``loaders`` it forks once more before its first server: that process keeps what they return and serves in this
    one's place until the loaders' files change.
    """

    def __init__(self, channel, code, denied, loaders, make_server):
        self._channel = channel
        self._code = code
        self._loaders = loaders
        self._make_server = make_server
        self._kept = None
        self._deputy_of = None
        #: Gives the next server, which has been forked already, its order.
        self._spare = None
        self._lines = serve_warm_protocol.Lines()
        self._waiting = []
        self._base = serve_warm_imports.environment()
        #: What the imported modules themselves have changed in the environment.
        self._changed = {}
        self._denied = set(denied)
        #: How many threads there are of modules that may bring some, and whether such a one is being imported.
        self._safe_threads = 0
        self._in_safe = False
        self._own = _tops()
        self._tops = set()
        #: Generators of random numbers, and what this process held after the last import: known once there is one.
        self._chance = self._traces = None
        sys.meta_path.insert(0, self)

    def find_spec(self, name, path=None, target=None):
        """See ``importlib.abc.MetaPathFinder``: refuses what is not to be imported here."""
        top = name.partition(".")[0]
        if top in self._denied:
            raise _Denied(name)
        if top in FORK_SAFE and not self._in_safe:
            spec = importlib.machinery.PathFinder.find_spec(name, path, target)
            if spec is not None and spec.loader is not None:
                self._count_threads(spec.loader)
                return spec
        return None

    def _count_threads(self, loader):
        """Have the threads counted that a module brings which may: whoever imports it is not to be blamed for them."""
        execute = loader.exec_module

        def counting(module):
            before, self._in_safe = _threads(), True
            try:
                execute(module)
            finally:
                self._in_safe = False
                self._safe_threads += _threads() - before

        loader.exec_module = counting

    def run(self):
        """Serve until the channel ends; raises Become in each fork."""
        while True:
            if self._waiting and not self._commanded():
                self._import_next()
                continue
            if self._spare is None and not self._commanded(_IDLE):
                self._arm()
            data = self._channel.recv(65536)
            if not data:
                os._exit(0)
            for command in self._lines.feed(data):
                self._do(command)

    def _do(self, command):
        getattr(self, "_do_" + command.pop("do"))(**command)

    def _commanded(self, seconds=0):
        return bool(select.select([self._channel], [], [], seconds)[0])

    def _do_import(self, groups):
        # What brings threads that may be forked comes first: any further thread is somebody else's.
        self._trace()
        modules = [(name, changes) for changes, names in groups for name in names if name not in sys.modules]
        self._waiting = [entry for entry in modules if entry[0].partition(".")[0] in FORK_SAFE]
        self._waiting += [entry for entry in modules if entry[0].partition(".")[0] not in FORK_SAFE]
        if not self._waiting:
            self._imported()

    def _import_next(self):
        self._disarm()
        gc.disable()  # what is imported stays: to look through it again and again takes a tenth of the time
        self._import(*self._waiting.pop(0))
        if not self._waiting:
            self._imported()

    def _import(self, name, changes):
        top = name.partition(".")[0]
        if name in sys.modules or top in self._denied:
            return
        self._tell(event="importing", name=name)
        serve_warm_imports.set_environment(self._base, changes)
        before = serve_warm_imports.environment()
        threads, traces = _threads() - self._safe_threads, self._traces
        try:
            importlib.import_module(name)
        except _Denied as denied:
            self._deny(top, "imports %s" % denied)
        except BaseException:  # noqa: BLE001 - it fails in the server as well, or needs the project's code
            pass
        self._changed.update(serve_warm_imports.changes(before))
        why = self._left(traces)
        if top not in FORK_SAFE and _threads() - self._safe_threads > threads:
            why = "starts threads when it is imported"
        elif _holds_gpu():
            why = "opens a GPU when it is imported"
        if why:
            self._tell(event="unfit", name=top, why=why)

    def _trace(self):
        """Note what this process holds now, and return it; what is needed for that is imported late."""
        import serve_warm_shared

        if self._chance is None:
            self._chance = serve_warm_shared.Chance()
        self._traces = serve_warm_shared.Traces()
        return self._traces

    def _left(self, before):
        """Return what an import has left behind that forks must not share, "" where it is nothing."""
        if self._trace().left(before):
            gc.collect()  # what nobody refers to any more is not left
            self._trace()
        for child in self._traces.started(before):
            os.kill(child, signal.SIGKILL)  # each server starts its own
        return self._traces.left(before)

    def _deny(self, top, why):
        if top not in self._denied:
            self._denied.add(top)
            self._tell(event="denied", name=top, why=why)

    def _imported(self):
        serve_warm_imports.set_environment(self._base, self._changed)
        self._tops = _tops() - self._own - (self._kept.modules() if self._kept else set())
        if self._chance is not None:
            self._chance.collect()
        if hasattr(gc, "freeze"):
            gc.freeze()  # collections in the servers do not copy what they share with the master
        gc.enable()
        self._tell(event="imported", changed=self._changed)

    def _do_fork(self, number, port, paths, after_imports=False):
        """Begin a server; ``after_imports`` that are to be done yet.

        ``paths`` are the directories that it searches first. What lies there hides what was imported here under the
        same name: then it has to be another master's child.
        """
        while after_imports and self._waiting:
            self._import_next()
        command = {"do": "fork", "number": number, "port": port, "paths": paths}
        if self._kept is not None and self._kept.changed():
            serve_warm_protocol.write(self._deputy_of, command)
            os._exit(0)
        if self._loaders and self._kept is None:
            command = self._by_deputy(command)
            if command is None:
                return
            number, port, paths = command["number"], command["port"], command["paths"]
        modules = _modules_in(paths)
        if modules & self._tops:
            self._tell(event="hidden", number=number, names=sorted(modules & self._tops))
            return
        self._give({"number": number, "port": port, "own": sorted(modules & self._own)})

    def _give(self, order):
        """Give an order to the server that waits for one; report if it has not said that it is a server.

        It may have ended before. The supervisor knows whether it has become that server.
        """
        if self._spare is None:
            self._arm()
        taken = self._spare is not None and _is_taken(self._spare, order)
        self._disarm()
        if not taken:
            self._tell(event="untaken", number=order["number"])

    def _arm(self):
        """Fork the next server beforehand, where the system lets us: it waits for its order. Raises Become in it.

        It is forked twice, so that it becomes the supervisor's own child.
        """
        sys.stdout.flush()
        sys.stderr.flush()
        ours, theirs = socket.socketpair()
        try:
            between = os.fork()
        except OSError:  # no memory, or too many processes
            return
        if between:
            os.waitpid(between, 0)
            theirs.close()
            self._spare = ours
            return
        try:
            waits = os.fork() == 0
        except OSError:
            waits = False
        if not waits:
            os._exit(0)
        ours.close()
        self._wait_for_order(theirs)

    def _disarm(self):
        """Let go of the server that waits: it goes on, or ends where it has no order."""
        if self._spare is not None:
            self._spare.close()
            self._spare = None

    def _wait_for_order(self, giver):
        os.setpgid(0, 0)
        sys.meta_path.remove(self)
        self._channel.close()
        if self._deputy_of is not None:
            os.close(self._deputy_of)
        order = serve_warm_protocol.Lines().feed(giver.recv(_LONGEST_ORDER))
        if not order:
            os._exit(0)
        number, port, own = order[0]["number"], order[0]["port"], set(order[0]["own"])
        for name in [name for name in sys.modules if name.partition(".")[0] in own]:
            del sys.modules[name]
        server = self._make_server(number, port, self._base)
        serve_warm_imports.set_environment(self._base, self._changed)
        if self._chance is not None:
            self._chance.reseed()
        server.tell(event="forked", at=time.monotonic())
        giver.sendall(_TAKEN)
        giver.close()
        raise Become(server)

    def _by_deputy(self, command):
        """Let a fork load what is to be kept, and do this fork and whatever is commanded from then on.

        Returns twice: in the deputy the command that it has to do; here None once deputies have done all, or the
        command where the loaders fail: then servers load by themselves, until the next try.
        """
        self._disarm()
        while command is not None:
            heard, say = os.pipe()
            pid = os.fork()
            if pid == 0:
                os.close(heard)
                self._deputy_of = say
                self._load(command["paths"])
                return command
            os.close(say)
            with os.fdopen(heard, "rb") as rest:
                loaded, *left = serve_warm_protocol.Lines().feed(rest.read()) or [None]
            _, status = os.waitpid(pid, 0)
            if loaded is None:
                if os.WIFSIGNALED(status) or os.WEXITSTATUS(status) != _GAVE_UP:
                    self._tell(event="unkept", why="it ends the process that loads it")
                break
            if status:  # nobody knows what it was asked for: another master is
                os._exit(1)
            command = left[0] if left else None
        return command

    def _load(self, paths):
        """Load what is to be kept; ends the process where that fails or cannot be forked."""
        kept = serve_warm_kept.Kept(self._loaders, self._code, paths)
        threads, before = _threads(), self._trace()
        try:
            for loader, seconds in kept.load():
                self._tell(event="kept", loader=loader, seconds=round(seconds, 3))
        except BaseException as error:  # noqa: BLE001 - the user's code: the server reports it in full
            self._give_up("%s: %s" % (type(error).__name__, error))
        if _threads() > threads:
            self._give_up("it starts threads, which do not survive a fork")
        if _holds_gpu():
            self._give_up("it opens a GPU, which cannot be shared by a fork")
        why = self._trace().connects(before)
        if why:
            self._give_up(why)
        self._kept = kept
        serve_warm_protocol.write(self._deputy_of, {"loaded": True})
        gc.collect()
        self._chance.collect()
        if hasattr(gc, "freeze"):
            gc.freeze()

    def _give_up(self, why):
        self._tell(event="unkept", why=why)
        os._exit(_GAVE_UP)

    def _tell(self, **facts):
        serve_warm_protocol.write(self._channel.fileno(), facts)


def leave(selector):
    """Leave behind, in a fork of the supervisor, what is that one's: its signals, its streams, and what it reads from.

    What modules print when they are imported is each server's in production, and nobody's here.
    """
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    with open(os.devnull, "r+b") as nothing:
        for number in (0, 1, 2):
            os.dup2(nothing.fileno(), number)
    for key in list(selector.get_map().values()):
        if not isinstance(key.fileobj, int):
            key.fileobj.close()
        else:
            os.close(key.fileobj)
    selector.close()


def _is_taken(spare, order):
    """Give an order to a server that waits, and return whether it has taken it: it may have died, or be dying."""
    try:
        spare.sendall(serve_warm_protocol.encode(order))
        return spare.recv(1) == _TAKEN
    except OSError:
        return False


def _tops():
    return {name.partition(".")[0] for name in sys.modules}


def _modules_in(paths):
    """Return the names of the modules that can be imported from some directories."""
    found = set()
    for path in paths:
        for entry in os.listdir(path) if os.path.isdir(path) else ():
            if entry.endswith((".py", ".so")) or os.path.isfile(os.path.join(path, entry, "__init__.py")):
                found.add(entry.partition(".")[0])
    return found


def _threads():
    """Return the number of threads, including those that Python does not know if the system reports them."""
    try:
        return len(os.listdir("/proc/self/task"))
    except OSError:
        return threading.active_count()


def _holds_gpu():
    try:
        links = [os.readlink("/proc/self/fd/" + number) for number in os.listdir("/proc/self/fd")]
    except OSError:
        return False
    return any(link.startswith(_GPU) for link in links)

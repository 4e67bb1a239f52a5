"""Keeps a container's servers: the one that serves, and the ones that are to take over or have been replaced.

It listens for vhlocal on the control port and tells it what happens, has servers forked by the warm master, and ends
with the server that serves, as the container of that server alone would. It imports nothing but the standard library.
"""

import hmac
import os
import selectors
import signal
import socket
import time

import serve_warm_child
import serve_warm_family
import serve_warm_files
import serve_warm_learning
import serve_warm_master
import serve_warm_memory
import serve_warm_protocol

#: Seconds that one module gets to be imported by the master.
_IMPORT_LIMIT = 60.0

#: Events that wait for somebody to tell them to.
_UNTOLD = 100

#: Seconds that a process gets to tell where its code is, and between two pieces of what it tells.
_WHERE_LIMIT = 0.5
_WHERE_PAUSE = 0.02


class _Process:
    """A forked server as the supervisor sees it."""

    def __init__(self, number, port):
        self.number = number
        self.port = port
        self.pid = None
        self.warm = False
        self.bound = False
        #: Processes of it that import the code, and whether one has done so.
        self.loading = []
        self.loaded = False
        self.code = None
        #: What differs in the environment of each of its processes, by process id, as far as it was told.
        self.environments = {}
        self.birth = _Birth()
        self.stopping = False
        self.kill_at = None


class _Birth:
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


class Supervisor:
    """See the module. ``main`` is what servers run; ``settings`` come from vhlocal."""

    def __init__(self, main, settings):
        self._main = main
        self._settings = settings
        self._code = settings["code"]
        self._files = serve_warm_files.Files(self._code, settings["staging"])
        self._learning = serve_warm_learning.Learning(settings["modules"], settings["denied"])
        self._servers = {}
        self._serving = 1
        self._ending = False
        self._selector = selectors.DefaultSelector()
        self._reports = serve_warm_protocol.Lines()
        self._stacks = b""
        self._master_pid = None
        self._importing = None
        self._host = None
        self._untold = []

    # The life of the container.

    def run(self):
        """Start the first server and keep all; ends the process, but for the Become that a fork raises."""
        self._streams = (os.dup(1), os.dup(2))
        self._report_in, self._report_out = os.pipe()
        self._stack_in, self._stack_out = os.pipe()
        self._hear_signals()
        self._watch(self._report_in, self._read_reports)
        self._watch(self._stack_in, self._read_stacks)
        self._listen()
        self._start_master()
        self._servers[1] = _Process(1, self._settings["port"])
        # A start that is measured is production's: nothing has been imported beforehand.
        if self._learning.known and not self._settings["profile"]:
            self._warm_up()
        self._fork(self._servers[1])
        while True:
            for key, _ in self._selector.select(self._until_due()):
                key.data()
            self._do_due()

    def _watch(self, file, callback):
        self._selector.register(file, selectors.EVENT_READ, callback)

    def _hear_signals(self):
        self._signals_in, signals_out = os.pipe()
        os.set_blocking(signals_out, False)
        os.set_blocking(self._signals_in, False)
        signal.set_wakeup_fd(signals_out)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
            signal.signal(number, lambda *_: None)
        self._watch(self._signals_in, self._signalled)

    def _signalled(self):
        for number in os.read(self._signals_in, 512):
            if number == signal.SIGCHLD:
                self._reap()
            else:
                self._end(number)

    def _end(self, number):
        """Hand a signal on to all servers, and end once they have."""
        self._ending = True
        for server in self._servers.values():
            if server.pid is not None:
                os.kill(server.pid, number)
        if not any(server.pid for server in self._servers.values()):
            os._exit(128 + number)

    def _reap(self):
        # A server tells its process's id before anything else.
        self._read_reports(wait=False)
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not pid:
                return
            if pid == self._master_pid:
                self._master_ended()
            for server in list(self._servers.values()):
                if server.pid == pid:
                    self._ended(server, status)

    def _ended(self, server, status):
        code = 128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
        code = server.code or code
        _kill_group(server.pid)
        del self._servers[server.number]
        if server.number == self._serving and not server.stopping:
            for other in self._servers.values():
                _kill_group(other.pid)
            os._exit(code)
        self._tell(event="ended", number=server.number, code=code)

    def _until_due(self):
        times = [server.kill_at for server in self._servers.values() if server.kill_at is not None]
        if self._importing is not None:
            times.append(self._importing[1])
        return max(0.0, min(times) - time.monotonic()) if times else None

    def _do_due(self):
        now = time.monotonic()
        for server in self._servers.values():
            if server.kill_at is not None and server.kill_at <= now:
                server.kill_at = None
                _kill_group(server.pid)
        if self._importing is not None and self._importing[1] <= now:
            self._replace_master(self._importing[0], "takes over %d s to import" % _IMPORT_LIMIT)

    # The master.

    def _start_master(self):
        ours, theirs = socket.socketpair()
        pid = os.fork()
        if pid == 0:
            self._become_master(theirs, ours)
        theirs.close()
        self._master, self._master_pid = ours, pid
        self._from_master = serve_warm_protocol.Lines()
        self._warm = False
        self._importing = None
        self._watch(ours, self._read_master)

    def _become_master(self, channel, other):
        other.close()
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        # Its own modules' output at import is each server's in production, and nobody's here.
        with open(os.devnull, "r+b") as nothing:
            for number in (0, 1, 2):
                os.dup2(nothing.fileno(), number)
        self._close_in_fork()
        settings, pipes = self._settings, (self._report_out, self._stack_out, self._streams)

        supervisor = os.getppid()
        serve_warm_family.die_with(supervisor)

        def make_server(number, port, base):
            serve_warm_family.die_with(supervisor)
            return serve_warm_child.Server(number, port, settings, pipes, base)

        serve_warm_master.Master(channel, self._code, self._learning.denied, settings["keep"], make_server).run()

    def _close_in_fork(self):
        """Close what only the supervisor reads from."""
        for key in list(self._selector.get_map().values()):
            if not isinstance(key.fileobj, int):
                key.fileobj.close()
            else:
                os.close(key.fileobj)
        self._selector.close()

    def _warm_up(self):
        """Let the master import what it does not have yet, where there is room for it."""
        modules = self._learning.modules() if self._settings["warm"] else []
        self._warm = bool(modules) and serve_warm_memory.has_room_for_master(self._pids(self._serving))
        if self._warm:
            self._command(do="import", groups=modules)

    def _command(self, **command):
        serve_warm_protocol.write(self._master.fileno(), command)

    def _read_master(self):
        data = self._master.recv(65536)
        for event in self._from_master.feed(data):
            getattr(self, "_master_" + event.pop("event"))(**event)

    def _master_importing(self, name):
        self._importing = (name.partition(".")[0], time.monotonic() + _IMPORT_LIMIT)

    def _master_imported(self, changed):
        self._importing = None
        self._tell(event="warm", **self._learning.facts(changed))

    def _master_denied(self, name, why):
        self._learning.deny(name, why)

    def _master_unfit(self, name, why):
        self._replace_master(name, why)

    def _master_kept(self, loader, seconds):
        self._tell(event="kept", loader=loader, seconds=seconds)

    def _master_unkept(self, why):
        self._tell(event="unkept", why=why)

    def _master_hidden(self, number, names):
        """The project has modules of these names itself: begin again without what others were imported."""
        self._learning.forget(names)
        self._fork_cold(self._servers[number])

    def _master_ended(self):
        name = self._importing[0] if self._importing else None
        self._selector.unregister(self._master)
        self._master.close()
        self._master_pid = None
        if name is not None:
            self._learning.deny(name, "ends the process that imports it")
        self._start_master()
        self._warm_up()
        self._fork_waiting()

    def _replace_master(self, name, why):
        self._learning.deny(name, why)
        self._drop_master()
        self._start_master()
        self._warm_up()
        self._fork_waiting()

    def _drop_master(self):
        self._selector.unregister(self._master)
        self._master.close()
        pid, self._master_pid = self._master_pid, None
        os.kill(pid, signal.SIGKILL)

    def _fork_waiting(self):
        """Ask a new master for what was asked of the one before."""
        for server in self._servers.values():
            if server.pid is None:
                self._fork(server)

    def _fork(self, server):
        server.warm = self._warm
        paths = {self._code}
        if self._main.kind == "file":
            paths.add(os.path.dirname(os.path.realpath(self._main.target)))
        first = server.number == 1
        self._command(do="fork", number=server.number, port=server.port, paths=sorted(paths), after_imports=first)

    def _fork_cold(self, server):
        """Begin again with a master that has imported nothing."""
        self._drop_master()
        self._start_master()
        if server.pid is not None:
            _kill_group(server.pid)
            self._servers[server.number] = server = _Process(server.number, server.port)
        self._fork(server)

    # What servers tell.

    def _read_reports(self, wait=True):
        if not wait and not _readable(self._report_in):
            return
        try:
            events = self._reports.feed(os.read(self._report_in, 1 << 20))
        except ValueError:  # lines of two processes, mixed: what was to be learnt is not
            return
        for event in events:
            server = self._servers.get(event.pop("number"))
            if server is not None:
                getattr(self, "_server_" + event.pop("event"))(server, **event)

    def _server_forked(self, server, pid, at):
        server.pid = pid
        server.birth.forked = at
        server.environments[pid] = {}
        self._tell(event="forked", number=server.number)
        if self._ending:
            os.kill(pid, signal.SIGTERM)

    def _server_environment(self, server, pid, environment):
        server.environments[pid] = environment

    def _server_import(self, server, pid, name):
        self._learning.learn(name, server.environments.get(pid, {}))

    def _server_bound(self, server, pid, at, host):
        server.bound = True
        server.birth.bound = server.birth.bound or at
        self._tell(event="bound", number=server.number, host=host)

    def _server_imported(self, server, pid, modules):
        server.birth.imports.setdefault(pid, []).extend(modules)

    def _server_failed(self, server, pid, text):
        self._tell(event="failed", number=server.number, text=text)

    def _server_loading(self, server, pid):
        """A worker begins to import the code. Where one before it is gone, Gunicorn would try for ever."""
        gone = [other for other in server.loading if not os.path.exists("/proc/%d" % other)]
        server.loading.append(pid)
        if gone and not server.loaded:
            self._tell(event="failed", number=server.number, text="a worker ended while it imported the code")
            server.code = serve_warm_child.NOT_BOOTED
            _kill_group(server.pid)

    def _server_loaded(self, server, pid, at, environment):
        server.loaded = True
        if server.birth.loaded is None:
            server.birth.load(server.pid, pid, at)
        self._tell(event="loaded", number=server.number)
        if environment is not None and self._learning.is_stale(environment, warm=server.warm):
            # The code sets variables before its imports that the master's imports have not seen.
            self._fork_cold(server)

    # What vhlocal asks.

    def _listen(self):
        self._listener = None
        if self._settings["control"] is None:
            return
        self._listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind((self._settings["host"], self._settings["control"]))
        self._listener.listen(8)
        self._watch(self._listener, self._accept)

    def _accept(self):
        connection, _ = self._listener.accept()
        connection.settimeout(10)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # else every second message waits for 40 ms
        _Host(self, connection)

    def attend(self, host):
        """Tell ``host`` from now on what happens."""
        self._host = host
        untold, self._untold = self._untold, []
        for event in untold:
            host.send(event)
        return {"mounted": os.path.exists(os.path.join(self._settings["staging"], self._settings["marker"]))}

    def _tell(self, **event):
        if self._host is not None:
            self._host.send(event)
        elif len(self._untold) < _UNTOLD:
            self._untold.append(event)

    def do_write(self, written, removed):
        """Bring files into the code's directory."""
        self._files.apply(written, removed)
        return {}

    def do_fork(self, number, port):
        """Begin a new server beside the one that serves; where there is no room for two, say so."""
        if not serve_warm_memory.has_room_for_server(self._pids(self._serving)):
            return {"refused": "memory"}
        self._servers[number] = _Process(number, port)
        self._fork(self._servers[number])
        return {}

    def do_serve(self, number):
        """From now on the container lives as long as this server; the master learns what is new."""
        if number not in self._servers:
            return {"refused": "ended"}
        self._serving = number
        self._read_reports(wait=False)
        if self._learning.has_news or not self._warm:
            self._warm_up()
        return {"bound": self._servers[number].bound}

    def do_birth(self, number):
        """Return how long ago a server's process, port and code were there, and what was imported for it.

        That is in two parts: what was imported until the code was loaded, and since.
        """
        server = self._servers.get(number)
        if server is None:
            return {"refused": "ended"}
        now, birth = time.monotonic(), server.birth
        moments = {"forked": birth.forked, "bound": birth.bound, "loaded": birth.loaded}
        ago = {name: None if moment is None else now - moment for name, moment in moments.items()}
        imported = birth.imported(server.pid)
        parts = [imported, []] if birth.loading is None else [birth.loading, imported]
        return dict(ago, imports=parts)

    def do_stop(self, number, grace):
        """Ask a server to end, and end it after ``grace`` seconds."""
        server = self._servers.get(number)
        if server is not None:
            server.stopping = True
            server.kill_at = time.monotonic() + grace
            if server.pid is not None:
                os.kill(server.pid, signal.SIGTERM if grace else signal.SIGKILL)
        return {}

    def do_where(self, number):
        """Return the stacks of a server's processes, as Python's faulthandler writes them."""
        server = self._servers.get(number)
        self._stacks = b""
        if server is None or server.pid is None or serve_warm_child.WHERE is None:
            return {"stacks": ""}
        # One after the other: each process writes its stack in many small pieces.
        for pid in serve_warm_memory.group(server.pid):
            if not serve_warm_memory.catches(pid, serve_warm_child.WHERE):
                continue
            os.kill(pid, serve_warm_child.WHERE)
            wait = _WHERE_LIMIT
            while _readable(self._stack_in, wait):
                self._read_stacks()
                wait = _WHERE_PAUSE
        return {"stacks": self._stacks.decode("utf-8", "replace")}

    def _read_stacks(self):
        self._stacks = (self._stacks + os.read(self._stack_in, 65536))[-65536:]

    def _pids(self, number):
        server = self._servers.get(number)
        return serve_warm_memory.group(server.pid) if server is not None and server.pid is not None else []


class _Host:
    """One connection of vhlocal's; heard once it has shown the token."""

    def __init__(self, supervisor, connection):
        self._supervisor = supervisor
        self._connection = connection
        self._lines = serve_warm_protocol.Lines()
        self._known = False
        supervisor._watch(connection, self._read)

    def send(self, message):
        try:
            self._connection.sendall(serve_warm_protocol.encode(message))
        except OSError:
            pass  # its end is noticed when it is read from

    def _read(self):
        try:
            data = self._connection.recv(1 << 20)
        except OSError:
            data = b""
        if not data:
            self._close()
            return
        try:
            commands = self._lines.feed(data)
        except ValueError:
            self._close()
            return
        for command in commands:
            if not self._heard(command):
                return

    def _heard(self, command):
        identity = command.pop("id", None)
        if not self._known:
            token = str(command.get("token", ""))
            if not hmac.compare_digest(token.encode("utf-8"), self._supervisor._settings["token"].encode("utf-8")):
                self._close()
                return False
            self._known = True
            self.send(dict(self._supervisor.attend(self), id=identity))
            return True
        try:
            answer = getattr(self._supervisor, "do_" + command.pop("do"))(**command)
        except OSError as error:
            answer = {"error": error.strerror or str(error), "errno": error.errno, "file": error.filename}
        self.send(dict(answer, id=identity))
        return True

    def _close(self):
        self._supervisor._selector.unregister(self._connection)
        self._connection.close()
        if self._supervisor._host is self:
            self._supervisor._host = None


def _kill_group(pid):
    if pid is not None:
        try:
            os.killpg(pid, signal.SIGKILL)
        except OSError:
            pass


def _readable(fd, seconds=0):
    with selectors.DefaultSelector() as selector:
        selector.register(fd, selectors.EVENT_READ)
        return bool(selector.select(seconds))

"""Keeps a container's servers: the one that serves, and the ones that are to take over or have been replaced.

It listens for vhlocal on the control port and reports what happens, has servers forked by the warm master, and ends
with the server that serves, as the container of that server alone would. It imports nothing but the standard library.
"""

import os
import selectors
import signal
import socket
import time

import serve_warm_child
import serve_warm_family
import serve_warm_files
import serve_warm_gate
import serve_warm_held
import serve_warm_host
import serve_warm_learning
import serve_warm_master
import serve_warm_memory
import serve_warm_process
import serve_warm_protocol
import serve_warm_questions
import serve_warm_stacks

#: Seconds that one module gets to be imported by the master.
_IMPORT_LIMIT = 60.0

#: How many times in a row a fork may come to nothing: the next master imports nothing any more, and where that does not
#: help either, so many times later the server is given up.
_TRIES = 3

#: Seconds within which vhlocal comes to hear what a server ended for that was begun beside another.
_LAST_WORDS = 5.0


class Supervisor(serve_warm_questions.Questions):
    """See the module. ``main`` is what servers run; ``settings`` come from vhlocal."""

    def __init__(self, main, settings):
        self._main = main
        self._settings, self._code = settings, settings["code"]
        self._here = os.path.join(os.path.dirname(self._code), "runner")
        self._files = serve_warm_files.Files(self._code, settings["staging"])
        #: Whether masters are to import beforehand.
        self._warms = settings["warm"]
        self._learning = serve_warm_learning.Learning(settings["modules"], settings["denied"])
        self._servers = {}
        self._serving, self._orders = 1, 0
        self._limit = serve_warm_memory.Limit()
        self._expendability = serve_warm_memory.expendability()
        self._ending = False
        self._selector = selectors.DefaultSelector()
        self._reports = serve_warm_protocol.Lines()
        self._stacks = serve_warm_stacks.Stacks()
        self._hosts = serve_warm_host.Hosts(self, settings)
        self._master_pid = None
        self._forks_lost = 0
        self._importing = None
        #: What to end with, and until when vhlocal may come to hear why, once the server has that served.
        self._exit_code = self._exit_at = None

    # The life of the container.

    def run(self):
        """Start the first server and keep all; ends the process, but for the Become that a fork raises."""
        self._streams = (os.dup(1), os.dup(2))
        self._report_in, self._report_out = os.pipe()
        # Whoever learns that there is something to read may find that another has read it already.
        os.set_blocking(self._report_in, False)
        self._hear_signals()
        self.watch(self._report_in, self._read_reports)
        self.watch(self._stacks.source, self._stacks.read)
        self._hosts.listen()
        self._start_master()
        first = self._new(1, self._settings["port"])
        # A start that is measured is production's: nothing has been imported beforehand.
        if self._learning.known and not self._settings["profile"]:
            self._warm_up()
        serve_warm_gate.once_open(self._here, self, lambda: self._fork(first))
        while True:
            for key, _ in self._selector.select(self._until_due()):
                key.data()
            self._do_due()

    def watch(self, file, callback):
        """Call ``callback`` whenever there is something to read from a file."""
        self._selector.register(file, selectors.EVENT_READ, callback)

    def unwatch(self, file):
        """Leave a file alone from now on."""
        if file in self._selector.get_map():
            self._selector.unregister(file)

    def _hear_signals(self):
        self._signals_in, signals_out = os.pipe()
        os.set_blocking(signals_out, False)
        os.set_blocking(self._signals_in, False)
        signal.set_wakeup_fd(signals_out)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
            signal.signal(number, lambda *_: None)
        self.watch(self._signals_in, self._signalled)

    def _signalled(self):
        for number in os.read(self._signals_in, 512):
            if number == signal.SIGCHLD:
                self._reap()
            else:
                self._end(number)

    def _end(self, number):
        """Hand a signal on to all servers, and end once they have."""
        self._ending = True
        living = [server for server in self._servers.values() if server.lives]
        for server in living:
            os.kill(server.pid, number)
        if not living:
            os._exit(128 + number)

    def _reap(self):
        """Bury who has ended: servers, masters, and what servers have started and left behind."""
        # A server reports its process's id before anything else.
        self._read_reports()
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                break
            if not pid:
                break
            if pid == self._master_pid:
                self._master_ended(status)
            for server in self._servers.values():
                if server.lives and server.pid == pid:
                    self._ended(server, status)
        for server in list(self._servers.values()):
            # Its port is another's to have once nobody is left who may hold it. A list of children may lack one while
            # another ends, hence the second look.
            if server.code is not None and not server.kill() and not server.kill():
                self._gone(server)

    def _ended(self, server, status):
        """Note the end of a server's first process; the container ends with the server that serves."""
        server.out_of_memory = (server.end(status) and self._limit.has_killed()) or server.out_of_memory
        self._tell_marks(server)
        if server.number == self._serving and not server.again:
            for other in self._servers.values():
                other.kill()
            self._exit_code = server.code if server.verdict is None else server.verdict
            if not (server.refused and self._settings["beside"]):
                os._exit(self._exit_code)
            self._exit_at = time.monotonic() + _LAST_WORDS

    def _tell_marks(self, server):
        """Report files that only a running server has any use for."""
        for kind, name, pid in server.held.marks():
            self._hosts.tell(event="made", kind=kind, name=name, pid=pid)

    def _gone(self, server):
        """Nothing is left of a server: begin it again, or report its end."""
        if server.again and not server.stopping:
            self._begin_again(server)
            return
        del self._servers[server.number]
        code = server.code if server.verdict is None else server.verdict
        self._hosts.tell(event="ended", number=server.number, code=code, out_of_memory=server.out_of_memory)

    def _until_due(self):
        times = [server.kill_at for server in self._servers.values() if server.kill_at is not None]
        if self._exit_at is not None:
            times.append(self._exit_at)
        if self._importing is not None:
            times.append(self._importing[1])
        return max(0.0, min(times) - time.monotonic()) if times else None

    def _do_due(self):
        now = time.monotonic()
        if self._exit_at is not None and (self._hosts.attended or self._exit_at <= now):
            os._exit(self._exit_code)
        for server in self._servers.values():
            if server.kill_at is not None and server.kill_at <= now:
                server.kill()
        if self._importing is not None and self._importing[1] <= now:
            self._learning.deny(self._importing[0], "takes over %d s to import" % _IMPORT_LIMIT)
            self._renew_master()

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
        self.watch(ours, self._read_master)

    def _become_master(self, channel, other):
        other.close()
        serve_warm_master.leave(self._selector)
        serve_warm_child.pose_as(self._main)
        serve_warm_held.hear_locks(serve_warm_child.asking)
        settings, pipes = self._settings, (self._report_out, self._stacks.sink, self._streams)

        supervisor = os.getppid()
        serve_warm_family.die_with(supervisor)
        # Production has no such process: it is not to take a server's memory.
        serve_warm_memory.expend(os.getpid(), serve_warm_memory.FIRST)

        def make_server(order, port, base):
            serve_warm_family.die_with(supervisor)
            serve_warm_family.belong_to(order)
            return serve_warm_child.Server(order, port, settings, pipes, base)

        serve_warm_master.Master(channel, self._code, self._learning.denied, settings["keep"], make_server).run()

    def _warm_up(self):
        """Let the master import what it does not have yet, where there is room for it."""
        modules = self._learning.modules() if self._warms else []
        self._warm = bool(modules) and self._limit.has_room_for_master(self._pids(self._serving))
        if self._warm:
            self._command(do="import", groups=modules)

    def _command(self, **command):
        serve_warm_protocol.write(self._master.fileno(), command)

    def _read_master(self):
        """Read all that the master has sent so far; what an earlier master sent does not count."""
        master = self._master
        while self._master is master:
            try:
                data = master.recv(65536, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return
            except OSError:  # it ended before it had read all
                data = b""
            if not data:
                self.unwatch(master)
                return
            for event in self._from_master.feed(data):
                if self._master is master:
                    getattr(self, "_master_" + event.pop("event"))(**event)

    def _master_importing(self, name):
        self._importing = (name.partition(".")[0], time.monotonic() + _IMPORT_LIMIT)

    def _master_imported(self, changed):
        self._importing = None
        self._hosts.tell(event="warm", **self._learning.facts(changed))

    def _master_denied(self, name, why):
        self._learning.deny(name, why)

    def _master_unfit(self, name, why):
        self._learning.deny(name, why)
        self._renew_master()

    def _master_kept(self, loader, seconds):
        self._hosts.tell(event="kept", loader=loader, seconds=seconds)

    def _master_unkept(self, why):
        self._hosts.tell(event="unkept", why=why)

    def _master_hidden(self, number, names):
        """The project has modules of these names itself: begin again without what others were imported."""
        self._learning.forget(names)
        if self._ordered(number) is not None:
            self._renew_master(warm=False)

    def _master_ended(self, status):
        master, self._master_pid = self._master, None
        self._read_master()
        if self._master is not master:
            return
        killed = os.WIFSIGNALED(status) and self._limit.has_killed()
        if self._importing is not None and not killed:
            self._learning.deny(self._importing[0], "ends the process that imports it")
        elif not killed:
            self._lose_fork()
        # Where the memory does not suffice for it, the next one is to need less.
        self._renew_master(warm=not killed)

    def _master_untaken(self, number):
        """A fork that was to become a server has ended: as a server, or before that; then it is ordered once more."""
        # It reports that it is a server before it reports that it has the order.
        self._read_reports()
        server = self._ordered(number)
        if server is not None and server.unborn:
            self._lose_fork()
            if self._warms:
                self._begin_again(server)
            else:
                self._renew_master()

    def _lose_fork(self):
        self._forks_lost += 1
        self._warms = self._warms and self._forks_lost < _TRIES

    def _renew_master(self, warm=True):
        """Have another master, cold or with what is known to be imported, do what was asked of the one before."""
        self.unwatch(self._master)
        self._master.close()
        if self._master_pid is not None:
            os.kill(self._master_pid, signal.SIGKILL)
        self._start_master()
        if warm:
            self._warm_up()
        for server in self._unborn():
            self._begin_again(server)

    def _unborn(self):
        return [server for server in self._servers.values() if server.unborn]

    def _ordered(self, order):
        """Return the server that an order was for; None where it is to be forked by another one, or not any more."""
        return next((server for server in self._servers.values() if server.order == order), None)

    def _new(self, number, port):
        self._orders += 1
        self._servers[number] = serve_warm_process.Process(number, port, self._orders)
        return self._servers[number]

    def _begin_again(self, server):
        """Order a server once more, unless it is to end, or there is no end to that."""
        if server.stopping or self._forks_lost > 2 * _TRIES:
            server.code, server.again = serve_warm_process.KILLED, False
            if not server.stopping:
                self._hosts.tell(event="failed", number=server.number, text="no process could be forked for it")
            if server.number == self._serving:
                os._exit(server.code)
            self._gone(server)
            return
        self._fork(self._new(server.number, server.port))

    def _fork(self, server):
        server.warm = self._warm
        paths = {self._code}
        if self._main.kind == "file":
            paths.add(os.path.dirname(os.path.realpath(self._main.target)))
        first = server.number == 1
        self._command(do="fork", number=server.order, port=server.port, paths=sorted(paths), after_imports=first)

    def _renew_for(self, server):
        """Have a master that has imported nothing, and begin a server by it, unless that has answered already."""
        if server.again or server.stopping:
            return
        if not server.served:
            server.again = True
            self._hosts.tell(event="again", number=server.number)
            server.kill()
        self._renew_master(warm=False)

    # What servers report.

    def _read_reports(self):
        try:
            events = self._reports.feed(serve_warm_protocol.read(self._report_in))
        except ValueError:  # lines of two processes, mixed: what was to be learnt is not
            return
        for event in events:
            kind, server = event.pop("event"), self._ordered(event.pop("number"))
            if server is not None:
                getattr(self, "_server_" + kind)(server, **event)
            elif kind == "forked":  # a master that has ended since had got as far as that
                serve_warm_process.kill_group(event["pid"])

    def _server_forked(self, server, pid, at):
        self._forks_lost = 0
        server.be_born(pid, at)
        if server.number == self._serving:
            server.expend(self._expendability)
        self._hosts.tell(event="forked", number=server.number)
        if self._ending:
            os.kill(pid, signal.SIGTERM)

    def _server_environment(self, server, pid, environment):
        server.environments[pid] = environment

    def _server_import(self, server, pid, name):
        self._learning.learn(name, server.environments.get(pid, {}))

    def _server_bound(self, server, pid, at, host, inode):
        server.bound, server.asked[inode] = True, host
        server.birth.bound = server.birth.bound or at
        self._hosts.tell(event="bound", number=server.number)

    def _server_imported(self, server, pid, modules):
        server.birth.imports.setdefault(pid, []).extend(modules)

    def _server_failed(self, server, pid, text):
        self._hosts.tell(event="failed", number=server.number, text=text)

    def _server_has(self, server, pid, kind, name, inode):
        server.held.note(kind, name, inode, pid)

    def _server_refused(self, server, pid, **what):
        """A server ends at its start, perhaps for what somebody else has."""
        server.refused = True
        self._hosts.tell(event="refused", number=server.number, **what)

    def _server_lacks(self, server, pid, **what):
        server.held.lack(**what)

    def _server_got(self, server, pid, kind, name):
        server.held.get(kind, name)

    def _server_serves(self, server, pid, workers, threads):
        self._hosts.tell(event="serves", number=server.number, workers=workers, threads=threads)

    def _server_left_out(self, server, pid, library):
        self._hosts.tell(event="left_out", library=library)

    def _server_loading(self, server, pid):
        """A worker begins to import the code. Where one before it is gone, Gunicorn would try for ever."""
        gone = [other for other in server.loading if not os.path.exists("/proc/%d" % other)]
        server.loading.append(pid)
        if not gone or server.loaded:
            return
        # It may be known already, and this have been said in the moment before it was killed for that.
        server.out_of_memory = server.out_of_memory or self._limit.has_killed()
        if server.out_of_memory:
            server.verdict = serve_warm_process.KILLED
        else:
            self._hosts.tell(event="failed", number=server.number, text="a worker ended while it imported the code")
            server.verdict = serve_warm_child.NOT_BOOTED
        server.kill()

    def _server_loaded(self, server, pid, at, environment):
        server.loaded = True
        if server.birth.loaded is None:
            server.birth.load(server.pid, pid, at)
        self._hosts.tell(event="loaded", number=server.number)
        if environment is not None and self._learning.is_stale(environment, warm=server.warm):
            # The code sets variables before its imports that the master's imports have not seen.
            self._renew_for(server)

    # What vhlocal asks.

    def do_write(self, written, removed):
        """Bring files into the code's directory."""
        self._files.apply(written, removed)
        return {}

    def do_fork(self, number, port):
        """Begin a new server beside those that live; where it has no room or no port among them, say so."""
        if not self._limit.has_room_for_server([server.members() for server in self._servers.values()]):
            return {"refused": "memory"}
        if not serve_warm_host.is_free(self._settings["host"], port) or port in {
            server.port for server in self._servers.values()
        }:
            return {"refused": "port"}
        self._fork(self._new(number, port))
        return {}

    def do_serve(self, number):
        """From now on the container lives as long as this server; the master learns what is new."""
        # What it reported before it answered decides whether it stays.
        self._read_reports()
        server = self._servers.get(number)
        if server is None or not server.stays:
            return {"refused": "gone"}
        before = self._servers.get(self._serving)
        server.served = True
        server.held.find_made()
        self._tell_marks(server)
        self._serving = number
        server.expend(self._expendability)
        if before is not None and before is not server:
            before.expend(max(self._expendability, serve_warm_memory.BEFORE_OTHERS))
        if self._learning.has_news or not self._warm:
            self._warm_up()
        return {"bound": server.bound}

    def do_stop(self, number, grace):
        """Ask a server to end, and end it after ``grace`` seconds: ``ended`` is sent once nothing is left of it."""
        server = self._servers.get(number)
        if server is not None:
            server.stop(grace)
        else:  # report it again to those who have not heard of it
            self._hosts.tell(event="ended", number=number, code=serve_warm_process.KILLED, out_of_memory=False)
        return {}

    def do_killed(self):
        """The kernel has killed a process for the memory limit: return whether the server that serves has lost none.

        While there are others, it takes theirs. One that has not answered yet then ends as a whole.
        """
        self._reap()
        if not self._limit.may_have_killed():
            return {"spared": True}
        others = [server for server in self._servers.values() if server.lives and server.number != self._serving]
        for server in others:
            if not server.served:
                server.out_of_memory = True
                server.kill()
        return {"spared": bool(others)}

"""vhlocal's connections to the supervisor: commands come, answers and events go."""

import errno
import functools
import hmac
import os
import socket

import serve_warm_protocol

#: Events that wait for somebody to tell them to.
_UNTOLD = 100

#: Seconds that vhlocal gets to take what it is told.
_PATIENCE = 10


class Hosts:
    """Listens where ``settings`` say, and has ``supervisor`` do what is asked; the last that came is told what happens.

    The supervisor's ``watch`` and ``unwatch`` tell when there is something to read.
    """

    def __init__(self, supervisor, settings):
        self._supervisor = supervisor
        self._settings = settings
        self._attending = None
        self._untold = []

    def listen(self):
        """Let vhlocal connect, if it is to."""
        if self._settings["control"] is None:
            return
        self._listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind((self._settings["host"], self._settings["control"]))
        self._listener.listen(8)
        self._supervisor.watch(self._listener, self._accept)

    def tell(self, **event):
        """Tell what has happened, as soon as there is somebody to hear it."""
        if self._attending is not None:
            self._attending.send(event)
        elif len(self._untold) < _UNTOLD:
            self._untold.append(event)

    def attend(self, host):
        """Tell ``host`` from now on what happens; return what it has to know at first."""
        self._attending = host
        untold, self._untold = self._untold, []
        for event in untold:
            host.send(event)
        return {"mounted": os.path.exists(os.path.join(self._settings["staging"], self._settings["marker"]))}

    def do(self, name, command):
        """Return what the supervisor answers to a command."""
        try:
            return getattr(self._supervisor, "do_" + name)(**command)
        except OSError as error:
            return {"error": error.strerror or str(error), "errno": error.errno, "file": error.filename}

    def _accept(self):
        connection, _ = self._listener.accept()
        connection.settimeout(_PATIENCE)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # else every second message waits for 40 ms
        host = _Host(self, connection, self._settings["token"].encode("utf-8"))
        self._supervisor.watch(connection, functools.partial(self._hear, host, connection))

    def _hear(self, host, connection):
        if host.read():
            return
        self._supervisor.unwatch(connection)
        connection.close()
        if self._attending is host:
            self._attending = None


class _Host:
    """One connection; heard once it has shown the token."""

    def __init__(self, hosts, connection, token):
        self._hosts = hosts
        self._connection = connection
        self._token = token
        self._lines = serve_warm_protocol.Lines()
        self._known = False

    def send(self, message):
        """Tell something."""
        try:
            self._connection.sendall(serve_warm_protocol.encode(message))
        except OSError:
            # A line may have been sent in part. The end is noticed when it is read from.
            try:
                self._connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def read(self):
        """Do what it has asked for; False when it has hung up, or is not to be heard."""
        try:
            data = self._connection.recv(1 << 20)
            commands = self._lines.feed(data)
        except (OSError, ValueError):
            return False
        return bool(data) and all(self._heard(command) for command in commands)

    def _heard(self, command):
        identity = command.pop("id", None)
        if self._known:
            self.send(dict(self._hosts.do(command.pop("do"), command), id=identity))
            return True
        token = str(command.get("token", ""))
        self._known = hmac.compare_digest(token.encode("utf-8"), self._token)
        if self._known:
            self.send(dict(self._hosts.attend(self), id=identity))
        return self._known


def is_free(host, port):
    """Tell whether nothing listens on a port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            return error.errno != errno.EADDRINUSE
    return True

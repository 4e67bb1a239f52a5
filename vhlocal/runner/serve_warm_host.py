"""vhlocal's connections to the supervisor: commands come, answers and events go."""

import errno
import functools
import hmac
import os
import socket
import struct

import serve_warm_protocol

#: Events that are kept until somebody is connected.
_UNTOLD = 100

#: Seconds that vhlocal gets to take what it is sent.
_PATIENCE = 10

#: How many may be connected that have not shown the token, and how many bytes that has with its line's end at most.
_STRANGERS = 16
_LONGEST_TOKEN = 256

_ROUTES = "/proc/net/route"


class Hosts:
    """Listens where ``settings`` say, and has ``supervisor`` do what is asked; the last that came receives the events.

    The supervisor's ``watch`` and ``unwatch`` call back when there is something to read.
    """

    def __init__(self, supervisor, settings):
        self._supervisor = supervisor
        self._settings = settings
        self._attending = None
        self._untold = []
        #: Who has not shown the token yet, with their connections, the first that came first.
        self._strangers = {}

    def listen(self):
        """Let vhlocal connect, if it is to."""
        if self._settings["control"] is None:
            return
        self._listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind((self._settings["host"], self._settings["control"]))
        self._listener.listen(8)
        self._supervisor.watch(self._listener, self._accept)

    @property
    def attended(self):
        """Whether somebody receives the events."""
        return self._attending is not None

    def tell(self, **event):
        """Report an event, or keep it until somebody is connected."""
        if self._attending is not None:
            self._attending.send(event)
        elif len(self._untold) < _UNTOLD:
            self._untold.append(event)

    def attend(self, host):
        """Send ``host`` the events from now on; return what it has to know first."""
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
        try:
            connection, (peer, _) = self._listener.accept()
        except OSError:  # it has gone already, or there are too many
            return
        if _is_neighbour(peer, connection.getsockname()[0], _ROUTES):
            connection.close()
            return
        connection.settimeout(_PATIENCE)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # else every second message waits for 40 ms
        host = _Host(self, connection, self._settings["token"].encode("utf-8"))
        self._strangers[host] = connection
        self._supervisor.watch(connection, functools.partial(self._hear, host, connection))
        if len(self._strangers) > _STRANGERS:
            first = next(iter(self._strangers))
            self._leave(first, self._strangers[first])

    def _hear(self, host, connection):
        if not host.read():
            self._leave(host, connection)
        elif host.known:
            self._strangers.pop(host, None)

    def _leave(self, host, connection):
        if connection.fileno() < 0:  # has been left meanwhile
            return
        self._strangers.pop(host, None)
        self._supervisor.unwatch(connection)
        connection.close()
        if self._attending is host:
            self._attending = None


class _Host:
    """One connection, heard once its first line is the token: of others nothing is parsed, kept or answered."""

    def __init__(self, hosts, connection, token):
        self._hosts = hosts
        self._connection = connection
        self._token = token
        self._lines = serve_warm_protocol.Lines()
        self._shown = b""
        self.known = False

    def send(self, message):
        """Send a message."""
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
            if not data:
                return False
            for command in self._lines.feed(data if self.known else self._after_token(data)):
                self._heed(command)
        except (OSError, ValueError):
            return False
        return True

    def _after_token(self, data):
        """Return what follows the token; ValueError where something else was shown."""
        self._shown += data[:_LONGEST_TOKEN]
        token, end, _ = self._shown.partition(b"\n")
        if not end and len(self._shown) < _LONGEST_TOKEN:
            return b""
        if not hmac.compare_digest(token, self._token):
            raise ValueError("not the token")
        self.known, self._shown = True, b""
        return data.partition(b"\n")[2]

    def _heed(self, command):
        identity, name = command.pop("id"), command.pop("do")
        answer = self._hosts.attend(self) if name == "attend" else self._hosts.do(name, command)
        self.send(dict(answer, id=identity))


def is_free(host, port):
    """Tell whether nothing listens on a port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            return error.errno != errno.EADDRINUSE
    return True


def _is_neighbour(peer, own, routes):
    """Tell whether an address is another container's: one of this container's network that is not its gateway.

    The gateway is the machine that vhlocal is on. Where there is none, no neighbour can be recognised.
    """
    gateways, networks = set(), []
    try:
        with open(routes) as table:
            for line in list(table)[1:]:
                fields = line.split()
                network, gateway, mask = (int(fields[number], 16) for number in (1, 2, 7))
                if gateway:
                    gateways.add(gateway)
                elif mask:
                    networks.append((network, mask))
    except (OSError, ValueError, IndexError):
        return False
    (address,) = struct.unpack("=L", socket.inet_aton(peer))
    near = any(address & mask == network for network, mask in networks)
    return near and bool(gateways) and address not in gateways and peer != own

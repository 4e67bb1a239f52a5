"""Leads a server to its own port: what it binds there, and what it asks of itself."""

import socket
import sys
import time

import serve_warm_names
import serve_warm_sockets

#: How code names the machine that it runs on, whichever that is.
_HERE_ITSELF = ("127.0.0.1", "localhost", "::1", "0.0.0.0", "::", "")

#: How often the kernel is asked for a socket before it is taken for not there.
_LOOKS = 3


def lead(server, told_by_loading):
    """Let what binds the endpoint's port bind the server's own: older servers live beside it.

    On a machine that is shared with others, that is on its loopback alone, whatever address the code asks for.
    By then, or when the first client is accepted, code that is not ``told_by_loading`` has been loaded.
    Returned is what is to be called with modules, by name, once they are imported.
    """
    bind, accept = socket.socket.bind, socket.socket.accept
    way = _Way(server)

    def bind_elsewhere(self, address):
        if not (_is_of_the_internet(address) and address[1] in way.known and self.type & socket.SOCK_STREAM):
            return server.asked.bind(bind, self, serve_warm_names.address(address))
        host = address[0] if way.everywhere else _loopback(self)
        if not way.everywhere:  # connections of an earlier run's server may linger there; production has a new network
            self.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bind(self, (host, server.port, *address[2:]))
        # Whoever hears of it may be sure that nobody else answers there. Whether this one ever listens is seen later:
        # many try a port out before they take it.
        inode = serve_warm_sockets.inode(self)
        server.tell(event="bound", at=time.monotonic(), host=address[0], inode=inode)
        return None

    def led(connect):
        return lambda self, address: connect(self, way.led(address) if _is_of_the_internet(address) else address)

    def accept_loaded(self):
        accepted = accept(self)
        server.loaded()
        return accepted

    socket.socket.bind = bind_elsewhere
    socket.socket.connect, socket.socket.connect_ex = map(led, (socket.socket.connect, socket.socket.connect_ex))
    if not told_by_loading:
        socket.socket.accept = accept_loaded
    if "uvloop" in sys.modules:
        way.lead_uvloop(sys.modules["uvloop"])
        return {}
    return {"uvloop": way.lead_uvloop}


class _Way:
    """Where a server's own port is; ``known`` are the ports by which its code means that."""

    def __init__(self, server):
        self._port = server.port
        self._host = server.settings["host"]
        self.everywhere = self._host == "0.0.0.0"
        self.known = (server.settings["declared"], server.settings["port"])

    def led(self, address):
        """Return where to connect: who asks for the endpoint's port here means this server, if only to see it free."""
        host, port, *rest = address = serve_warm_names.address(address)
        if port not in self.known or port == self._port:
            return address
        if host not in _HERE_ITSELF:
            if not serve_warm_sockets.is_own_address(host):
                return address
            host = host if self.everywhere else self._host
        # Code that is no Python may have bound it itself. The kernel's table is read in pieces: what others open and
        # close between them may push a socket out of sight.
        if any(serve_warm_sockets.holds(serve_warm_sockets.listening(port)) for _ in range(_LOOKS)):
            return address
        return (host, self._port, *rest)

    def lead_uvloop(self, module):
        """Lead connections that are made without Python's sockets."""
        connect = module.Loop.create_connection

        def create_connection(loop, factory, host=None, port=None, **more):
            if _is_of_the_internet((host, port)):
                host, port = self.led((host, port))
            return connect(loop, factory, host, port, **more)

        module.Loop.create_connection = create_connection


def _is_of_the_internet(address):
    """Tell whether it begins with a host's name or address and a port, and is none of another kind of socket."""
    return isinstance(address, tuple) and len(address) > 1 and isinstance(address[0], str)


def _loopback(server):
    """Return the loopback address for a socket to bind, if possible in the form that the older family reaches too."""
    if server.family == socket.AF_INET:
        return "127.0.0.1"
    return "::1" if server.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY) else "::ffff:127.0.0.1"

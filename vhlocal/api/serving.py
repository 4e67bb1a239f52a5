"""The servers of both origins; with them come werkzeug and both apps."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import TYPE_CHECKING, Any

from werkzeug.serving import BaseWSGIServer, ThreadedWSGIServer, WSGIRequestHandler, make_server

from vhlocal.api.gateway_app import GatewayApp
from vhlocal.api.guard import PageGuard
from vhlocal.api.page_app import PageApp

if TYPE_CHECKING:
    from vhlocal.api.guard import Guard
    from vhlocal.api.origin import Origin
    from vhlocal.api.reloads import Reloads
    from vhlocal.api.stream import Stream
    from vhlocal.session.view import View


def servers(
    view: View, reloads: Reloads, guard: Guard, origin: Origin, listening: tuple[socket.socket, socket.socket]
) -> tuple[list[BaseWSGIServer], Stream]:
    """Return what serves the gateway's app and the page's at their sockets, in this order, and the page's stream."""
    page = PageApp(view, reloads, PageGuard(origin.key), origin)
    apps = GatewayApp(view, reloads, guard, origin), page
    # The gateway's clients are as many as it lets in; the page's come right here.
    at_gateway, at_page = listening
    host, port = at_gateway.getsockname()
    of_gateway = make_server(host, port, apps[0], threaded=True, request_handler=_Quiet, fd=at_gateway.fileno())
    host, port = at_page.getsockname()
    return [of_gateway, Bounded(host, port, page, _Asked, fd=at_page.fileno())], page.stream


class _Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def version_string(self) -> str:
        """Return what the answers call their server."""
        return "vhlocal"

    def log(self, type: str, message: str, *args: Any) -> None:
        """Say nothing: the gateway keeps the record of requests."""


class Bounded(ThreadedWSGIServer):
    """Answers each connection in a thread, so many at a time: those that ask for nothing make room, the oldest first.

    Each takes a thread and one of the process's open files, of which the run needs some. Where all are busy, a new one
    is closed: a page that is closed so tries again.
    """

    most = 256

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._guard = threading.Lock()
        #: Those that have not asked for anything yet, the oldest first, and those that have.
        self._silent: dict[socket.socket, None] = {}
        self._busy: set[socket.socket] = set()

    def heard(self, connection: socket.socket) -> None:
        """Take note that a connection has asked for something."""
        with self._guard:
            if connection in self._silent:
                del self._silent[connection]
                self._busy.add(connection)

    def process_request(self, request: Any, client_address: Any) -> None:
        """See ``socketserver.ThreadingMixIn``."""
        with self._guard:
            is_full = len(self._silent) + len(self._busy) >= self.most
            oldest = next(iter(self._silent), None) if is_full else None
            if oldest is not None:
                del self._silent[oldest]
                with contextlib.suppress(OSError):
                    oldest.shutdown(socket.SHUT_RDWR)  # its thread ends by that
            if oldest is not None or not is_full:
                self._silent[request] = None
                is_full = False
        if is_full:
            self.shutdown_request(request)
        else:
            super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """See ``socketserver.BaseServer``: the end of each connection."""
        with self._guard:
            self._silent.pop(request, None)
            self._busy.discard(request)
        super().shutdown_request(request)


class _Asked(_Quiet):
    server: Bounded

    def run_wsgi(self) -> None:
        """See ``WSGIRequestHandler``: the head has come."""
        self.server.heard(self.connection)
        super().run_wsgi()

"""The servers of both origins; with them come werkzeug and both apps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from vhlocal.api.gateway_app import GatewayApp
from vhlocal.api.guard import PageGuard
from vhlocal.api.page_app import PageApp

if TYPE_CHECKING:
    import socket

    from vhlocal.api.app import App
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
    return [_serving(app, its) for app, its in zip(apps, listening, strict=True)], page.stream


def _serving(app: App, listening: socket.socket) -> BaseWSGIServer:
    host, port = listening.getsockname()
    return make_server(host, port, app, threaded=True, request_handler=_Quiet, fd=listening.fileno())


class _Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def version_string(self) -> str:
        """Return what the answers call their server."""
        return "vhlocal"

    def log(self, type: str, message: str, *args: Any) -> None:
        """Say nothing: the gateway keeps the record of requests."""

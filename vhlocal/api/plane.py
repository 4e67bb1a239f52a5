"""The control plane's server: a werkzeug app on a loopback port of its own, to which the gateway sends what is its.

The app is loaded once somebody asks for it, or a moment after the start: the endpoints' servers are not to wait for it.
"""

from __future__ import annotations

import contextlib
import select
import socket
import threading
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from vhlocal.api.guard import Guard

if TYPE_CHECKING:
    from werkzeug.serving import BaseWSGIServer

    from vhlocal.gateway.report import Failure, Page
    from vhlocal.session.view import View

#: Seconds after which the app is loaded although nobody has asked for it.
_A_MOMENT = 3.0


class ControlPlane:
    """The face of a run; see ``vhlocal.session.view.Face``."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stopped = False
        self._server: BaseWSGIServer | None = None
        self._view: View
        self._guard: Guard
        self._listening: socket.socket

    def start(self, view: View) -> tuple[str, int]:
        """Begin to answer, in threads of its own."""
        self._view = view
        self._guard = Guard(view.token, urlsplit(view.url).port or 0, open_to_network=view.open_to_network)
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=128)
        threading.Thread(target=self._serve, name="vhlocal-control", daemon=True).start()
        host, port = self._listening.getsockname()
        return host, port

    def page(self, failure: Failure) -> Page:
        """Return the page for a request that no endpoint answered."""
        from werkzeug.datastructures import Headers  # noqa: PLC0415 - slow to import, and a good run needs no page

        from vhlocal.api import pages  # noqa: PLC0415

        headers = Headers([(name.decode("latin-1"), value.decode("latin-1")) for name, value in failure.headers])
        may_look = self._guard.refusal("GET", headers) is None
        return pages.failure_page(self._view, failure, headers.get("Accept", "*/*"), tell_all=may_look)

    @property
    def link(self) -> str:
        """See ``Face``."""
        return self._guard.link(self._view.url) if self._view.open_to_network else f"{self._view.url}/"

    def stop(self) -> None:
        """End; followed logs end with the process."""
        with self._lock:
            self._stopped, server = True, self._server
        if server is not None:
            ending = threading.Thread(target=server.shutdown)
            ending.start()
            while ending.is_alive():
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", server.port)):
                    ending.join(0.01)
            server.server_close()
        self._listening.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError, ValueError):  # it has been stopped
            select.select([self._listening], [], [], _A_MOMENT)
        from vhlocal.api.app import serving  # noqa: PLC0415 - see the module

        with self._lock:
            if self._stopped:
                return
            self._server = server = serving(self._view, self._guard, self._listening)
        # None: it sleeps until somebody connects, also to have it see that it is to end.
        server.serve_forever(None)  # type: ignore[arg-type]

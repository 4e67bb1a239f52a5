"""The control plane's servers, each a werkzeug app on a loopback port of its own: the gateway's, and the page's.

The apps are loaded once somebody asks for them: the endpoints' servers are not to wait, and many a run is not asked.
"""

from __future__ import annotations

import contextlib
import select
import socket
import threading
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from vhlocal.api.guard import Guard
from vhlocal.api.origin import open_origin
from vhlocal.api.reloads import Reloads
from vhlocal.parsing import ONE_AT_A_TIME

if TYPE_CHECKING:
    from werkzeug.serving import BaseWSGIServer

    from vhlocal.api.origin import Origin
    from vhlocal.api.stream import Stream
    from vhlocal.events import Event
    from vhlocal.gateway.report import Failure, Page
    from vhlocal.session.record import ProjectState
    from vhlocal.session.view import View

#: Seconds that whoever waits for the first request gets to see that there will be none.
_WAKING = 3.0


class ControlPlane:
    """The face of a run; see ``vhlocal.session.view.Face``. ``state`` is where the page's link is kept, if it is."""

    def __init__(self, state: ProjectState | None = None) -> None:
        self._state = state
        self._lock = threading.Lock()
        self._stopped = False
        self._awake = threading.Event()
        self._servers: list[BaseWSGIServer] = []
        self._stream: Stream | None = None
        self._reloads = Reloads()
        self._view: View
        self._guard: Guard
        self._origin: Origin
        self._listening: tuple[socket.socket, socket.socket]

    def start(self, view: View) -> tuple[str, int]:
        """Begin to answer, in threads of its own."""
        self._view = view
        self._guard = Guard(view.token, urlsplit(view.url).port or 0, open_to_network=view.open_to_network)
        of_page, self._origin = open_origin(self._state)
        of_gateway = socket.create_server(("127.0.0.1", 0), backlog=128)
        self._listening = of_gateway, of_page
        view.bus.subscribe(self._hear)
        threading.Thread(target=self._serve, name="vhlocal-control", daemon=True).start()
        host, port = of_gateway.getsockname()
        return host, port

    def page(self, failure: Failure) -> Page:
        """Return the page for a request that no endpoint answered."""
        from vhlocal.api import pages  # noqa: PLC0415 - a good run needs no page

        # The first of a name counts. Without werkzeug, since whoever waits for a start asks again and again: its import
        # would be in the way of just that start.
        headers = {name.decode("latin-1").title(): value.decode("latin-1") for name, value in reversed(failure.headers)}
        may_look = self._guard.refusal("GET", headers) is None
        return pages.failure_page(self._view, failure, headers.get("Accept", "*/*"), tell_all=may_look)

    @property
    def link(self) -> str:
        """See ``Face``."""
        return self._origin.link

    @property
    def look(self) -> str:
        """See ``Face``."""
        return self._guard.link(self._view.shared or self._view.url) if self._view.open_to_network else ""

    def invitation(self) -> str:
        """Return a link that lets one browser in to the page, once and soon."""
        return self._origin.invite()

    def stop(self) -> None:
        """End; followed logs end with the process."""
        with self._lock:
            self._stopped, servers, stream = True, tuple(self._servers), self._stream
        if stream is not None:
            stream.close()
        for server in servers:
            ending = threading.Thread(target=server.shutdown)
            ending.start()
            while ending.is_alive():
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", server.port)):
                    ending.join(0.01)
            server.server_close()
        if not self._awake.is_set():
            # A socket is not free before nobody waits at it any more.
            with contextlib.suppress(OSError), socket.create_connection(self._listening[0].getsockname()):
                self._awake.wait(_WAKING)
        for listening in self._listening:
            listening.close()

    def _hear(self, event: Event) -> None:
        reload = self._reloads.apply(event)
        if reload is not None and self._stream is not None:
            self._stream.reloaded(reload)

    def _serve(self) -> None:
        with contextlib.suppress(OSError, ValueError):  # it has been stopped
            select.select(self._listening, [], [])
        self._awake.set()
        if self._stopped:
            return
        with ONE_AT_A_TIME:
            from vhlocal.api.serving import servers  # noqa: PLC0415 - see the module

            with self._lock:
                if self._stopped:
                    return
                given = self._view, self._reloads, self._guard, self._origin, self._listening
                self._servers, self._stream = servers(*given)
        of_gateway, of_page = self._servers
        # None: they sleep until somebody connects, also to have them see that they are to end.
        serve = partial(of_page.serve_forever, None)  # type: ignore[arg-type]
        threading.Thread(target=serve, name="vhlocal-page", daemon=True).start()
        of_gateway.serve_forever(None)  # type: ignore[arg-type]

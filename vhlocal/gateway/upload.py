"""A request's body on its way to a server: straight on, or kept for as long as there is none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vhlocal.gateway.body import chunk, last_chunk
from vhlocal.gateway.head import request_trailers
from vhlocal.gateway.spool import Spool

if TYPE_CHECKING:
    from collections.abc import Callable

    from vhlocal.contract.headers import RawHeader
    from vhlocal.gateway.hub import Hub
    from vhlocal.gateway.upstream import UpstreamConnection


class Upload:
    """The body of one request.

    ``take_body`` lets the client send (more of) it; ``unreadable`` hears why what was kept cannot be read back.
    """

    def __init__(
        self, hub: Hub, take_body: Callable[[], None], unreadable: Callable[[OSError], None], *, chunked: bool
    ) -> None:
        #: Whether all of it has been sent on.
        self.whole = False
        self._hub = hub
        self._take_body = take_body
        self._unreadable = unreadable
        self._chunked = chunked
        self._connection: UpstreamConnection | None = None
        #: From when the request is first held until all that came meanwhile has been sent on.
        self._spool: Spool | None = None

    @property
    def wanted(self) -> bool:
        """Whether ``write`` may be called now."""
        connection, spool = self._connection, self._spool
        if connection is None:
            return spool is not None and not spool.full
        return spool is None and not connection.writing_paused

    def keep(self) -> None:
        """Let the client go on sending while the request waits. Without a word: 100 Continue is the server's to say."""
        if self._spool is None:
            self._spool = Spool(self._hub.spool_room)
        self._take_body()

    def send_to(self, connection: UpstreamConnection) -> None:
        """There is a server, which has the request's head."""
        self._connection = connection
        self.go_on()

    def go_on(self) -> None:
        """The server takes (more of) the body."""
        if self._spool is None:
            self._take_body()
        else:
            self._send_kept()

    def write(self, data: bytes) -> None:
        """Send a part, not empty, on to the server; keep it while there is none."""
        taker = self._connection or self._spool
        if taker is not None:
            taker.write(chunk(data) if self._chunked else data)

    def end(self, trailers: list[RawHeader]) -> None:
        """The client has sent all of it."""
        connection = self._connection
        end = last_chunk(request_trailers(trailers)) if self._chunked else b""
        if connection is not None:
            self._done(connection)
            if end:
                connection.write(end)
        elif self._spool is not None:
            self._spool.write(end)
            self._spool.whole = True

    def drop(self) -> None:
        """Send no more, and keep nothing."""
        self._connection = None
        if self._spool is not None:
            self._spool.close()
            self._spool = None

    def _send_kept(self) -> None:
        """Send the next piece of what came while the request was held; after the last, the client may go on."""
        connection, spool = self._connection, self._spool
        if connection is None or spool is None or connection.writing_paused:
            return
        try:
            piece = spool.take()
        except OSError as error:
            self._unreadable(error)
            return
        if piece:
            connection.write(piece)
            # One in each round of the loop: the next round knows whether the server takes more, and others get on.
            self._hub.loop.call_soon(self._send_kept)
            return
        spool.close()
        self._spool = None
        if spool.whole:
            self._done(connection)
        else:
            self._take_body()

    def _done(self, connection: UpstreamConnection) -> None:
        self.whole = True
        connection.heard = self._hub.loop.time()

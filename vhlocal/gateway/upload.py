"""A request's body on its way to a server: read whole first, as production's ingress does, or straight on (K9)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from vhlocal.gateway.body import LAST_CHUNK, Framing, chunk
from vhlocal.gateway.spool import Spool

if TYPE_CHECKING:
    from collections.abc import Callable

    from vhlocal.gateway.hub import Hub
    from vhlocal.gateway.upstream import UpstreamConnection


#: Bytes of a body that go out together with its request's head, and are gone with that.
_AT_ONCE = 32 * 1024


class Upload(Protocol):
    """The body of one request. Its parts are written, then ``end`` is called; trailers end at the gateway (K9).

    For each server that it goes to, ``begin`` comes before the request's head is sent, and ``go_on`` after that, and
    whenever the server takes more.
    """

    #: Whether it can go to another server once more, from its beginning.
    repeatable: bool
    #: Whether all of it has been sent on.
    whole: bool

    @property
    def wanted(self) -> bool:
        """Whether ``write`` may be called now."""
        ...

    def write(self, data: bytes) -> None:
        """Take a part, not empty. Raises ``OSError`` where it cannot be kept."""

    def end(self) -> None:
        """The client has sent all of it."""

    def framing(self) -> bytes:
        """Return the line that frames it towards the server, where the client's own does not."""
        ...

    def begin(self, connection: UpstreamConnection) -> bytes:
        """Return what is sent together with the request's head. Raises ``OSError``."""
        ...

    def go_on(self) -> None:
        """The server takes (more of) the body."""

    def leave(self) -> None:
        """The server has gone."""

    def drop(self) -> None:
        """Send no more, and keep nothing."""


class Kept:
    """A body that is whole before it goes on. ``unreadable`` hears why what was kept cannot be read back."""

    repeatable = True
    whole = False
    _ended = False
    _connection: UpstreamConnection | None = None

    def __init__(self, hub: Hub, unreadable: Callable[[OSError], None]) -> None:
        self._hub = hub
        self._unreadable = unreadable
        self._spool = Spool(hub.spool_room)

    @property
    def wanted(self) -> bool:
        """See ``Upload``."""
        return not self._ended

    def write(self, data: bytes) -> None:
        """See ``Upload``."""
        self._spool.write(data)

    def end(self) -> None:
        """See ``Upload``."""
        self._ended = True

    def framing(self) -> bytes:
        """See ``Upload``: what came in chunks has a length by now (K9)."""
        return b"Content-Length: %d\r\n" % self._spool.size

    def begin(self, connection: UpstreamConnection) -> bytes:
        """See ``Upload``."""
        self._connection = connection
        spool = self._spool
        spool.rewind()
        piece = spool.take()
        # A transport takes so little without a word: no other round of the loop has to look for more.
        self.whole = len(piece) == spool.size <= _AT_ONCE
        return piece

    def go_on(self) -> None:
        """Send the next piece."""
        connection = self._connection
        if connection is None or self.whole or connection.writing_paused:
            return
        try:
            piece = self._spool.take()
        except OSError as error:
            self._unreadable(error)
            return
        if piece:
            connection.write(piece)
            # One in each round of the loop: the next round knows whether the server takes more, and others get on.
            self._hub.loop.call_soon(self.go_on)
        else:
            self.whole = True
            connection.heard = self._hub.loop.time()

    def leave(self) -> None:
        """See ``Upload``."""
        self._connection = None

    def drop(self) -> None:
        """See ``Upload``."""
        self._connection = None
        self._spool.close()


class Stream:
    """A body that goes straight on. ``take_body`` lets the client send (more of) it."""

    repeatable = False

    def __init__(self, hub: Hub, take_body: Callable[[], None], framing: Framing) -> None:
        self.whole = False
        self._hub = hub
        self._take_body = take_body
        self._chunked = framing is Framing.CHUNKED
        self._connection: UpstreamConnection | None = None

    @property
    def wanted(self) -> bool:
        """See ``Upload``: while there is no server, the rest stays with the client."""
        return self._connection is not None and not self._connection.writing_paused

    def write(self, data: bytes) -> None:
        """See ``Upload``."""
        if self._connection is not None:
            self._connection.write(chunk(data) if self._chunked else data)

    def end(self) -> None:
        """See ``Upload``."""
        connection = self._connection
        if connection is not None:
            self.whole = True
            connection.heard = self._hub.loop.time()
            if self._chunked:
                connection.write(LAST_CHUNK)

    def framing(self) -> bytes:
        """See ``Upload``."""
        return b"Transfer-Encoding: chunked\r\n"

    def begin(self, connection: UpstreamConnection) -> bytes:
        """See ``Upload``."""
        self._connection = connection
        return b""

    def go_on(self) -> None:
        """See ``Upload``."""
        self._take_body()

    def leave(self) -> None:
        """See ``Upload``."""
        self._connection = None

    drop = leave

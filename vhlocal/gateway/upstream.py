"""A connection to a server: it reads the answers to the requests that it carries."""

from __future__ import annotations

import asyncio
import select
from functools import partial
from typing import TYPE_CHECKING, Protocol, cast

from vhlocal.contract.headers import REDIRECTED
from vhlocal.gateway.body import BodyError, BodyReader, Framing, body_reader
from vhlocal.gateway.head import HeadError, ResponseHead, has_bare_line_feed, parse_response
from vhlocal.gateway.report import FailureKind

if TYPE_CHECKING:
    from collections.abc import Callable

    from vhlocal.gateway.pool import Pool, ServerConnections
    from vhlocal.gateway.report import Farewell

_HEAD_END = b"\r\n\r\n"

_TOO_LONG = (
    "the head of the server's answer is longer than %d KiB: send smaller cookies and fewer headers; production's "
    "ingress takes 4 KiB (`proxy-buffer-size`)"
)
_REDIRECTED = (
    "the server's answer has X-Accel-Redirect: production's ingress answers with what is served at the path in it; "
    "send the content itself"
)


class Carried(Protocol):
    """A request that a connection carries. After its end, ``switched`` or ``lost`` it hears no more."""

    def interim(self, head: ResponseHead) -> None:
        """Take a 1xx answer; the final one is still to come."""

    def response_head(self, head: ResponseHead) -> None:
        """Take the final answer's head."""

    def response_body(self, data: bytes) -> None:
        """Take a part of the body, never empty."""

    def whole_response(self, head: ResponseHead, body: bytes) -> None:
        """Take the final answer, all of it: the quick way for most. Reusable as far as the head says."""

    def response_end(self, has_trailers: bool, reusable: bool) -> None:
        """The answer is whole; its trailers end here (K9). ``reusable`` as far as the server's side goes."""

    def switched(self, head: ResponseHead, data: bytes) -> None:
        """The server speaks another protocol from now on, ``data`` being its first bytes."""

    def tell_limit(self, kind: FailureKind, limit: float) -> None:
        """The answer passes a limit of the ingress' that the gateway does not keep (K9)."""

    def lost(self, reason: str, unanswered: bool) -> None:
        """The answer broke off, or did not begin; ``unanswered`` when not a byte of it came."""

    def flush(self) -> None:
        """All that arrived together has been handed over."""

    def server_ready(self) -> None:
        """The server takes the request's body again."""

    def end(self, farewell: Farewell) -> None:
        """End now, as well as can be: the server is about to be ended."""


class UpstreamConnection(asyncio.Protocol):
    """One connection to a server, carrying one request at a time."""

    def __init__(self, pool: Pool, server: ServerConnections) -> None:
        self.server = server
        self.heard = 0.0
        self.reading_paused = False
        self.writing_paused = False
        self.idle_since = 0.0
        self._pool = pool
        self._carried: Carried | None = None
        self._method = ""
        self._buffer = b""
        # What has come and waits for the next round of the loop; nothing more is read meanwhile.
        self._later = b""
        self._body: BodyReader | None = None
        self._framing = Framing.NONE
        self._keep_alive = False
        self._answered = False
        self._transport: asyncio.Transport
        self._readable: Callable[[], object]
        #: Sends a part of the request, at the end of the loop's round.
        self.write: Callable[[bytes], None]

    # What an exchange calls.

    def carry(self, carried: Carried, method: str, head: bytes) -> None:
        """Take up a request and send its head."""
        self._carried = carried
        self._method = method
        self._answered = False
        self.heard = self._pool.time()
        self.server.in_flight += 1
        self.write(head)

    def pause_reading(self) -> None:
        """Read no more of the answer: the client is slower than the server."""
        self.reading_paused = True
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Read on; the time that the client took is not held against the server."""
        self.reading_paused = False
        self.heard = self._pool.time()
        if self._later:
            self._pool.soon(self._read_on)
        else:
            self._transport.resume_reading()

    def give_back(self) -> None:
        """Return to the pool after a whole exchange; to one that has been retired nothing returns."""
        server = self.server
        if server.retired is not None:
            self.cut()
            return
        self._carried = None
        server.in_flight -= 1
        if self.reading_paused:
            self.resume_reading()
        self.idle_since = self.heard  # its last bytes have just come
        server.idle.append(self)

    def cut(self) -> None:
        """Hang up at once, whatever is in flight."""
        self._leave()
        self._pool.forget(self)
        self._transport.abort()

    def detach(self) -> asyncio.Transport:
        """Hand the bare connection over, for a tunnel, which answers for it from now on."""
        self._pool.flush()
        self._leave()
        self._pool.forget(self)
        self._transport.resume_reading()
        return self._transport

    @property
    def carried(self) -> Carried | None:
        """The request in flight."""
        return self._carried

    def alive(self) -> bool:
        """Whether the connection is still open as far as this side knows."""
        return not self._transport.is_closing()

    def has_ended(self) -> bool:
        """Whether a connection that carries nothing has ended, though the loop may not have reported it yet."""
        return not self.alive() or bool(self._readable())

    def _leave(self) -> None:
        if self._carried is not None:
            self._carried = None
            self.server.in_flight -= 1
            self.server.freed()

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self.write = partial(self._pool.put, self._transport)
        self._readable = _look_out(transport.get_extra_info("socket").fileno())

    def data_received(self, data: bytes) -> None:
        carried = self._carried
        if carried is None:
            # Whatever an idle server says, it answers nothing: its next words could not be trusted either.
            self.cut()
            return
        self.heard = self._pool.time()
        self._answered = True
        self._take(carried, self._later + data if self._later else data)
        if self._later and not self._transport.is_closing():
            self._transport.pause_reading()
            self._pool.soon(self._read_on)

    def _read_on(self) -> None:
        """Take the next part of a flood, once others have had their turn."""
        carried = self._carried
        if carried is not None and self._later and not self.reading_paused:
            self._take(carried, self._later)
            if self._later:
                self._pool.soon(self._read_on)
            elif not self.reading_paused and not self._transport.is_closing():
                self._transport.resume_reading()

    def _take(self, carried: Carried, data: bytes) -> None:
        self._later = b""
        try:
            self._read(carried, data)
        except HeadError as error:
            self._fail(carried, f"the server's answer is not valid HTTP: {error}")
        except BodyError as error:
            self._fail(carried, f"the body of the server's answer is broken: {error}")
        if self._carried is carried:
            carried.flush()

    def _read(self, carried: Carried, data: bytes) -> None:
        if self._body is None:
            rest = self._read_heads(carried, data)
            if rest is None:
                return
            data = rest
        assert self._body is not None
        if data and not self._body.done:
            payload, data = self._body.feed(data)
            if payload:
                carried.response_body(payload)
        if self._carried is not carried:
            return
        if not self._body.done:
            self._later = data
        else:
            has_trailers, self._body = self._body.has_trailers, None
            carried.response_end(has_trailers, self._keep_alive and not data)

    def _read_heads(self, carried: Carried, data: bytes) -> bytes | None:
        """Read one head; return what follows the final one, or None when that is not there yet."""
        rest, limit = self._buffer + data, self._pool.head_limit
        self._buffer = b""
        end = rest.find(_HEAD_END, 0, limit) + 4
        if end < 4:
            if len(rest) >= limit:
                self._fail(carried, _TOO_LONG % (limit // 1024))
                return None
            if has_bare_line_feed(rest):
                raise HeadError(502, "a line of the head ends in a bare line feed")
            self._buffer = rest
            return None
        head = parse_response(rest[:end], self._method)
        if self._pool.strict and REDIRECTED in head.acted_on:
            self._fail(carried, _REDIRECTED)
            return None
        if end > self._pool.usual_head:
            carried.tell_limit(FailureKind.LARGE_HEAD, self._pool.usual_head)
        rest = rest[end:]
        if head.status == 101:
            carried.switched(head, rest)
        elif head.status < 200:
            carried.interim(head)
            self._later = rest
        elif len(rest) == head.length and not head.open_ended:
            carried.whole_response(head, rest)
        else:
            self._keep_alive = head.keep_alive
            self._framing = head.framing
            self._body = body_reader(head.framing, head.length)
            carried.response_head(head)
            return rest if self._carried is carried else None
        return None

    def _fail(self, carried: Carried, reason: str) -> None:
        if self._carried is carried:
            self.cut()
            carried.lost(reason, unanswered=False)

    def pause_writing(self) -> None:
        self.writing_paused = True
        self.heard = self._pool.time()

    def resume_writing(self) -> None:
        self.writing_paused = False
        self.heard = self._pool.time()
        if self._carried is not None:
            self._carried.server_ready()

    def eof_received(self) -> None:
        # At once, though this side may have more to send: nobody may be there to take it.
        self._end(None)
        self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(exc)

    def _end(self, exc: Exception | None) -> None:
        while self._later and self._carried is not None:
            self._take(self._carried, self._later)
        carried = self._carried
        self._leave()
        self._pool.forget(self)
        if carried is None:
            return
        if self._body is not None and self._framing is Framing.CLOSE and exc is None:
            carried.response_end(False, reusable=False)
        elif self._body is not None:
            carried.lost("the server hung up in the middle of its answer", unanswered=False)
        else:
            carried.lost("the server hung up before it answered", unanswered=not self._answered)
        carried.flush()


def _look_out(descriptor: int) -> Callable[[], object]:
    """Return what checks whether something has come, the end included. Asked before what cannot be repeated."""
    if not hasattr(select, "poll"):
        return lambda: select.select([descriptor], [], [], 0)[0]
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return partial(poll.poll, 0)

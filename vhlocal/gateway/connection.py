"""A client's connection: cuts requests out of its bytes, one in flight at a time, answers in order."""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import socket
import struct
import sys
import time
from functools import partial
from typing import TYPE_CHECKING, cast

from vhlocal.gateway import strict
from vhlocal.gateway.body import BodyError, BodyReader, body_reader
from vhlocal.gateway.exchange import Exchange
from vhlocal.gateway.head import HeadError, has_bare_line_feed, parse_request, with_host
from vhlocal.gateway.report import Failure, FailureKind, LimitPassed, failure_response
from vhlocal.model import RequestRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from vhlocal.gateway.head import RequestHead
    from vhlocal.gateway.hub import Hub
    from vhlocal.gateway.report import Farewell

_HEAD_END = b"\r\n\r\n"

#: Read ahead of what is being handled, in bytes; more waits in the client's own socket.
_READ_AHEAD = 64 * 1024

#: Clients beyond the limit that are let in at a time, to reach the control plane or to get a 503; more are hung up on.
_TURNED_AWAY = 64

#: Seconds that each of them gets to send its request.
_A_MOMENT = 1.0

#: Requests that are begun, or parts of bodies that are sent on, for one client before others get their turn.
_STEPS = 4

#: Empty lines that are skipped before a request.
_EMPTY_LINES = 8

#: As nginx does with ``proxy_ignore_client_abort off``: it takes the end of what a client sends for the client's end.
_HALF_CLOSED = "the client ended its sending side before it had its answer: production's ingress hangs up then"

_RESET_ON_CLOSE = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)


class ClientConnection(asyncio.Protocol):
    """One client. What it pipelines waits in a bounded buffer, and behind that in its own socket."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._buffer = b""
        self._searched = self._empty_lines = 0
        self._exchange: Exchange | None = None
        self._body: BodyReader | None = None
        self._advancing = False
        self._reading_paused = False
        self._ended = False
        self._lingering = False
        self._retired = False
        self._turned_away = False
        self.slow = False
        self._deadline = 0.0
        self._heard = 0.0
        self._unsent = 0
        self._sent = 0.0
        self._transport: asyncio.Transport
        #: See ``client.Client``.
        self.write: Callable[[bytes], None]
        self._address = ""

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self.write = partial(self._hub.outbox.put, self._transport)
        # A client that has gone already has no name any more.
        peer = transport.get_extra_info("peername")
        hub, now = self._hub, self._hub.loop.time()
        crowded = hub.is_crowded and not hub.make_room(now)
        if peer is None or hub.closing or (crowded and hub.turned_away >= _TURNED_AWAY):
            self._transport.abort()
            return
        hub.watched.add(self)
        self._address = peer[0]
        if crowded:
            self._turned_away = True
            hub.turned_away += 1
        else:
            hub.idle[self] = now
        self._deadline = now + (_A_MOMENT if crowded else hub.options.client_idle_seconds)

    def data_received(self, data: bytes) -> None:
        if self._lingering:
            return
        self._heard = self._hub.loop.time()
        if not self._buffer and self._exchange is None and not self._turned_away:
            self._deadline = self._heard + self._hub.options.head_seconds
        self._buffer = self._buffer + data if self._buffer else data
        self._advance()

    def eof_received(self) -> bool:
        if self._lingering:
            return False
        self._ended = True
        if self._hub.options.strict and self._exchange is not None:
            exchange, self._exchange = self._exchange, None
            exchange.client_gone(_HALF_CLOSED)
            self._transport.abort()
            return False
        # Whole requests, or the rest of a body, may still wait for the client to read or for a server.
        self._advance()
        if self._exchange is not None:
            self._exchange.probe_client()
        return not self._transport.is_closing() and not self._gone()

    def connection_lost(self, exc: Exception | None) -> None:
        self._hub.watched.discard(self)
        self._hub.idle.pop(self, None)
        self._hub.turned_away -= self._turned_away
        exchange, self._exchange = self._exchange, None
        self._buffer = b""
        if exchange is not None:
            exchange.client_gone()

    def pause_writing(self) -> None:
        self.slow = True
        if self._exchange is not None:
            self._exchange.client_slow()

    def resume_writing(self) -> None:
        self.slow = False
        if self._exchange is not None:
            self._exchange.client_ready()
        self._advance()

    # What an exchange calls.

    @property
    def body_unread(self) -> bool:
        """See ``client.Client``."""
        return self._body is not None

    def take_body(self) -> None:
        """See ``client.Client``."""
        if self._body is not None:
            self._heard = self._hub.loop.time()
            self._advance()

    def finished(self, *, close: bool) -> None:
        """See ``client.Client``."""
        unread = self._body is not None
        self._exchange = None
        self._body = None
        if close or unread or self._retired or self._turned_away:
            self._end(linger=unread or bool(self._buffer))
            return
        self._hub.idle[self] = now = self._hub.loop.time()
        self._deadline = now + self._hub.options.client_idle_seconds
        if self._buffer or self._ended:
            self._advance()

    def broken(self, *, reset: bool) -> None:
        """See ``client.Client``."""
        self._exchange = None
        self._hub.outbox.flush()
        if reset:
            self._transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            self._transport.abort()
        else:
            self._hang_up()

    def detach(self) -> tuple[asyncio.Transport, bytes, bool]:
        """See ``client.Client``."""
        self._hub.watched.discard(self)
        self._exchange = None
        early, self._buffer = self._buffer, b""
        self._hub.outbox.flush()
        return self._transport, early, self._ended

    # What the gateway calls.

    @property
    def busy(self) -> bool:
        """See ``hub.Watched``."""
        return self._exchange is not None

    @property
    def at_rest(self) -> bool:
        """See ``hub.Resting``."""
        return not self._transport.get_write_buffer_size()

    def tick(self, now: float) -> None:
        """See ``hub.Watched``."""
        exchange = self._exchange
        if self._stuck(now) or (self._ended and not self._transport.is_closing() and self._gone()):
            self.cut()
        elif exchange is None:
            self._tick_idle(now)
        elif self._body is not None and exchange.wants_body and now - self._heard > self._hub.options.body_seconds:
            exchange.client_stalled()
        else:
            exchange.tick(now)

    def _tick_idle(self, now: float) -> None:
        if self._lingering and self._transport.get_write_buffer_size():
            # The last answer is still on its way.
            self._deadline = now + self._hub.options.linger_seconds
        if now <= self._deadline or self._transport.is_closing():
            return
        if self._lingering:
            self.cut()
        elif self._turned_away:
            self._turn_away()
        elif self._buffer and not self.slow:
            self._refuse(408, "the request's head did not arrive in time")
        else:
            self._hang_up()

    def _stuck(self, now: float) -> bool:
        """Whether the client has read nothing for too long of an answer that waits for it."""
        unsent = self._transport.get_write_buffer_size()
        if not unsent or unsent != self._unsent:
            self._unsent = unsent
            self._sent = now
        return now - self._sent > self._hub.options.send_seconds

    def cut(self) -> None:
        """See ``hub.Watched``."""
        self._transport.abort()

    def retire(self, farewell: Farewell) -> None:
        """See ``hub.Watched``."""
        self._retired = True
        if self._exchange is not None:
            self._exchange.retire(farewell)
        elif not self._lingering:
            self._hang_up()

    def end(self, farewell: Farewell) -> None:
        """See ``hub.Watched``."""
        if self._exchange is not None:
            self._exchange.end(farewell)

    # Requests out of bytes.

    def _advance(self) -> None:
        """Do all that can be done with what is there. An exchange may end within, hence no recursion."""
        if self._advancing:
            return
        self._advancing = True
        try:
            for _ in range(_STEPS):
                if not (self._buffer or self._ended) or not self._step():
                    break
            else:
                self._hub.loop.call_soon(self._advance)
        finally:
            self._advancing = False
        if self._reading_paused or len(self._buffer) >= _READ_AHEAD:
            self._regulate()

    def _step(self) -> bool:
        """Begin one request or send one part of a body on; False when neither is possible now."""
        if self._lingering or self._transport.is_closing():
            return False
        if self._exchange is None:
            return not self.slow and self._begin()
        if self._body is None or not self._buffer:
            if self._body is not None and self._ended:
                # The request can never become whole.
                self._hang_up()
            return False
        if not self._exchange.wants_body:
            return False
        exchange, body = self._exchange, self._body
        try:
            payload, self._buffer = body.feed(self._buffer)
        except BodyError as error:
            if exchange.head_sent:
                self.cut()
            else:
                exchange.fail(FailureKind.BAD_REQUEST, 400, str(error))
            return False
        if payload:
            exchange.send_body(payload)
        if body.done and self._exchange is exchange:
            self._body = None
            exchange.end_body()
        return True

    def _begin(self) -> bool:
        if self._buffer[:2] == b"\r\n" and not self._skip_empty_lines():
            return False
        if not self._buffer and self._ended:
            self._hang_up()
        if not self._buffer:
            return False
        request = self._take_request()
        if request is None:
            return False
        hub = self._hub
        if self._turned_away and hub.is_for_endpoint(request.prefix, hub.table.lookup(request.prefix or "")):
            self._turn_away()
            return False
        hub.idle.pop(self, None)
        if request.has_body:
            self._body = body_reader(request.framing, request.length)
        self._exchange = exchange = Exchange(hub, self, request, self._address, next(_REQUEST_IDS))
        exchange.start()
        return True

    def _skip_empty_lines(self) -> bool:
        """RFC 9112, section 2.2: some clients end their bodies with an empty line too many. False for a flood."""
        at = 0
        while self._buffer.startswith(b"\r\n", at) and at <= _EMPTY_LINES * 2:
            at += 2
        self._buffer = self._buffer[at:]
        self._empty_lines += at // 2
        if self._empty_lines > _EMPTY_LINES:
            self._refuse(400, "empty lines are not a request")
            return False
        return True

    def _take_request(self) -> RequestHead | None:
        """Cut a whole head off the buffer; None when there is none yet, or none that may be forwarded."""
        buffer, limit = self._buffer, self._hub.options.head_bytes
        end = buffer.find(_HEAD_END, self._searched, limit + 4)
        if end < 0:
            self._wait_for_head(limit)
            return None
        end += 4
        self._buffer = buffer[end:]
        self._searched = self._empty_lines = 0
        try:
            request = parse_request(buffer[:end])
        except HeadError as error:
            self._refuse(error.status, str(error))
            return None
        # HTTP/1.0 may name no host; HTTP/1.1, which the server is spoken to in, must.
        return request if request.host else with_host(request, self._own_address())

    def _own_address(self) -> bytes:
        host, port = self._transport.get_extra_info("sockname")[:2]
        return (f"[{host}]:{port}" if ":" in host else f"{host}:{port}").encode()

    def _wait_for_head(self, limit: int) -> None:
        if len(self._buffer) > limit:
            line_end = self._buffer.find(b"\r\n", 0, strict.LINE_BYTES)
            status, part = (431, "head") if line_end >= 0 else (414, "request line")
            self._refuse(status, f"the {part} is too long")
        elif hopeless := strict.hopeless(self._buffer):
            self._refuse(400, hopeless)
        elif has_bare_line_feed(self._buffer):
            self._refuse(400, "a line of the head ends in a bare line feed")
        elif self._ended:
            self._hang_up()
        self._searched = max(0, len(self._buffer) - 3)

    def _turn_away(self) -> None:
        """Answer a client beyond the limit with a 503: the control plane alone is for all."""
        hub, limit = self._hub, self._hub.options.connections
        if not hub.crowded:
            hub.crowded = True
            hub.on_limit(LimitPassed(FailureKind.FULL, limit, "", "", "", "", ""))
        self._refuse(503, f"{limit:,} clients are connected, which is the limit", FailureKind.FULL)

    def _refuse(self, status: int, reason: str, kind: FailureKind = FailureKind.BAD_REQUEST) -> None:
        """Answer what is no request, and end: where one request is in doubt, so is all that follows."""
        request_id = next(_REQUEST_IDS)
        failure = Failure(kind, status, "", None, "", "", "", (), reason, request_id)
        page = self._hub.pages(failure)
        self.write(failure_response(failure, page, close=True))
        self._hub.on_request(
            RequestRecord(
                id=request_id,
                time=time.time(),
                client=self._address,
                endpoint=None,
                revision="",
                prefix="",
                method="",
                target="",
                status=status,
                bytes_in=0,
                bytes_out=len(page.body),
                gateway_seconds=None,
                first_byte_seconds=None,
                seconds=0.0,
                whole=True,
                reason=reason,
            )
        )
        self._end(linger=True)

    def _end(self, *, linger: bool) -> None:
        """Close; reading on for a while where the client still sends, else it would see a reset, not the answer."""
        self._buffer = b""
        self._body = None
        self._hub.idle.pop(self, None)
        if not linger or self._ended or not self._transport.can_write_eof():
            self._hang_up()
            return
        self._lingering = True
        self._deadline = self._hub.loop.time() + self._hub.options.linger_seconds
        self._hub.outbox.flush()
        # If the client has gone meanwhile, the loop reports that next.
        with contextlib.suppress(OSError):
            self._transport.write_eof()
        self._regulate()

    def _hang_up(self) -> None:
        self._hub.outbox.flush()
        self._transport.close()

    def _regulate(self) -> None:
        """Read as long as there is room: only reading shows that the client has gone."""
        full = len(self._buffer) >= _READ_AHEAD and not self._lingering
        if full != self._reading_paused and not self._ended and not self._transport.is_closing():
            self._reading_paused = full
            if full:
                self._transport.pause_reading()
            else:
                self._transport.resume_reading()

    def _gone(self) -> bool:
        """Whether a client that has ended its sending side refuses to receive as well."""
        if not hasattr(select, "poll"):
            return False
        poll = select.poll()
        poll.register(self._transport.get_extra_info("socket").fileno(), 0)
        return any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0))


def _request_ids() -> Iterator[str]:
    """Yield 32 random hexadecimal digits at a time, as nginx's ``$request_id`` has them; drawn by the hundred."""
    while True:
        digits = os.urandom(16 * 256).hex()
        for at in range(0, len(digits), 32):
            yield digits[at : at + 32]


_REQUEST_IDS = _request_ids()

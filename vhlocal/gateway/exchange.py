"""One request on its way: from the route, through the hold, to a server, and back to the client."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vhlocal.contract.headers import TRAILERS
from vhlocal.gateway.account import Account
from vhlocal.gateway.body import LAST_CHUNK, Framing, chunk
from vhlocal.gateway.head import RequestHead, ResponseHead, client_lines, may_switch, switch_lines, upstream_head
from vhlocal.gateway.report import CLIENT_GONE, FailureKind, connect_failure, failure_response
from vhlocal.gateway.tunnel import Tunnel
from vhlocal.gateway.upload import Kept, Stream, Upload

if TYPE_CHECKING:
    import asyncio

    from vhlocal.contract.access import BasicAuth
    from vhlocal.gateway.client import Client
    from vhlocal.gateway.hub import Hub
    from vhlocal.gateway.report import Farewell
    from vhlocal.gateway.table import Replica, Route, Upstream
    from vhlocal.gateway.upstream import UpstreamConnection

_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Exchange:
    """A request and its answer. Every method belongs to the event loop's thread, and none waits."""

    _upstream: Upstream | None = None
    _connection: UpstreamConnection | None = None
    _connecting: asyncio.Task[None] | None = None
    _upload: Upload | None = None
    #: Whether the body has to come first.
    _collecting = False
    _reused = False
    _retried = False
    #: Whether nothing listened where the route leads: it is waited for word of that.
    _refused = False
    #: The replicas at which nothing listened.
    _refusers: tuple[Replica, ...] = ()
    _over = False
    _chunked = False
    _unframed = False
    _answer: ResponseHead | None = None

    def __init__(self, hub: Hub, client: Client, request: RequestHead, address: str, request_id: str) -> None:
        self.request = request
        self._hub = hub
        self._client = client
        self._account = Account(request, address, request_id, tap=hub.tap)
        self._close = not request.keep_alive
        self._out: list[bytes] = []

    @property
    def head_sent(self) -> bool:
        """Whether any of the answer has gone out."""
        return self._account.first_byte is not None

    # The way to a server.

    def start(self) -> None:
        """Find the route and go."""
        prefix = self.request.prefix
        route = None if prefix is None else self._hub.table.lookup(prefix)
        account = self._account
        if self._hub.is_for_endpoint(prefix, route):
            account.prefix = prefix
            account.route = route
            if route is not None:
                self._check(route)
        if self._over:
            return
        if self.request.has_body:
            self._expect_body(route)
        if account.prefix is None:
            self._set_out()
        else:
            self._follow(route)

    def _check(self, route: Route) -> None:
        options = self._hub.options
        if self.request.dropped:
            self._hub.tell_dropped(self.request.dropped, route)
        if options.access is not None:
            self._check_access(options.access)
        if self.request.length > options.body_bytes and not self._over:
            self._pass_limit(FailureKind.TOO_LARGE, options.body_bytes)

    def _expect_body(self, route: Route | None) -> None:
        """See that the body comes, and is kept until it is whole, or goes straight on (K9)."""
        if self._account.prefix is not None and (route is None or not (route.replicas or route.holding)):
            return
        self._collecting = route is None or route.buffered
        if self._collecting:
            self._upload = Kept(self._hub, self._unreadable)
        else:
            self._upload = Stream(self._hub, self._client.take_body, self.request.framing)
        if self.request.awaits_continue:
            self._client.write(_CONTINUE)

    def _set_out(self) -> None:
        """Go where the request is to go at this moment."""
        if self._account.prefix is not None:
            self._follow(self._look_up())
        elif not self._collecting:
            self._send_to(self._hub.options.control)

    def _check_access(self, access: BasicAuth) -> None:
        # Of two the app might take the other.
        given = [value for name, value in self.request.headers if name.lower() == b"authorization"]
        if len(given) != 1 or not access.allows(given[0]):
            self.fail(FailureKind.UNAUTHORIZED, 401, "the endpoint requires a user name and password")

    def _follow(self, route: Route | None) -> None:
        self._account.route = route
        if route is None:
            self.fail(FailureKind.UNKNOWN, 404, "no endpoint is served at this path")
        elif not route.replicas and not route.holding:
            self.fail(FailureKind.UNAVAILABLE, 503, "the endpoint has no running server at the moment")
        elif self._collecting:
            pass  # where it goes is decided once more when its body is there
        elif route.replicas and not route.holding:
            replica = self._account.replica = route.next()
            self._send_to(replica.upstream)
        elif not self._account.waits(self._hub.hold.enter(route, self, self._hub.options.hold_seconds)):
            self.fail(FailureKind.HOLD_FULL, 503, "too many requests are already waiting for the endpoint")

    def _look_up(self) -> Route | None:
        prefix = self._account.prefix
        return None if prefix is None else self._hub.table.lookup(prefix)

    def settled(self) -> None:
        """See ``hold.Waiter``."""
        self._account.let_go()
        self._refused, self._refusers = False, ()
        self._set_out()

    def held_too_long(self) -> None:
        """See ``hold.Waiter``."""
        if self._refused:
            self._fail_refused()
            return
        seconds = self._hub.options.hold_seconds
        self.fail(FailureKind.HELD_TOO_LONG, 503, f"the endpoint was changing and not ready within {seconds:g} seconds")

    def _send_to(self, upstream: Upstream) -> None:
        self._upstream = upstream
        connection = None if self._retried else self._hub.pool.take(upstream)
        if connection is not None and not self._repeatable and connection.has_ended():
            connection.cut()
            connection = None
        self._reused = connection is not None
        if connection is None:
            self._connecting = self._hub.pool.connect(upstream, self)
        else:
            self.connected(connection)

    @property
    def _repeatable(self) -> bool:
        return self.request.idempotent and (self._upload is None or self._upload.repeatable)

    def connected(self, connection: UpstreamConnection) -> None:
        """See ``pool.Connecting``."""
        self._connecting = None
        if self._over:
            connection.cut()
            return
        self._connection = connection
        if self._client.slow:
            connection.pause_reading()
        request, account, upload = self.request, self._account, self._upload
        account.forwarded()
        framing = upload.framing() if upload is not None and request.framing is Framing.CHUNKED else b""
        head = upstream_head(request, account.client, self._hub.port, account.request_id, account.prefix, framing)
        try:
            connection.carry(self, request.method, head if upload is None else head + upload.begin(connection))
        except OSError as error:
            self._unreadable(error)
        else:
            if upload is not None:
                upload.go_on()

    def connect_failed(self, error: Exception) -> None:
        """See ``pool.Connecting``."""
        self._connecting = None
        if self._over or self._moved_on():
            return
        known = connect_failure(error, self._where, self._hub.options.connect_seconds)
        late, replica = isinstance(error, TimeoutError), self._account.replica
        if (known and not late) or not (replica and self._go_elsewhere(replica, waits=not late)):
            self.fail(*known) if known else self._fail_refused()

    def _go_elsewhere(self, gone: Replica, *, waits: bool = True) -> bool:
        """Go to a replica that has let it in; where none has and it ``waits``, until it is known what became of them.

        False where nobody will report that.
        """
        route = self._account.route
        if route is None or not (waits or route.replicas[1:]):
            return False
        self._hub.on_refused(route, gone)
        self._refusers += (gone,)
        others = [replica for replica in route.replicas if replica not in self._refusers]
        if others:
            self._account.replica = others[0]
            self._send_to(others[0].upstream)
            return True
        self._refused = waits and self._account.waits(self._hub.hold.enter(route, self, self._hub.options.word_seconds))
        return self._refused

    def _fail_refused(self) -> None:
        self.fail(FailureKind.REFUSED, 502, f"nothing accepts connections at {self._where}")

    @property
    def _where(self) -> str:
        return f"{self._upstream.host}:{self._upstream.port}" if self._upstream else "the server"

    def _moved_on(self) -> bool:
        """Follow a route that has changed since it was taken; nothing of the request has been sent on."""
        route = self._look_up()
        if route == self._account.route:
            return False
        self._follow(route)
        return True

    # The request's body, from the client.

    @property
    def wants_body(self) -> bool:
        """Whether ``send_body`` may be called now."""
        return self._upload is not None and self._upload.wanted

    def send_body(self, data: bytes) -> None:
        """Take a part of the body, not empty."""
        account = self._account
        account.received(data)
        if self.request.framing is Framing.CHUNKED and account.bytes_in > self._hub.options.body_bytes:
            self._pass_limit(FailureKind.TOO_LARGE, self._hub.options.body_bytes)
        try:
            if self._upload is not None and not self._over:
                self._upload.write(data)
        except OSError as error:
            self._end_with(FailureKind.SPOOL, 507, f"the request's body cannot be buffered: {error}")

    def end_body(self) -> None:
        """The client has sent all of the body."""
        if self._upload is not None:
            self._upload.end()
        if self._collecting:
            self._collecting = False
            self._set_out()

    def server_ready(self) -> None:
        """See ``upstream.Carried``."""
        if self._upload is not None:
            self._upload.go_on()

    def _unreadable(self, error: OSError) -> None:
        self._end_with(FailureKind.SPOOL, 503, f"the buffered request body cannot be read: {error}")

    # The answer, from the server.

    def interim(self, head: ResponseHead) -> None:
        """See ``upstream.Carried``. HTTP/1.0 knows no interim answers."""
        if not self.request.http_1_0:
            self._out += (head.forward, b"\r\n")

    def response_head(self, head: ResponseHead) -> None:
        """See ``upstream.Carried``."""
        http_1_0 = self.request.http_1_0
        if head.open_ended:
            self._chunked = not http_1_0
            self._unframed = http_1_0
        self._close = self._close or self._unframed or self._hub.closing
        self._answer = head
        if self._upload is not None and self._upload.whole:
            self._upload.drop()  # the answer may take its time
        if head.acted_on:
            self._hub.tell_dropped(head.acted_on, self._account.route)
        self._account.answered(head.status)
        lines = client_lines(self._chunked, self._close, http_1_0, self._account.answer_lines(head))
        self._out += (head.forward, lines)

    def whole_response(self, head: ResponseHead, body: bytes) -> None:
        """See ``upstream.Carried``."""
        self.response_head(head)
        self._account.bytes_out, self._account.body = len(body), body
        self._out.append(body)
        self._complete(head.keep_alive)

    def response_body(self, data: bytes) -> None:
        """See ``upstream.Carried``."""
        self._account.passed_on(data)
        self._out.append(chunk(data) if self._chunked else data)

    def response_end(self, has_trailers: bool, reusable: bool) -> None:
        """See ``upstream.Carried``."""
        if self._chunked:
            self._out.append(LAST_CHUNK)
        if has_trailers:
            self._hub.tell_dropped((TRAILERS,), self._account.route)
        self._complete(reusable)

    def _complete(self, reusable: bool) -> None:
        connection, self._connection = self._connection, None
        upload = self._upload
        if connection is not None:
            if reusable and (upload is None or upload.whole):
                connection.give_back()
            else:
                connection.cut()
                if upload is not None:
                    upload.drop()
        self._finish(whole=True)  # whoever has the answer finds its record
        self.flush()
        self._client.finished(close=self._close)

    def switched(self, head: ResponseHead, data: bytes) -> None:
        """See ``upstream.Carried``."""
        connection, self._connection = self._connection, None
        assert connection is not None
        if not may_switch(self.request, head):
            connection.cut()
            self.fail(FailureKind.RESET, 502, "the server switched to a protocol that it was not asked for")
            return
        self._account.answered(head.status)
        self._out += (head.forward, switch_lines(head.upgrade, self._account.answer_lines(head)))
        self.flush()
        client, early, ended = self._client.detach()
        websocket = head.upgrade.strip().lower() == b"websocket"
        tunnel = Tunnel(self._hub, self, client, connection.detach(), connection.server, websocket=websocket)
        tunnel.open(data, early, ended=ended, full=self._client.slow)

    def lost(self, reason: str, unanswered: bool) -> None:
        """See ``upstream.Carried``."""
        self._connection = None
        if self._upload is not None:
            self._upload.leave()
        if unanswered and self._reused and not self._retried and self._repeatable:
            # The server closed an idle connection just as it was used: that says nothing about the request.
            self._retried = True
            self._set_out()
        else:
            self._end_with(FailureKind.RESET, 502, reason)

    def flush(self) -> None:
        """See ``upstream.Carried``."""
        if self._out:
            data = b"".join(self._out)
            self._out.clear()
            self._client.write(data)

    # What the client does meanwhile.

    def client_slow(self) -> None:
        """The client reads more slowly than the server writes."""
        if self._connection is not None and not self._connection.reading_paused:
            self._connection.pause_reading()

    def client_ready(self) -> None:
        """The client has caught up."""
        if self._connection is not None and self._connection.reading_paused:
            self._connection.resume_reading()

    def client_gone(self, why: str = "the client went away") -> None:
        """The client is away: free the server at once."""
        if not self._over:
            self._release()
            self._account.status = self._account.status or CLIENT_GONE
            self._account.reason = why
            self._finish(whole=False)

    def probe_client(self) -> None:
        """Send what means nothing to a client that only listens now, and draws a reset from one that has gone."""
        if self.head_sent and self._chunked:
            # The next chunk's size may have any number of leading zeros.
            self._client.write(b"0")
        elif not self.head_sent and not self.request.http_1_0:
            self._client.write(_CONTINUE)

    def client_stalled(self) -> None:
        """The client stopped sending its body."""
        self._end_with(FailureKind.BAD_REQUEST, 408, "the request's body stopped arriving")

    # Limits and ends.

    def tick(self, now: float) -> None:
        """Look at how long the server has neither answered nor taken more of the body (K9)."""
        connection = self._connection
        if connection is None or connection.reading_paused or self._account.prefix is None:
            return
        upload = self._upload
        awaited = upload is None or upload.whole or connection.writing_paused
        if awaited and now - connection.heard > self._hub.options.read_seconds:
            self._pass_limit(FailureKind.TIMEOUT, self._hub.options.read_seconds)

    def tunnel_silent(self) -> bool:
        """Report a tunnel in which the server kept silent beyond the limit; True when it must be cut (K9)."""
        if self._account.prefix is not None:
            self.tell_limit(FailureKind.TIMEOUT, self._hub.options.read_seconds)
        return self._account.prefix is not None and self._hub.options.strict

    def tunnel_ended(self, farewell: Farewell) -> str:
        """See ``tunnel.Owner``."""
        self._account.reason = farewell.reason(self._account.revision)
        return self._account.reason

    def tunnel_closed(self, bytes_in: int, bytes_out: int) -> None:
        """The tunnel that this request became has ended."""
        self._account.bytes_in += bytes_in
        self._account.bytes_out += bytes_out
        self._finish(whole=True)

    def _pass_limit(self, kind: FailureKind, limit: float) -> None:
        if not self._hub.options.strict:
            self.tell_limit(kind, limit)
            return
        if kind is FailureKind.TOO_LARGE:
            self._end_with(kind, 413, f"the request's body is over {limit:,.0f} bytes, production's limit")
        else:
            self._end_with(kind, 504, f"the server was silent for {limit:g} seconds, production's limit")

    def tell_limit(self, kind: FailureKind, limit: float) -> None:
        """See ``upstream.Carried``."""
        passed = self._account.limit_passed(kind, limit)
        if passed is not None:
            self._hub.on_limit(passed)

    def retire(self, farewell: Farewell) -> None:
        """End what never ends by itself."""
        if self._streams_events:
            self.end(farewell)

    def end(self, farewell: Farewell) -> None:
        """See ``upstream.Carried`` and ``hub.Watched``: by a page, or so that nobody takes the answer for whole.

        But an event stream is: who reads one expects it to end, and comes back.
        """
        reason = farewell.reason(self._account.revision)
        if not self.head_sent:
            self.fail(FailureKind.ENDED, farewell.status, reason)
        elif self._streams_events:
            self._account.reason = reason
            self.response_end(False, reusable=False)
        else:
            self._break(reason)

    @property
    def _streams_events(self) -> bool:
        """Whether the answer that has begun is an event stream that may end at any time: of no declared length."""
        return self._answer is not None and self._answer.open_ended and self._answer.is_event_stream

    def _end_with(self, kind: FailureKind, status: int, reason: str) -> None:
        """End with an error page, or break off the answer that has begun."""
        if self.head_sent:
            self._break(reason)
        else:
            self.fail(kind, status, reason)

    def fail(self, kind: FailureKind, status: int, reason: str) -> None:
        """Answer with an error page. Only before any of an answer has been sent."""
        self._release()
        self._out.clear()
        failure = self._account.failure(kind, status, reason)
        close = self._close or self._hub.closing or self._client.body_unread or self.request.http_1_0
        page = self._hub.pages(failure)
        self._account.bytes_out = len(page.body)
        self._account.answered(status)
        self._client.write(failure_response(failure, page, close=close))
        self._finish(whole=True)
        self._client.finished(close=close)

    def _break(self, reason: str) -> None:
        """End an answer that cannot be completed so that no client takes it for whole."""
        self.flush()
        self._release()
        self._account.reason = reason
        self._finish(whole=False)
        self._client.broken(reset=self._unframed)

    def _release(self) -> None:
        self._hub.hold.leave(self)
        if self._upload is not None:
            self._upload.drop()
        if self._connecting is not None:
            self._connecting.cancel()
            self._connecting = None
        if self._connection is not None:
            self._connection.cut()
            self._connection = None

    def _finish(self, *, whole: bool) -> None:
        self._over = True
        self._hub.on_request(self._account.end(self._answer, whole=whole))

"""What is known of one request, and how it is reported: as a record, as a failure, as a limit passed."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from vhlocal.gateway.head import worker_scope_line
from vhlocal.gateway.report import Failure, FailureKind, LimitPassed
from vhlocal.model import RequestRecord

if TYPE_CHECKING:
    from collections.abc import Callable

    from vhlocal.gateway.head import RequestHead, ResponseHead
    from vhlocal.gateway.table import Replica, Route
    from vhlocal.gateway.tap import Part, Tap


class Account:
    """The figures of one request. Times are ``clock``'s, in seconds; sizes are body bytes; ``client`` is an address.

    The event loop's own time is no clock for them: uvloop's stands still while callbacks run, and counts milliseconds.
    """

    #: None for the control plane.
    prefix: str | None = None
    route: Route | None = None
    #: Who was asked last, if anybody.
    replica: Replica | None = None
    status = 0
    bytes_in = 0
    bytes_out = 0
    sent: float | None = None
    first_byte: float | None = None
    reason = ""
    #: How long it has waited for its endpoint, and since when it does so now.
    held = 0.0
    _held_since: float | None = None
    _reported: tuple[FailureKind, ...] = ()

    #: The answer's body where it came at once.
    body = b""
    _asked: Part | None = None
    _answered: Part | None = None

    def __init__(
        self,
        request: RequestHead,
        client: str,
        request_id: str,
        clock: Callable[[], float] = time.monotonic,
        tap: Tap | None = None,
    ) -> None:
        self.request = request
        self.client = client
        self.request_id = request_id
        self._clock = clock
        self._tap = tap
        self.started = clock()

    def answer_lines(self, answer: ResponseHead) -> bytes:
        """Return what an answer says of who gave it, and how far a service worker of it may reach, as lines."""
        lines = b"" if self.replica is None else self.replica.answer_lines
        if answer.worker_scope and self.prefix is not None:
            return lines + worker_scope_line(answer.worker_scope, self.prefix)
        return lines

    @property
    def revision(self) -> str:
        """The revision of the code that was asked, "" where none was."""
        return "" if self.replica is None else self.replica.revision

    def received(self, data: bytes) -> None:
        """A part of the request's body has come."""
        self.bytes_in += len(data)
        if self._tap is not None:
            self._asked = self._asked or self._tap.part()
            self._asked.feed(data)

    def passed_on(self, data: bytes) -> None:
        """A part of the answer's body goes out."""
        self.bytes_out += len(data)
        if self._tap is not None:
            self._answered = self._answered or self._tap.part()
            self._answered.feed(data)

    def waits(self, held: bool) -> bool:
        """It waits for its endpoint from now on, if it is ``held``, which is returned."""
        if held:
            self._held_since = self._clock()
        return held

    def let_go(self) -> None:
        """It waits no more."""
        if self._held_since is not None:
            self.held += self._clock() - self._held_since
            self._held_since = None

    def forwarded(self) -> None:
        """The head goes on to a server now."""
        self.sent = self._clock()

    def answered(self, status: int) -> None:
        """The answer's head goes out to the client now."""
        self.status = status
        self.first_byte = self._clock()

    def failure(self, kind: FailureKind, status: int, reason: str) -> Failure:
        """Return what the page of a failure is made from, and keep its reason."""
        self.reason = reason
        return Failure(
            kind=kind,
            status=status,
            prefix=self.prefix or "",
            endpoint=self.route.endpoint if self.route else None,
            version=self.route.version if self.route else "",
            method=self.request.method,
            target=self.request.path,
            headers=tuple(self.request.headers),
            reason=reason,
            request_id=self.request_id,
        )

    def limit_passed(self, kind: FailureKind, limit: float) -> LimitPassed | None:
        """Return what to report of a limit; None when it was reported already, or the request is no endpoint's."""
        if kind in self._reported or self.route is None:
            return None
        self._reported += (kind,)
        route, request = self.route, self.request
        return LimitPassed(kind, limit, route.endpoint, route.prefix, request.method, request.path, self.request_id)

    def end(self, head: ResponseHead | None, *, whole: bool) -> RequestRecord:
        """Return the record of the request, which ends now; who records it has got all of it then."""
        record = self.record(whole=whole)
        if self._tap is not None and self.route is not None:
            headers = () if head is None else head.headers
            self._tap.take(record, self.request.headers, self._asked, headers, self._answered or self.body)
        return record

    def record(self, *, whole: bool) -> RequestRecord:
        """Return the record of the request, which ends now."""
        route, replica, request, started = self.route, self.replica, self.request, self.started
        if self._held_since is not None:
            self.let_go()
        # By position: by name it takes four times as long, and each request pays for it.
        facts = (
            self.request_id,
            time.time(),
            self.client,
            None if route is None else route.endpoint,
            self.revision,
            self.prefix or "",
            request.method,
            request.path,
            self.status,
            self.bytes_in,
            self.bytes_out,
            None if self.sent is None else self.sent - started,
            None if self.first_byte is None else self.first_byte - started,
            self._clock() - started,
            whole,
            self.reason,
            "" if route is None else route.version,
            0 if replica is None else replica.number,
            self.held,
            request.replayed,
        )
        return RequestRecord._make(facts)

"""What is known of one request, and how it is told: as a record, as a failure, as a limit passed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vhlocal.gateway.report import Failure, FailureKind, LimitPassed, RequestRecord

if TYPE_CHECKING:
    from vhlocal.gateway.head import RequestHead
    from vhlocal.gateway.table import Route


class Account:
    """The figures of one request. Times are the loop's, in seconds; sizes are body bytes."""

    __slots__ = (
        "_told",
        "bytes_in",
        "bytes_out",
        "first_byte",
        "prefix",
        "request",
        "request_id",
        "route",
        "started",
        "status",
    )

    def __init__(self, request: RequestHead, request_id: str, started: float) -> None:
        self.request = request
        self.request_id = request_id
        self.started = started
        #: None for the control plane.
        self.prefix: str | None = None
        self.route: Route | None = None
        self.status = 0
        self.bytes_in = 0
        self.bytes_out = 0
        self.first_byte: float | None = None
        self._told: frozenset[FailureKind] = frozenset()

    def failure(self, kind: FailureKind, status: int, reason: str) -> Failure:
        """Return what the page of a failure is made from."""
        return Failure(
            kind=kind,
            status=status,
            prefix=self.prefix or "",
            endpoint=self.route.endpoint if self.route else None,
            method=self.request.method,
            target=self._target(),
            accept=self.request.header(b"accept").decode("latin-1"),
            reason=reason,
            request_id=self.request_id,
        )

    def limit_passed(self, kind: FailureKind, limit: float) -> LimitPassed | None:
        """Return what is told of a limit; None when that has been told already, or the request is no endpoint's."""
        if kind in self._told or self.route is None:
            return None
        self._told |= {kind}
        route, method = self.route, self.request.method
        return LimitPassed(kind, limit, route.endpoint, route.prefix, method, self._target(), self.request_id)

    def record(self, now: float, *, whole: bool) -> RequestRecord:
        """Return the record of the request, which ends now."""
        route = self.route
        return RequestRecord(
            id=self.request_id,
            endpoint=route.endpoint if route else None,
            prefix=self.prefix or "",
            method=self.request.method,
            target=self._target(),
            status=self.status,
            bytes_in=self.bytes_in,
            bytes_out=self.bytes_out,
            first_byte_seconds=None if self.first_byte is None else self.first_byte - self.started,
            seconds=now - self.started,
            revision=route.revision if route else "",
            whole=whole,
        )

    def _target(self) -> str:
        return self.request.target.decode("latin-1")

"""Which public prefix leads where. The whole table is replaced at once, so that no request sees half of a change."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, NamedTuple

from vhlocal.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


class Upstream(NamedTuple):
    """Where a server listens: an address or name, and a TCP port. A tuple: it is looked up for each request."""

    host: str
    port: int


@dataclass(frozen=True)
class Route:
    """One public prefix of one endpoint: its version path or an alias path (P1, P3).

    ``prefix`` is decoded and has no trailing slash. ``upstream`` is None where there is nothing to send to (building,
    starting, crashed). While ``holding``, requests wait for a later publish to settle the route. ``revision``, when not
    empty, is told to clients in ``X-VHLocal-Revision``; ``X-VHLocal-Stale`` tells them when it is ``stale``: a newer
    revision of the code is broken, or does not answer yet after having failed, and this one goes on. ``buffered`` tells
    whether requests' bodies are read whole before they go on (K9).
    """

    prefix: str
    endpoint: str
    upstream: Upstream | None
    holding: bool = False
    revision: str = ""
    stale: bool = False
    buffered: bool = True
    #: What an answer from here says of its code, as lines of its head. Rendered once: each answer needs it.
    answer_lines: bytes = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        revision = f"X-VHLocal-Revision: {self.revision}\r\n" if self.revision else ""
        lines = revision + ("X-VHLocal-Stale: true\r\n" if self.stale else "")
        object.__setattr__(self, "answer_lines", lines.encode())


class RouteTable:
    """The current routes by prefix. ``publish`` and ``lookup`` may be called from any thread."""

    def __init__(self) -> None:
        self._routes: dict[str, Route] = {}
        self._listeners: list[Callable[[], None]] = []

    def publish(self, routes: Iterable[Route]) -> None:
        """Replace the whole table at once, then tell the listeners, who let held requests go."""
        self._routes = {route.prefix: route for route in routes}
        for listener in tuple(self._listeners):
            listener()

    def lookup(self, prefix: str) -> Route | None:
        """Return the route of a decoded five-segment prefix, or None."""
        return self._routes.get(prefix)

    def subscribe(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call ``listener`` after each publish, in the publisher's thread; the returned function ends that."""
        self._listeners.append(listener)

        def unsubscribe() -> None:
            self._listeners.remove(listener)

        return unsubscribe

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
class Replica:
    """One server of an endpoint that requests are led to.

    ``number`` distinguishes it from others of its endpoint, 0 where there are none; ``version`` names the version where
    several are served. Answers carry ``revision``, when not empty, in ``X-VHLocal-Revision``, and ``X-VHLocal-Stale``
    when it is ``stale``: a newer revision of the code is broken, or does not answer yet after having failed, and
    this one goes on.
    """

    upstream: Upstream
    number: int = 0
    version: str = ""
    revision: str = ""
    stale: bool = False
    #: What an answer from here says of its code, as lines of its head. Rendered once: each answer needs it.
    answer_lines: bytes = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        values = {
            "Revision": self.revision,
            "Version": self.version,
            "Replica": str(self.number or ""),
            "Stale": "true" if self.stale else "",
        }
        lines = "".join(f"X-VHLocal-{name}: {value}\r\n" for name, value in values.items() if value)
        object.__setattr__(self, "answer_lines", lines.encode())


@dataclass(eq=False)
class Turn:
    """Whose turn it is among an endpoint's replicas, whichever of its prefixes is asked, and across publishes."""

    taken: int = 0

    def pick(self, replicas: tuple[Replica, ...]) -> Replica:
        """Return the next: strictly in turn, as production's ingress spreads requests (K3)."""
        self.taken += 1
        return replicas[self.taken % len(replicas)]


@dataclass(frozen=True)
class Route:
    """One public prefix of one endpoint: its version path or an alias path (P1, P3).

    ``prefix`` is decoded and has no trailing slash. ``replicas`` are empty where there is nothing to send to (building,
    starting, crashed). While ``holding``, requests wait for a later publish to settle the route. ``version`` names the
    one that is served at it. ``buffered`` is whether requests' bodies are read whole before they go on (K9).
    """

    prefix: str
    endpoint: str
    replicas: tuple[Replica, ...] = ()
    holding: bool = False
    version: str = ""
    buffered: bool = True
    turn: Turn = field(default_factory=Turn, compare=False, repr=False)

    def next(self) -> Replica:
        """Return the replica that the next request goes to; only where there is one."""
        replicas = self.replicas
        return replicas[0] if len(replicas) == 1 else self.turn.pick(replicas)


class RouteTable:
    """The current routes by prefix. ``publish`` and ``lookup`` may be called from any thread."""

    def __init__(self) -> None:
        self._routes: dict[str, Route] = {}
        self._listeners: list[Callable[[], None]] = []

    def publish(self, routes: Iterable[Route]) -> None:
        """Replace the whole table at once, then call the listeners, who let held requests go."""
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

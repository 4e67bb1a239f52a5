"""What all connections of one gateway share."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Protocol

from vhlocal.values import dataclass

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterable

    from vhlocal.gateway.hold import Hold
    from vhlocal.gateway.options import GatewayOptions
    from vhlocal.gateway.outbox import Outbox
    from vhlocal.gateway.pool import Pool
    from vhlocal.gateway.report import Farewell, LimitPassed, Pages
    from vhlocal.gateway.spool import SpoolRoom
    from vhlocal.gateway.table import Replica, Route, RouteTable
    from vhlocal.gateway.tap import Tap
    from vhlocal.model import RequestRecord


#: Most names of dropped headers to report: a client may make up any number.
_MOST_NAMES = 100


class Watched(Protocol):
    """A client's connection or tunnel, as the gateway's clock and its closing see it."""

    @property
    def busy(self) -> bool:
        """Whether a request, or a tunnel, is in flight."""
        ...

    def tick(self, now: float) -> None:
        """Look at the time limits; ``now`` is the loop's time."""

    def cut(self) -> None:
        """End at once."""

    def retire(self, farewell: Farewell) -> None:
        """End as soon as nothing is in flight that ends by itself: at once, with a farewell, where that never will."""

    def end(self, farewell: Farewell) -> None:
        """End what is in flight, each in the way of its protocol; it may take a moment."""


class Resting(Watched, Protocol):
    """A client that asks for nothing."""

    @property
    def at_rest(self) -> bool:
        """Whether its last answer has gone out."""
        ...


@dataclass
class Hub:
    """The parts and the facts that every connection needs. ``port`` is the gateway's own public port."""

    loop: asyncio.AbstractEventLoop
    table: RouteTable
    options: GatewayOptions
    pages: Pages
    on_request: Callable[[RequestRecord], None]
    on_limit: Callable[[LimitPassed], None]
    on_refused: Callable[[Route, Replica], None]
    on_dropped: Callable[[str, Route], None]
    hold: Hold
    spool_room: SpoolRoom
    pool: Pool
    outbox: Outbox
    #: What takes in requests and answers with heads and bodies, if anything does.
    tap: Tap | None = None
    port: int = 0
    closing: bool = False
    #: How many of the watched are too many, and what they ask for is at most the control plane's; whether any of them
    #: was turned away.
    turned_away: int = 0
    crowded: bool = False
    watched: set[Watched] = field(default_factory=set)
    #: Since when clients ask for nothing, the first the longest; by the loop's time.
    idle: dict[Resting, float] = field(default_factory=dict)
    _reported_names: set[bytes] = field(default_factory=set)

    @property
    def is_crowded(self) -> bool:
        """Whether as many clients are connected as there may be."""
        return len(self.watched) - self.turned_away >= self.options.connections

    def make_room(self, now: float) -> bool:
        """Hang up on the client that has asked for nothing the longest, if it has not for a while."""
        oldest = next((client for client in self.idle if client.at_rest), None)
        if oldest is None or now - self.idle[oldest] < self.options.room_seconds:
            return False
        del self.idle[oldest]
        self.watched.discard(oldest)
        oldest.cut()
        return True

    def is_for_endpoint(self, prefix: str | None, route: Route | None) -> bool:
        """Tell whether a request is an endpoint's, not the control plane's; ``route`` is what its prefix leads to."""
        return prefix is not None and (route is not None or not prefix.startswith("/api/"))

    def tell_dropped(self, names: Iterable[bytes], route: Route | None) -> None:
        """Report which headers of a request to an endpoint, or of its answer, do not get through (K9).

        Each name once in a gateway's life.
        """
        if route is None:
            return
        for name in names:
            plain = name.lower()
            if plain not in self._reported_names and len(self._reported_names) < _MOST_NAMES:
                self._reported_names.add(plain)
                self.on_dropped(name.decode("latin-1"), route)

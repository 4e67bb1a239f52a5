"""How many requests are on their way to servers at this moment."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from vhlocal.gateway.table import Upstream
from vhlocal.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable

    from vhlocal.model import ServedAt
    from vhlocal.session.traffic.routes import Routes


@dataclass(frozen=True)
class InFlight:
    """``count`` returns the gateway's number for one server."""

    routes: Routes
    count: Callable[[Upstream], int]

    def at(self, at: ServedAt) -> int:
        """Return how many there are at a replica."""
        return self._counted(at) or 0

    def by_replica(self, at: ServedAt, replicas: int) -> list[int | None]:
        """Return how many there are at each of an endpoint's first replicas, None at one that takes none."""
        return [self._counted(replace(at, replica=number)) for number in range(1, replicas + 1)]

    def _counted(self, at: ServedAt) -> int | None:
        address = self.routes.target(at).address
        return None if address is None else self.count(Upstream(address.host, address.port))

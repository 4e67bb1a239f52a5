"""Which prefixes lead to which server: the session's side of the gateway's table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vhlocal.contract.paths import script_names
from vhlocal.gateway.table import Replica, Route, RouteTable, Upstream
from vhlocal.values import dataclass

if TYPE_CHECKING:
    from vhlocal.model import Version
    from vhlocal.runtime.base import Address


@dataclass(frozen=True)
class Target:
    """Where an endpoint's requests go: nowhere without an ``address``, unless they wait (``holding``)."""

    address: Address | None = None
    holding: bool = False
    revision: str = ""
    stale: bool = False

    def replicas(self) -> tuple[Replica, ...]:
        """Return where requests are sent to."""
        if self.address is None:
            return ()
        return (Replica(Upstream(self.address.host, self.address.port), revision=self.revision, stale=self.stale),)


class Routes:
    """Every endpoint's target, published under the version's path and every alias' at once (P1, P3)."""

    def __init__(self, version: Version, table: RouteTable) -> None:
        self._version = version
        self._table = table
        self._targets: dict[str, Target] = {}
        self._streaming: frozenset[str] = frozenset()

    def stream(self, endpoints: frozenset[str]) -> None:
        """Let requests' bodies go straight on to these endpoints, and be read whole for all others (K9)."""
        if endpoints != self._streaming:
            self._streaming = endpoints
            self._publish()

    def lead(self, endpoint: str, address: Address, revision: str, *, stale: bool = False) -> None:
        """Send an endpoint's requests to a server; ``stale`` while a newer revision is broken."""
        self._set(endpoint, Target(address, revision=revision, stale=stale))

    def hold(self, endpoint: str) -> None:
        """Let an endpoint's requests wait for its next server."""
        self._set(endpoint, Target(holding=True))

    def close(self, endpoint: str) -> None:
        """Send an endpoint's requests nowhere: they are told what it is doing."""
        self._set(endpoint, Target())

    def forget(self, endpoint: str) -> None:
        """Drop an endpoint that is no longer in the project."""
        self._targets.pop(endpoint, None)
        self._publish()

    def target(self, endpoint: str) -> Target:
        """Return where an endpoint's requests go at this moment."""
        return self._targets.get(endpoint, Target())

    def _set(self, endpoint: str, target: Target) -> None:
        self._targets[endpoint] = target
        self._publish()

    def _publish(self) -> None:
        self._table.publish(
            Route(
                prefix=prefix,
                endpoint=endpoint,
                replicas=target.replicas(),
                holding=target.holding,
                buffered=endpoint not in self._streaming,
            )
            for endpoint, target in self._targets.items()
            for prefix in script_names(self._version, endpoint)
        )

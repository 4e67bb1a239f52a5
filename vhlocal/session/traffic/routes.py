"""Which prefixes lead to which servers: the session's side of the gateway's table."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from vhlocal.contract.paths import script_names
from vhlocal.gateway.table import Replica, Route, RouteTable, Turn, Upstream
from vhlocal.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from vhlocal.model import ServedAt, Version
    from vhlocal.runtime.base import Address


@dataclass(frozen=True)
class Target:
    """Where a replica's requests go: nowhere without an ``address``, unless they wait (``holding``)."""

    address: Address | None = None
    holding: bool = False
    revision: str = ""
    stale: bool = False


class Routes:
    """Every replica's target, published under its version's path and every alias' at once (P1, P3, K3, K10)."""

    def __init__(self, table: RouteTable) -> None:
        self._table = table
        self._versions: dict[str, Version] = {}
        self._targets: dict[ServedAt, Target] = {}
        self._turns: defaultdict[tuple[str, str], Turn] = defaultdict(Turn)
        self._streaming: dict[str, frozenset[str]] = {}

    @property
    def versions(self) -> tuple[Version, ...]:
        """The versions that are served, each with the aliases that point at it now; the one that was first is first."""
        return tuple(self._versions.values())

    def serve(self, versions: Iterable[Version]) -> None:
        """Serve these versions, under these aliases, from now on: all changes of paths at once (P3, K10)."""
        self._versions = {version.name: version for version in versions}
        self._publish()

    def stream(self, version: str, endpoints: frozenset[str]) -> None:
        """Let requests' bodies go straight on to these endpoints, and be read whole for all others (K9)."""
        if endpoints != self._streaming.get(version, frozenset()):
            self._streaming[version] = endpoints
            self._publish()

    def lead(self, at: ServedAt, address: Address, revision: str, *, stale: bool = False) -> None:
        """Send a replica's requests to a server; ``stale`` while a newer revision is broken."""
        self._set(at, Target(address, revision=revision, stale=stale))

    def hold(self, at: ServedAt) -> None:
        """Let requests wait for a replica's next server, where no other replica answers them."""
        self._set(at, Target(holding=True))

    def close(self, at: ServedAt) -> None:
        """Send no requests to a replica; where there is no other, the answer says what it is doing."""
        self._set(at, Target())

    def forget(self, at: ServedAt) -> None:
        """Drop a replica that is no longer wanted."""
        self._targets.pop(at, None)
        self._publish()

    def target(self, at: ServedAt) -> Target:
        """Return where a replica's requests go at this moment."""
        return self._targets.get(at, Target())

    def served(self) -> tuple[ServedAt, ...]:
        """Return one replica of each endpoint of each version, one that is led to where there is any."""
        found: dict[tuple[str, str], ServedAt] = {}
        for at, target in self._targets.items():
            key = at.version, at.endpoint
            if at.version not in self._versions:
                continue
            if key not in found or (self._targets[found[key]].address is None and target.address is not None):
                found[key] = at
        return tuple(found.values())

    def beside(self, at: ServedAt) -> ServedAt | None:
        """Return another replica of the same endpoint that the same code answers for, None where there is none."""
        own = self.target(at)
        for other, target in self._targets.items():
            same = (other.version, other.endpoint) == (at.version, at.endpoint) and target.revision == own.revision
            if same and other != at and None not in (target.address, own.address):
                return other
        return None

    def paths(self, at: ServedAt) -> tuple[str, ...]:
        """Return every path that leads to an endpoint: its version's own first, then one for each alias."""
        version = self._versions.get(at.version)
        return () if version is None else script_names(version, at.endpoint)

    def _set(self, at: ServedAt, target: Target) -> None:
        self._targets[at] = target
        self._publish()

    def _publish(self) -> None:
        self._table.publish(self._routes())

    def _routes(self) -> Iterator[Route]:
        groups: dict[tuple[str, str], list[tuple[ServedAt, Target]]] = {}
        for at, target in self._targets.items():
            groups.setdefault((at.version, at.endpoint), []).append((at, target))
        several = len(self._versions) > 1
        for key, group in groups.items():
            name, endpoint = key
            if name not in self._versions:
                continue
            replicas = tuple(
                Replica(
                    Upstream(target.address.host, target.address.port),
                    at.replica if len(group) > 1 else 0,
                    name if several else "",
                    target.revision,
                    target.stale,
                )
                for at, target in group
                if target.address is not None
            )
            holding = not replicas and any(target.holding for _, target in group)
            buffered = endpoint not in self._streaming.get(name, ())
            for prefix in script_names(self._versions[name], endpoint):
                yield Route(prefix, endpoint, replicas, holding, name, buffered, self._turns[key])

"""Routes to one server, as most tests need them."""

from __future__ import annotations

from vhlocal.gateway.table import Replica, Route, Upstream


def route_to(
    prefix: str,
    endpoint: str,
    upstream: Upstream | None,
    holding: bool = False,
    *,
    revision: str = "",
    stale: bool = False,
    buffered: bool = True,
) -> Route:
    """Return a route that leads to ``upstream`` alone, or nowhere."""
    replicas = () if upstream is None else (Replica(upstream, revision=revision, stale=stale),)
    return Route(prefix, endpoint, replicas, holding, buffered=buffered)

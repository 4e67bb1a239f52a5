"""Finds out what a person can ask a ready endpoint: its documentation, and one request that it has a route for."""

from __future__ import annotations

import asyncio
import http.client
import json
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from vhlocal.checks.commands import commands_of
from vhlocal.checks.modules import Modules
from vhlocal.checks.reach import Reach
from vhlocal.contract.headers import Hop, ingress_headers
from vhlocal.errors import VhlocalError
from vhlocal.model import Call, Offer
from vhlocal.session.asking import OWN_HEADERS, get
from vhlocal.session.offers.openapi import call_of
from vhlocal.session.offers.routes import calls_of
from vhlocal.session.tasks import in_thread
from vhlocal.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from vhlocal.model import Package, ServedAt
    from vhlocal.runtime.base import Address
    from vhlocal.session.endpoint.chatter import Chatter
    from vhlocal.session.traffic.routes import Routes
    from vhlocal.session.wanted.desired import Desired

#: Where frameworks have the schema of an app, and its documentation.
_SCHEMAS = (("/openapi.json", "/docs"), ("/schema/openapi.json", "/schema"))

#: Seconds that an answer may take, and all of an endpoint's; bytes that are read of one.
_ONE, _ALL = 1.0, 2.0
_LONGEST = 4 * 1024 * 1024

#: How many of the routes that are written out are tried.
_MOST_ROUTES = 2


@dataclass(frozen=True)
class Asking:
    """A run whose servers have just become ready; ``base`` is the gateway's URL."""

    base: str
    routes: Routes
    package: Package
    chatter: Chatter


@dataclass(frozen=True)
class _Server:
    """One that answers, under each of its ``prefixes``: the first is the one to show, if it answers there."""

    at: ServedAt
    address: Address
    prefixes: tuple[str, ...]
    asking: Asking


async def find_offers(asking: Asking, wanted: Sequence[Desired]) -> dict[ServedAt, Offer]:
    """Return what can be asked of each endpoint that answers.

    Each server is sent nine GET requests at most; a slow one is offered by its URL alone.
    """
    servers = []
    for item in wanted:
        own, *aliases = asking.routes.paths(item.at)
        address = asking.routes.target(item.at).address
        if address is not None:
            servers.append((_Server(item.at, address, (*aliases[:1], own), asking), item))
    found = await asyncio.gather(*(_offered(server, item) for server, item in servers))
    return {item.at: offer for (_, item), offer in zip(servers, found, strict=True)}


def schema_of(asking: Asking, served: Iterable[ServedAt]) -> Any:
    """Return the OpenAPI schema that an app has of itself, None where it has none, or does not answer soon.

    ``served`` are its replicas, of which one is asked, from any thread.
    """
    for at in served:
        address, paths = asking.routes.target(at).address, asking.routes.paths(at)
        if address is None or not paths:
            continue
        server = _Server(at, address, paths, asking)
        asked = [*((paths[0], path) for path, _ in _SCHEMAS), *((prefix, _SCHEMAS[0][0]) for prefix in paths[1:2])]
        try:
            return next((found for each in asked if (found := _json(server, *each)) is not None), None)
        except (OSError, http.client.HTTPException):
            return None
    return None


async def _offered(server: _Server, desired: Desired) -> Offer:
    try:
        return await asyncio.wait_for(in_thread(_offer, server, desired), _ALL)
    except (asyncio.TimeoutError, OSError, http.client.HTTPException, VhlocalError):
        return Offer(server.asking.base + server.prefixes[0])


def _offer(server: _Server, desired: Desired) -> Offer:
    first, probe = server.prefixes[0], desired.bringing.probe
    if probe.named:
        warm_up = Call(probe.method, probe.target, file=probe.body)
        # Under the version it was answered well, whatever there is under an alias.
        prefix = first if _is_there(server, first, warm_up) else server.prefixes[-1]
        return Offer(server.asking.base + prefix, call=warm_up)
    asked = [(first, schema, docs) for schema, docs in _SCHEMAS]
    asked += [(prefix, *_SCHEMAS[0]) for prefix in server.prefixes[1:2]]
    for prefix, path, docs in asked:
        schema = _json(server, prefix, path)
        if schema is not None:
            status, kind, _ = _get(server, prefix, docs)
            has_docs = status == http.client.OK and kind.startswith("text/html")
            call = call_of(schema)
            if call is None or not _is_there(server, prefix, call):
                call = Call("GET", path)
            return Offer(server.asking.base + prefix, docs if has_docs else "", call)
    routes = _routes(server.asking.package, desired)[:_MOST_ROUTES]
    for prefix in server.prefixes:
        call = next((call for call in routes if _is_there(server, prefix, call)), None)
        if call is None and _get(server, prefix, "")[0] < http.client.BAD_REQUEST:
            call = Call("GET", "")
        if call is not None:
            return Offer(server.asking.base + prefix, call=call)
    return Offer(server.asking.base + first)


def _is_there(server: _Server, prefix: str, call: Call) -> bool:
    """Tell whether a request has a route. One for POST alone answers 405, one that is not below the prefix 404.

    A GET request has to be answered well: it is sent here just as it is shown.
    """
    try:
        status, _, _ = _get(server, prefix, call.target)
        return status < http.client.BAD_REQUEST if call.method == "GET" else status != http.client.NOT_FOUND
    except TimeoutError:  # something is at work there
        return True


def _json(server: _Server, prefix: str, path: str) -> Any:
    """Return an OpenAPI schema, None where there is none."""
    status, _, body = _get(server, prefix, path)
    if status != http.client.OK:
        return None
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) and isinstance(found.get("paths"), dict) else None


def _get(server: _Server, prefix: str, path: str) -> tuple[int, str, bytes]:
    """Return status, type and body of a GET request's answer; the request is as an ingress would forward it."""
    host = server.asking.base.removeprefix("http://")
    server.asking.chatter.expect(server.at, "GET", prefix + path)
    port = host.rpartition(":")[2]
    hop = Hop("127.0.0.1", "http", int(port) if port.isdecimal() else 80, uuid4().hex)
    forwarded = ingress_headers(hop, host.encode(), prefix)
    headers = ((b"Host", host.encode()), *OWN_HEADERS, *forwarded, (b"Connection", b"close"))
    with get(server.address, prefix + path, headers, _ONE) as response:
        return response.status, response.headers.get_content_type(), response.read(_LONGEST)


def _routes(package: Package, desired: Desired) -> list[Call]:
    endpoint = desired.endpoint
    return calls_of(site.node for _, site in Reach(endpoint, commands_of(endpoint), Modules(package)).sites)

"""werkzeug's ``ProxyMiddleware`` as a WSGI app: the proxy that one would write first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from werkzeug.exceptions import NotFound
from werkzeug.middleware.http_proxy import ProxyMiddleware

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication


def proxy(target: str) -> WSGIApplication:
    """Return an app that sends every request on to ``target``."""
    return ProxyMiddleware(NotFound(), {"/bench": {"target": target, "host": None}})

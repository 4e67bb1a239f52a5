"""Show an application the prefix that a request came under, version or alias, in the way its framework reads it.

The server sees the whole path (P4). WSGI wants the prefix in ``SCRIPT_NAME`` and the rest in ``PATH_INFO``; ASGI wants
it in ``root_path`` and leaves it in ``path``. Which prefix it is says the request's own header ``X-VH-Prefix`` (P7),
else the environment's ``SCRIPT_NAME`` (P5).
"""

import sys
from collections.abc import Mapping
from urllib.parse import unquote_to_bytes

_WSGI_KEY = "HTTP_X_VH_PREFIX"
_ASGI_KEY = b"x-vh-prefix"


def split(path, prefixes):
    """Cut ``path`` after the first of ``prefixes`` that it lies under, as ``(prefix, rest)``; the whole rest else.

    Prefixes may end in a slash or be empty; the returned one never ends in a slash, and the rest is empty or begins
    with one. ``("", path)`` when none fits.
    """
    for prefix in prefixes:
        bare = prefix.rstrip("/")
        if bare and (path == bare or path.startswith(bare + "/")):
            return bare, path[len(bare) :]
    return "", path


def wrap_wsgi(application, script_name):
    """Return ``application`` seeing each request's prefix in ``SCRIPT_NAME`` (R5, R7).

    ``script_name`` is the version's own prefix, from the environment (P5).
    """
    default = _decoded(script_name.encode("utf-8", "surrogateescape"), "latin-1")
    mounted = _is_mounted_at(application, script_name)

    def endpoint(environ, start_response):
        header = _decoded(environ.get(_WSGI_KEY, "").encode("latin-1"), "latin-1")
        prefix, rest = split(environ.get("PATH_INFO", ""), (header, default))
        if not (mounted and prefix == default.rstrip("/")):
            environ["SCRIPT_NAME"], environ["PATH_INFO"] = environ.get("SCRIPT_NAME", "") + prefix, rest
        return application(environ, start_response)

    return endpoint


def wrap_asgi(application, script_name):
    """Return ``application`` seeing each request's prefix in ``root_path`` (R5, R7); lifespan passes through."""
    return AsgiEndpoint(application, script_name)


class AsgiEndpoint:
    """See ``wrap_asgi``. An object with a coroutine ``__call__``, by which servers recognise ASGI."""

    def __init__(self, application, script_name):
        self.application = application
        self.default = _decoded(script_name.encode("utf-8", "surrogateescape"), "utf-8")
        self.path_without_prefix = _starlette_wants_path_without_prefix()

    async def __call__(self, scope, receive, send):
        if scope["type"] in ("http", "websocket"):
            header = next((value for name, value in scope["headers"] if name == _ASGI_KEY), b"")
            prefix, rest = split(scope["path"], (_decoded(header, "utf-8"), self.default))
            if prefix:
                scope = dict(scope, root_path=prefix)
                if self.path_without_prefix:
                    scope["path"] = rest
        await self.application(scope, receive, send)


def _decoded(prefix, encoding):
    """Undo percent-encoding, as the server did with the path that the prefix is compared with."""
    return unquote_to_bytes(prefix).decode(encoding, "replace")


def _is_mounted_at(application, script_name):
    """Tell whether the application dispatches on the prefix itself, as Werkzeug's DispatcherMiddleware does (R7).

    It does if the prefix is in its ``mounts``, on the application or on a Flask application's ``wsgi_app``.
    """
    tables = [getattr(owner, "mounts", None) for owner in (application, getattr(application, "wsgi_app", None))]
    return any(isinstance(table, Mapping) and script_name in table for table in tables)


def _starlette_wants_path_without_prefix():
    """Tell whether the application runs on a Starlette from before ``root_path`` was a part of ``path``."""
    if "starlette" not in sys.modules:
        return False
    try:
        from starlette._utils import get_route_path  # noqa: F401
    except ImportError:
        return True
    return False

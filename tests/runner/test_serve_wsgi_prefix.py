"""Moving the prefix, without a server: the cases that real requests seldom bring."""

import asyncio
import sys

import pytest

from vhlocal.runner import serve_wsgi_prefix

PREFIX = "/o/p/d/v/e"


@pytest.mark.parametrize(
    ("path", "prefixes", "expected"),
    [
        ("/o/x", ("/o",), ("/o", "/x")),
        ("/o", ("/o",), ("/o", "")),
        ("/o/", ("/o/",), ("/o", "/")),
        ("/o//x", ("/o/",), ("/o", "//x")),
        ("/other", ("/o",), ("", "/other")),
        ("/o/x", ("", "/"), ("", "/o/x")),
        ("/b/x", ("/a/", "/b"), ("/b", "/x")),
        ("", ("/a",), ("", "")),
    ],
)
def test_split(path, prefixes, expected):
    """P5, P7: the first prefix that the path lies under, at a slash, is cut off."""
    assert serve_wsgi_prefix.split(path, prefixes) == expected


def moved(environ, script_name=PREFIX, application=None):
    seen = {}

    def remember(environ, start_response):
        seen.update(environ)
        return []

    endpoint = serve_wsgi_prefix.wrap_wsgi(application or remember, script_name)
    assert endpoint(environ, None) == []
    return seen.get("SCRIPT_NAME"), seen.get("PATH_INFO")


def test_the_header_wins_over_the_environment_p7():
    """P7: the request's own header says which prefix it is, even where both fit."""
    assert moved({"PATH_INFO": "/o/p/x", "HTTP_X_VH_PREFIX": "/o/p/"}, "/o") == ("/o/p", "/x")


def test_a_header_that_does_not_fit_is_ignored():
    assert moved({"PATH_INFO": PREFIX + "/x", "HTTP_X_VH_PREFIX": "/a/b/c/d/e/"}) == (PREFIX, "/x")


def test_percent_encoded_and_non_ascii_prefixes():
    """P5, P7: WSGI's path is decoded bytes, so a prefix is compared decoded, however it was given."""
    path = "/o/p/d/ä b/e/x".encode().decode("latin-1")
    expected = (path[:-2], "/x")
    assert moved({"PATH_INFO": path}, "/o/p/d/%C3%A4%20b/e") == expected
    assert moved({"PATH_INFO": path}, "/o/p/d/ä b/e") == expected
    assert moved({"PATH_INFO": path, "HTTP_X_VH_PREFIX": "/o/p/d/%C3%A4%20b/e/"}) == expected


def test_without_any_prefix_nothing_moves():
    assert moved({"PATH_INFO": "/x"}, "") == ("", "/x")


class Dispatcher:
    """What a dispatcher looks like from outside: a callable with ``mounts``."""

    def __init__(self, mounts):
        self.mounts = mounts
        self.seen = {}

    def __call__(self, environ, start_response):
        self.seen.update(environ)
        return []


def test_a_dispatcher_gets_the_version_path_whole_and_an_alias_moved_r7():
    """R7: only what is mounted at ``SCRIPT_NAME`` looks for it in the path."""
    dispatcher = Dispatcher({PREFIX: None})
    moved({"SCRIPT_NAME": "", "PATH_INFO": PREFIX + "/x"}, application=dispatcher)
    assert (dispatcher.seen["SCRIPT_NAME"], dispatcher.seen["PATH_INFO"]) == ("", PREFIX + "/x")
    moved({"PATH_INFO": "/o/p/d/alias/e/x", "HTTP_X_VH_PREFIX": "/o/p/d/alias/e/"}, application=dispatcher)
    assert (dispatcher.seen["SCRIPT_NAME"], dispatcher.seen["PATH_INFO"]) == ("/o/p/d/alias/e", "/x")


@pytest.mark.parametrize("mounts", [{"/api": None}, ["/api"], None])
def test_other_mounts_change_nothing_r7(mounts):
    """R7: a dispatcher for other paths sees the path below the prefix."""
    dispatcher = Dispatcher(mounts)
    moved({"PATH_INFO": PREFIX + "/api"}, application=dispatcher)
    assert (dispatcher.seen["SCRIPT_NAME"], dispatcher.seen["PATH_INFO"]) == (PREFIX, "/api")


def asgi_scope(scope):
    seen = []

    async def application(scope, receive, send):
        seen.append(scope)

    asyncio.run(serve_wsgi_prefix.wrap_asgi(application, PREFIX)(scope, None, None))
    return seen[0]


@pytest.mark.parametrize("kind", ["http", "websocket"])
def test_asgi_keeps_the_path_and_tells_the_prefix_r5(kind):
    """R5: ``root_path`` is the prefix and a part of ``path``."""
    assert "starlette" not in sys.modules
    given = {"type": kind, "path": "/o/p/d/ä/e/x", "root_path": "", "headers": [(b"x-vh-prefix", b"/o/p/d/%C3%A4/e/")]}
    assert asgi_scope(given) == {**given, "root_path": "/o/p/d/ä/e"}
    assert given["root_path"] == ""


def test_asgi_without_the_header_uses_the_environment_p5():
    """P5: the version's own prefix."""
    assert asgi_scope({"type": "http", "path": PREFIX, "root_path": "", "headers": []})["root_path"] == PREFIX


def test_asgi_under_no_prefix_and_lifespan_pass_through():
    for given in ({"type": "http", "path": "/x", "root_path": "", "headers": []}, {"type": "lifespan"}):
        assert asgi_scope(given) is given

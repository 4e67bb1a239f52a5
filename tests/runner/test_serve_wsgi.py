"""The runner in front of real frameworks, under the version's path and under an alias."""

import os
import signal
import socket

import pytest

from tests.runner.served import ALIAS, VERSION
from tests.runner.stacks import ASGI_UVICORN, NEWEST, OLD_STARLETTE, OLDEST, USUAL, UVICORN

PREFIXES = pytest.mark.parametrize("prefix", [VERSION, ALIAS], ids=["version", "alias"])
FLASK_STACKS = (OLDEST, USUAL, NEWEST)
FASTAPI_STACKS = (UVICORN, OLD_STARLETTE, ASGI_UVICORN, USUAL, NEWEST)
FORM = {"Content-Type": "multipart/form-data; boundary=cut"}
UPLOAD = b'--cut\r\nContent-Disposition: form-data; name="image"; filename="a.txt"\r\n\r\nseven\r\n--cut--\r\n'


@pytest.fixture(scope="module", params=FLASK_STACKS, ids=str)
def flask(request, serve):
    with serve(request.param, "flask_site:app") as server:
        yield server


@pytest.fixture(scope="module", params=FASTAPI_STACKS, ids=str)
def fastapi(request, serve):
    with serve(request.param, "fastapi_site:app") as server:
        yield server


@pytest.fixture(scope="module", params=["application", "asgi"])
def django(request, serve):
    with serve(USUAL, f"django_site:{request.param}") as server:
        yield server


@pytest.fixture(scope="module", params=(OLDEST, USUAL, NEWEST), ids=str)
def bare(request, serve):
    with serve(request.param, "bare_site") as server:
        yield server


@PREFIXES
class TestFlask:
    """R5: Flask needs no configuration, under the version's path and under an alias (P3)."""

    def test_url_for_makes_public_urls_r5(self, flask, prefix):
        assert flask.get(prefix, "/").json() == {
            "index": prefix + "/",
            "echo": prefix + "/echo",
            "full": f"http://localhost:8080{prefix}/echo",
            "env": VERSION,
        }

    def test_a_request_for_the_prefix_itself_arrives_r5(self, flask, prefix):
        answer = flask.get(prefix)
        if answer.status == 308:  # what older Werkzeug makes of an empty PATH_INFO
            assert answer.headers["location"].replace("http://localhost:8080", "") == prefix + "/"
            answer = flask.get(prefix, "/")
        assert answer.json()["echo"] == prefix + "/echo"

    def test_redirects_stay_under_the_prefix_r5(self, flask, prefix):
        answer = flask.get(prefix, "/moved")
        assert answer.status == 302
        assert answer.headers["location"].replace("http://localhost:8080", "") == prefix + "/echo"

    def test_a_cookie_for_the_application_comes_back_r5(self, flask, prefix):
        cookie = flask.get(prefix, "/visit").headers["set-cookie"]
        assert cookie.endswith(f"Path={prefix}/")
        assert flask.get(prefix, "/visit", {"Cookie": cookie.partition(";")[0]}).json() == {"seen": "yes"}

    def test_bodies_arrive(self, flask, prefix):
        headers = {"X-VH-Prefix": prefix + "/"}
        json = {"Content-Type": "application/json", **headers}
        assert flask.request("POST", prefix + "/echo", b'{"a": 1}', json).json()["json"] == {"a": 1}
        assert flask.request("POST", prefix + "/echo", UPLOAD, {**FORM, **headers}).json()["file"] == "seven"

    def test_what_follows_the_prefix_is_untouched_p4(self, flask, prefix):
        answer = flask.get(prefix, "/files/a%20b/%C3%A4")
        assert answer.json() == {"name": "a b/ä", "path": "/files/a b/ä"}


@PREFIXES
class TestFastApi:
    """R5: FastAPI needs no configuration, on Gunicorn's ASGI worker or Uvicorn's."""

    def test_url_for_makes_public_urls_and_lifespan_ran_r5(self, fastapi, prefix):
        assert fastapi.get(prefix, "/").json() == {
            "echo": f"http://localhost:8080{prefix}/echo",
            "env": VERSION,
            "started": ["yes"],
        }

    def test_bodies_arrive(self, fastapi, prefix):
        headers = {"X-VH-Prefix": prefix + "/", "Content-Type": "application/json"}
        assert fastapi.request("POST", prefix + "/echo", b'{"a": 1}', headers).json() == {"json": {"a": 1}}

    def test_redirects_stay_under_the_prefix_r5(self, fastapi, prefix):
        assert fastapi.get(prefix, "/moved").headers["location"] == f"http://localhost:8080{prefix}/"
        assert fastapi.get(prefix, "/slash").headers["location"] == f"http://localhost:8080{prefix}/slash/"

    def test_a_cookie_for_the_application_comes_back_r5(self, fastapi, prefix):
        cookie = fastapi.get(prefix, "/visit").headers["set-cookie"]
        assert f"Path={prefix}/;" in cookie + ";"
        assert fastapi.get(prefix, "/visit", {"Cookie": cookie.partition(";")[0]}).json() == {"seen": "yes"}

    def test_openapi_page_and_its_urls_r5(self, fastapi, prefix):
        assert f"{prefix}/openapi.json" in fastapi.get(prefix, "/docs").body.decode()
        servers = fastapi.get(prefix, "/openapi.json").json()["servers"]
        # An older FastAPI keeps the servers of the first request that asked; both prefixes lead here.
        assert servers in ([{"url": VERSION}], [{"url": ALIAS}])
        if fastapi.stack in (USUAL, NEWEST):
            assert servers == [{"url": prefix}]

    def test_what_follows_the_prefix_is_untouched_p4(self, fastapi, prefix):
        assert fastapi.get(prefix, "/files/a%20b/%C3%A4").json() == {"name": "a b/ä"}


@PREFIXES
@pytest.mark.parametrize("stack", [ASGI_UVICORN, USUAL, NEWEST], ids=str)
def test_websockets_know_their_prefix_r5(serve, stack, prefix):
    """R5: ``root_path`` and ``url_for`` are right on a WebSocket too."""
    with serve(stack, "fastapi_site:app") as server:
        lines = [
            f"GET {prefix}/talk HTTP/1.1",
            "Host: localhost:8080",
            f"X-VH-Prefix: {prefix}/",
            "Connection: Upgrade",
            "Upgrade: websocket",
            "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==",
        ]
        with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
            connection.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
            with connection.makefile("rb") as stream:
                assert stream.readline().startswith(b"HTTP/1.1 101 ")
                while stream.readline() != b"\r\n":
                    pass
                _, length = stream.read(2)  # of one text frame, short enough for a length of one byte
                text = stream.read(length).decode()
    assert text == f"{prefix} ws://localhost:8080{prefix}/talk"


@PREFIXES
class TestDjango:
    """R5: Django needs no configuration, as WSGI and as ASGI."""

    def test_reverse_makes_public_urls_r5(self, django, prefix):
        full = f"http://localhost:8080{prefix}/echo"
        assert django.get(prefix, "/").json() == {"echo": prefix + "/echo", "full": full}

    def test_redirects_stay_under_the_prefix_r5(self, django, prefix):
        assert django.get(prefix, "/moved").headers["location"] == prefix + "/echo"

    def test_bodies_arrive(self, django, prefix):
        answer = django.request("POST", prefix + "/echo", UPLOAD, {**FORM, "X-VH-Prefix": prefix + "/"})
        assert answer.json() == {"path": prefix + "/echo", "file": "seven"}


class TestBareCallable:
    """R4, R5: a plain WSGI callable sees WSGI's own split of the path."""

    @PREFIXES
    @pytest.mark.parametrize("rest", ["", "/", "/a//b"])
    def test_prefix_and_rest_r5(self, bare, prefix, rest):
        answer = bare.get(prefix, rest + "?q=1").json()
        assert answer == {"SCRIPT_NAME": prefix, "PATH_INFO": rest, "QUERY_STRING": "q=1", "env": VERSION}

    def test_without_the_header_the_environment_tells_the_prefix_p5(self, bare):
        """P5: without ``X-VH-Prefix``, a path under ``SCRIPT_NAME`` is still moved."""
        answer = bare.request("GET", VERSION + "/x").json()
        assert (answer["SCRIPT_NAME"], answer["PATH_INFO"]) == (VERSION, "/x")

    def test_a_path_under_no_prefix_is_served_whole_r8(self, bare):
        """R8: what plain Gunicorn answers 500 to is served here."""
        answer = bare.request("GET", "/elsewhere").json()
        assert (answer["SCRIPT_NAME"], answer["PATH_INFO"]) == ("", "/elsewhere")

    def test_a_longer_name_is_not_the_prefix(self, bare):
        answer = bare.request("GET", VERSION + "-two/x").json()
        assert (answer["SCRIPT_NAME"], answer["PATH_INFO"]) == ("", VERSION + "-two/x")


@PREFIXES
@pytest.mark.parametrize("target", ["dispatcher_page_site:app", "prefix_wsgi_site:app"])
@pytest.mark.parametrize("stack", [OLDEST, USUAL], ids=str)
def test_applications_that_handle_the_prefix_themselves_r7(serve, stack, target, prefix):
    """R7: the page's DispatcherMiddleware form and the official WSGI middleware work, under an alias too."""
    with serve(stack, target) as server:
        assert server.get(prefix, "/").json()["echo"] == prefix + "/echo"
        assert server.get(prefix, "/echo?a=1").json()["args"] == {"a": "1"}


@pytest.mark.parametrize("stack", [OLDEST, USUAL], ids=str)
def test_a_dispatcher_without_a_default_gets_the_whole_path_r7(serve, stack):
    """R7: mounted at ``SCRIPT_NAME`` and nowhere else, it finds the version's path, and an alias is not found."""
    with serve(stack, "dispatcher_only_site") as server:
        assert server.get(VERSION, "/").json()["echo"] == VERSION + "/echo"
        assert server.get(ALIAS, "/").status == 404


@PREFIXES
@pytest.mark.parametrize("stack", FASTAPI_STACKS, ids=str)
def test_the_official_asgi_middleware_works_r7(serve, stack, prefix):
    """R7: an application that sets ``root_path`` and cuts ``path`` itself still answers, with right URLs."""
    with serve(stack, "prefix_asgi_site:app") as server:
        url = server.get(prefix, "/").json()["echo"]
        assert url == f"http://localhost:8080{prefix}/echo"


@pytest.mark.parametrize("stack", [OLDEST, USUAL], ids=str)
def test_sigterm_lets_a_request_finish(serve, stack, tmp_path):
    """A graceful stop: the answer that was begun is completed, then the process ends with 0."""
    fifo = tmp_path / "go"
    os.mkfifo(fifo)
    with serve(stack, "slow_site", environment={"SLOW_DIRECTORY": str(tmp_path)}) as server:
        with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
            connection.sendall(f"GET {VERSION}/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
            stream = connection.makefile("rb")
            while stream.readline() != b"\r\n":
                pass
            assert stream.read(5) == b"first"
            server.process.send_signal(signal.SIGTERM)
            server.wait_for_line("Handling signal: term")
            fifo.write_text("on")
            assert stream.read() == b"after"
            stream.close()
        assert server.wait() == 0

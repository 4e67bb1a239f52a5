"""An examination of real servers, as ``vhlocal check`` and the doctor ask for it."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socketserver
import ssl
import subprocess
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.waiting import wait_for
from vhlocal.checks.prefix.evidence import NONSENSE
from vhlocal.contract.headers import PRODUCTION_HOST
from vhlocal.model import Endpoint, Package, Place
from vhlocal.project.package import read_package
from vhlocal.runtime.base import Address
from vhlocal.session.diagnosis.examine import ExaminedServer, HangsUpError, Seen, UnansweredError, examine

VERSION, ALIAS = "/acme/shop/main/20261122.0/greet", "/acme/shop/main/dev/greet"


@pytest.fixture
def server_at(tmp_path):
    """Make a server_at of what listens on a port."""

    def of(port, alias=ALIAS, code=""):
        place = Place(tmp_path / "valohai.yaml", 1)
        endpoint = Endpoint("greet", "python", 8000, server_command=("python server.py",), places={"": place})
        (tmp_path / "server.py").write_text(f"from starlette.middleware.trustedhost import *\n{code}\n")
        package = read_package(tmp_path) if code else Package(tmp_path, {}, "r1")
        return ExaminedServer(endpoint, package, Address("127.0.0.1", port), VERSION, alias, "127.0.0.1:8080")

    return of


@contextmanager
def serving(answer):
    """Serve ``answer``, which gets the handler of each GET request; give the port, and the requests as they come."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append((self.path, dict(self.headers)))
            answer(self)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        server.block_on_close = False
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1], asked
        server.shutdown()


def say(handler, status=200, body=b"hello", **headers):
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(body)


def codes(seen):
    return [finding.definition.code for finding in seen.findings]


def test_an_endpoint_that_is_sound_is_asked_for_its_root_under_both_names(server_at):
    """P7, K9: each request is marked, and carries what the ingress sets."""
    with serving(say) as (port, asked):
        assert asyncio.run(examine(server_at(port))) == Seen()
    nobodys = [f"{prefix}{NONSENSE}" for prefix in (VERSION, ALIAS)]
    assert [path for path, _ in asked] == [f"{VERSION}/", VERSION, f"{ALIAS}/", ALIAS, *nobodys]
    for path, headers in asked:
        assert headers["X-VH-Prefix"].rstrip("/") == path.removesuffix(NONSENSE).rstrip("/")
        assert (headers["User-Agent"], headers["X-VHLocal-Doctor"]) == ("vhlocal-doctor", "1")
        assert (headers["Host"], headers["X-Forwarded-Host"]) == (PRODUCTION_HOST, PRODUCTION_HOST)
        assert (headers["X-Forwarded-Port"], headers["X-Forwarded-Proto"]) == ("443", "https")


def test_an_endpoint_without_an_alias_is_examined_under_its_version(server_at):
    with serving(lambda handler: say(handler, 200 if handler.path == "/" else 404)) as (port, asked):
        (finding,) = asyncio.run(examine(server_at(port, None))).findings
    assert (finding.definition.code, finding.place.line) == ("VH401", 1)
    assert {headers["X-VH-Prefix"] for _, headers in asked} == {f"{VERSION}/"}


def test_what_is_wrong_is_found_though_nothing_has_failed(server_at):
    def answer(handler):
        say(handler, 200, b'<a href="/about">', Content_Type="text/html", Set_Cookie="session=x; Path=/")

    with serving(answer) as (port, _):
        assert codes(asyncio.run(examine(server_at(port)))) == ["VH405", "VH407"]


def test_an_app_that_answers_to_a_host_of_its_own_is_asked_by_that(server_at):
    """It may well be the cluster's: so the rest is looked at, and what is known is told."""
    code = 'app.add_middleware(TrustedHostMiddleware, allowed_hosts=["localhost", "*.acme.com"])'

    def answer(handler):
        known = handler.headers["Host"] in ("localhost", "vhlocal.acme.com")
        say(handler, 200 if known else 400, b'<a href="/about">', Content_Type="text/html")

    with serving(answer) as (port, asked):
        seen = asyncio.run(examine(server_at(port, code=code)))
        assert codes(seen) == ["VH405"]
    assert [headers["Host"] for _, headers in asked][-1] == "vhlocal.acme.com"
    with serving(lambda handler: say(handler, 400 if handler.headers["Host"] == PRODUCTION_HOST else 200)) as (port, _):
        seen = asyncio.run(examine(server_at(port, code=code)))
    assert seen == Seen(caveat="answers to the host vhlocal.acme.com, but not to every host")


def test_a_websocket_is_asked_for_as_a_browser_does_and_left(server_at):
    """P4: the handshake is a GET."""
    code = '@app.websocket("/ws")\nasync def words(socket):\n    pass'
    left = []

    def answer(handler):
        if handler.headers.get("Upgrade") != "websocket":
            say(handler, 200 if handler.path.rstrip("/") in (VERSION, ALIAS) else 404)
            return
        say(handler, 101 if handler.path == "/ws" else 403, b"", Connection="Upgrade", Upgrade="websocket")
        if handler.path == "/ws":
            left.append(handler.rfile.read())

    with serving(answer) as (port, asked):
        seen = asyncio.run(examine(server_at(port, code=code)))
        wait_for(lambda: len(left) == 2, "the handshake to be asked twice and left")
    assert left == [b"", b""], "nothing follows it"
    (finding,) = seen.findings
    assert (finding.definition.code, finding.place.file.name, finding.place.line) == ("VH412", "server.py", 2)
    assert finding.caveat == "but rejects its WebSocket below its prefix"
    handshakes = [headers for path, headers in asked if path.endswith("/ws") and "Upgrade" in headers]
    assert {headers["Sec-WebSocket-Version"] for headers in handshakes} == {"13"}
    assert {headers["Origin"] for headers in handshakes} == {f"https://{PRODUCTION_HOST}"}


def changing(handler):
    status, kind = random.choice([200, 302, 401, 404, 405, 500]), random.choice(["text/html", "application/json", "x"])
    say(handler, status, f"{random.random()}".encode(), Content_Type=kind, Location=f"/{random.random()}")


def nonsense(handler):
    handler.wfile.write(
        b"HTTP/1.1 200 \xff\xfe\r\nContent-Type: text/html; charset=no-such\r\nLocation: http://[::x\r\n"
        b"Set-Cookie: =;;=\r\nContent-Encoding: gzip\r\nContent-Length: 7\r\n\r\n<a \xff\x00="
    )


WEIRD = {
    "other answers each time": changing,
    "what was asked": lambda handler: say(handler, 200, handler.path.encode(), Content_Type="text/html"),
    "what has no sense": nonsense,
    "a page of links": lambda handler: say(
        handler, 200, b'<script src="a.js"></script><a href=b>' * 9000, Content_Type="text/html"
    ),
    "itself, by a redirect": lambda handler: say(handler, 307, b"", Location=handler.path),
    "a status that nobody knows": lambda handler: say(handler, 799),
    "nothing but what failed": lambda handler: say(handler, 503),
}


@pytest.mark.parametrize("name", WEIRD)
def test_an_app_that_nobody_knows_is_asked_little_and_blamed_for_nothing(server_at, name):
    routes = "".join(f'@app.get("/r{number}")\n@app.websocket("/s{number}")\n' for number in range(30))
    random.seed(name)
    with serving(WEIRD[name]) as (port, asked):
        for path in ("", "/predict"):
            assert asyncio.run(examine(server_at(port, code=f"{routes}def page():\n    pass"), path)).findings == ()
    assert len(asked) <= 2 * 2 * 48


def test_a_redirect_is_not_followed(server_at):
    with serving(lambda handler: say(handler, 302, b"", Location="/login")) as (port, asked):
        assert codes(asyncio.run(examine(server_at(port)))) == ["VH404"]
    assert {path for path, _ in asked} == {f"{VERSION}/", f"{ALIAS}/", VERSION, ALIAS, f"{VERSION}{NONSENSE}"}


@pytest.mark.parametrize("pause", [0, 0.3])
def test_an_answer_without_an_end_is_left(pause, server_at):
    def answer(handler):
        say(handler)
        with contextlib.suppress(OSError):
            while True:
                handler.wfile.write(b"more " * 1000)
                time.sleep(pause)

    with serving(answer) as (port, _):
        assert asyncio.run(examine(server_at(port))) == Seen(), "each was left within all of their time"


NO_HTTP = {
    "nothing": b"",
    "no status": b"HTTP/1.1 999999 x\r\n\r\n",
    "an endless header": b"HTTP/1.1 200 OK\r\nA: " + b"x" * 70000,
}


@pytest.mark.parametrize("said", NO_HTTP.values(), ids=NO_HTTP)
def test_what_is_no_whole_http_is_no_answer(said, server_at):
    class Handler(socketserver.BaseRequestHandler):
        def handle(self):
            self.request.recv(4096)
            self.request.sendall(said)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with pytest.raises(UnansweredError):
            asyncio.run(examine(server_at(server.server_address[1])))
        server.shutdown()


def test_a_server_that_keeps_silent_is_waited_for_a_moment(server_at):
    done = threading.Event()
    with serving(lambda _: done.wait(30)) as (port, _):
        with pytest.raises(UnansweredError, match="has not answered in 3 s"):
            asyncio.run(examine(server_at(port)))
        done.set()


def test_an_answer_that_comes_by_drops_is_given_up(server_at):
    def answer(handler):
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        with contextlib.suppress(OSError):
            while True:
                handler.wfile.write(b"x")
                time.sleep(0.2)

    with serving(answer) as (port, _), pytest.raises(UnansweredError, match="took more than 2 s"):
        asyncio.run(examine(server_at(port), seconds=2))


@contextmanager
def saying(first=b"", answer=b"", context=None):
    """Serve something that sends ``first``, reads a request and sends ``answer``, over TLS where there is a context."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self):
            with contextlib.suppress(OSError):
                stream = self.request if context is None else context.wrap_socket(self.request, server_side=True)
                with stream:
                    stream.sendall(first)
                    stream.recv(65536)
                    stream.sendall(answer)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


@pytest.fixture
def tls(tmp_path):
    """What a server has that speaks TLS."""
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    words = f"openssl req -x509 -newkey rsa:2048 -nodes -keyout {key} -out {certificate} -days 2 -subj /CN=greet"
    subprocess.run(words.split(), check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


@pytest.mark.parametrize(
    ("said", "seen"),
    [
        (
            {"first": b"SSH-2.0-OpenSSH_9.6\r\n"},
            "the server on port 8000 answered a GET request with something that is not HTTP",
        ),
        (
            {"first": b"\x00\x00\x18\x04\x00\x00\x00\x00\x00"},
            "the server on port 8000 speaks HTTP/2 without TLS, as gRPC servers do",
        ),
        ({"answer": b"\x15\x03\x01\x00\x02\x02\x46"}, "the server on port 8000 speaks TLS"),
    ],
    ids=["a protocol of its own", "HTTP/2", "an alert of TLS"],
)
def test_an_answer_that_is_not_http_is_found_as_what_it_is(said, seen, server_at):
    """K9: the ingress answers 502 to such."""
    with saying(**said) as port:
        (finding,) = asyncio.run(examine(server_at(port))).findings
    assert (finding.definition.code, finding.seen) == ("VH523", seen)
    assert finding.caveat == "but its answer is not HTTP"


def test_a_server_that_hangs_up_because_it_speaks_tls_is_found(server_at, tls):
    with saying(answer=b"HTTP/1.1 200 OK\r\n\r\n", context=tls) as port:
        (finding,) = asyncio.run(examine(server_at(port))).findings
    assert (finding.definition.code, finding.seen) == ("VH523", "the server on port 8000 speaks TLS")


def test_a_server_that_hangs_up_is_told_from_one_that_is_gone(server_at):
    with saying() as port, pytest.raises(HangsUpError, match="no longer answers"):
        asyncio.run(examine(server_at(port)))

"""The page's own origin on a real socket: who is let in, which files there are, and that the next run has the same."""

import contextlib
import gzip
import http.client
import json
import re
import socket
import stat
from pathlib import Path

import pytest

from tests.api.runs import Run
from tests.waiting import LONG, wait_for
from vhlocal.api.origin import Origin
from vhlocal.api.page_app import STATIC
from vhlocal.api.serving import Bounded
from vhlocal.session.record import ProjectState


def test_the_api_is_for_who_shows_the_key_and_the_files_are_for_all(run):
    run.crash()
    for key in (False, "wrong", "token"):
        for path in ("/api/endpoints", "/api/logs", "/api/down", "/api", "/api/nope"):
            answer, body = run.of_page(path, key=key)
            assert (answer.status, "predict" in body) == (401, False), (key, path)
        assert run.of_page("/api/down", "POST", key=key)[0].status == 401
    assert not run.stopped.is_set()
    assert [run.of_page(path, key=False)[0].status for path in ("/", "/static/page.js", "/findings/VH106")] == [200] * 3
    answer, body = run.of_page("/api/endpoints")
    assert json.loads(body)["endpoints"][0]["endpoint"] == "predict"
    assert run.key not in body
    assert run.of_page("/api/down", "POST")[0].status == 202
    assert run.stopped.is_set()


def test_connections_that_ask_for_nothing_make_room_and_no_more_are_open_than_the_most(run, monkeypatch):
    """Each takes a thread of the run, and one of its open files."""
    monkeypatch.setattr(Bounded, "most", 4)
    address = ("127.0.0.1", int(run.page.rpartition(":")[2]))
    with contextlib.ExitStack() as open_ones:
        silent = [open_ones.enter_context(socket.create_connection(address, timeout=LONG)) for _ in range(12)]
        assert run.of_page("/", key=False)[0].status == 200
        assert silent[0].recv(1) == b"", "the oldest have made room"
        assert silent[8].recv(1) == b""
        silent[11].sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n" % address[1])
        assert silent[11].recv(12) == b"HTTP/1.1 200"
        wait_for(lambda: not run.plane._servers[1]._busy, "what was answered to end")
        streams = [open_ones.enter_context(socket.create_connection(address, timeout=LONG)) for _ in range(4)]
        ask = "GET /api/events HTTP/1.1\r\nHost: {}:{}\r\nAuthorization: Bearer {}\r\n\r\n".format(*address, run.key)
        for stream in streams:
            stream.sendall(ask.encode())
            assert stream.recv(12) == b"HTTP/1.1 200"
        late = open_ones.enter_context(socket.create_connection(address, timeout=LONG))
        assert late.recv(1) == b"", "all are busy"


def test_neither_the_key_to_look_nor_a_query_lets_in(run):
    cookie = run.plane._guard
    look = {"Cookie": f"{cookie.cookie}={cookie.read_key}"}
    assert run.of_page("/api/endpoints", key=False, **look)[0].status == 401
    assert run.of_page(f"/api/endpoints?key={run.key}", key=False)[0].status == 401
    assert run.get("/api/down", "POST", Authorization=f"Bearer {run.key}")[0].status == 401, "at the gateway the token"


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:8080"},
        {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"},
    ],
    ids=str,
)
def test_only_its_own_page_may_ask_even_with_the_key(run, headers):
    """An app's page is of the gateway's origin, which is the same site."""
    for path in ("/api/endpoints", "/", "/static/page.js", "/findings/VH106"):
        answer, body = run.of_page(path, **headers)
        assert (answer.status, "predict" in body) == (403, False), path
        assert answer.getheader("Access-Control-Allow-Origin") is None
    assert run.of_page("/api/down", "POST", **headers)[0].status == 403
    assert not run.stopped.is_set()


def test_a_page_of_any_site_may_lead_to_it(run):
    led = {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "navigate"}
    answer, body = run.of_page("/", key=False, **led)
    assert answer.status == 200
    assert run.key not in body and "predict" not in body, "there is nothing of the run in it"


def test_every_answer_forbids_what_the_page_does_not_need(run):
    for path in ("/", "/static/page.css", "/findings/VH106", "/findings/VH999", "/api/endpoints", "/nope"):
        answer, body = run.of_page(path, Accept="text/html")
        policy = answer.getheader("Content-Security-Policy")
        assert re.match(r"default-src 'none'; script-src 'self' 'sha256-\S{44}'; style-src 'self';", policy), path
        assert "unsafe" not in policy and "frame-ancestors 'none'" in policy
        assert answer.getheader("Referrer-Policy") == "no-referrer"
        assert answer.getheader("X-Content-Type-Options") == "nosniff"
        assert answer.getheader("Cross-Origin-Opener-Policy") == "same-origin"
        assert answer.getheader("Set-Cookie") is None
        assert "<style" not in body and " style=" not in body and "onclick" not in body, path


def test_each_file_has_its_type_and_is_not_sent_twice(run):
    types = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
    files = [path for path in STATIC.rglob("*") if path.is_file()]
    assert len(files) > 5
    for path in files:
        name = f"/static/{path.relative_to(STATIC).as_posix()}"
        answer, body = run.of_page(name, key=False)
        assert (answer.status, answer.getheader("Content-Type")) == (200, f"{types[path.suffix]}; charset=utf-8"), name
        assert body == path.read_text()
        assert answer.getheader("Cache-Control") == "no-cache"
        again, body = run.of_page(name, key=False, **{"If-None-Match": answer.getheader("ETag")})
        assert (again.status, body) == (304, "")


@pytest.mark.parametrize("name", ["../api/app.py", "..%2fapi%2fapp.py", "%2e%2e/model.py", "views", "", "nope.js"])
def test_nothing_else_is_a_file_of_it(run, name):
    assert run.of_page(f"/static/{name}", key=False)[0].status == 404


def test_a_path_of_an_endpoint_is_told_to_be_elsewhere(run):
    answer, body = run.of_page("/acme/digits/local/dev/predict/", key=False)
    assert (answer.status, json.loads(body)["hint"]) == (404, "endpoints are served at http://127.0.0.1:8080")


@pytest.fixture
def state(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return ProjectState(tmp_path / "project")


def test_the_next_run_of_a_project_has_the_same_link(state):
    with contextlib.closing(Run(state=state)) as first:
        link = first.plane.link
    assert stat.S_IMODE(Path(state.path, "page.json").stat().st_mode) == 0o600
    with contextlib.closing(Run(state=state)) as second:
        assert second.plane.link == link
    with contextlib.closing(Run()) as other:
        assert other.key not in link


def test_where_its_port_is_taken_the_next_run_has_another_and_keeps_that(state):
    with contextlib.closing(Run(state=state)) as first:
        port, key = int(first.page.rpartition(":")[2]), first.key
    with socket.create_server(("127.0.0.1", port)), contextlib.closing(Run(state=state)) as second:
        moved = second.plane.link
        assert second.page != first.page
        assert second.key == key
    with contextlib.closing(Run(state=state)) as third:
        assert third.plane.link == moved


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "1", '{"port": 1}', '{"port": "x", "key": 1}', '{"port": 99999999, "key": "k"}']
)
def test_what_cannot_be_read_of_the_last_run_is_made_anew(state, text):
    Path(state.path, "page.json").write_text(text)
    with contextlib.closing(Run(state=state)) as run:
        assert run.of_page("/api/endpoints")[0].status == 200


def test_an_invitation_lets_in_once_and_soon():
    now = 0.0
    origin = Origin("http://127.0.0.1:1/", "key", clock=lambda: now)
    word = origin.invite().rpartition("=")[2]
    assert not origin.accept("") and not origin.accept("key")
    assert origin.accept(word) and not origin.accept(word)
    late = origin.invite().rpartition("=")[2]
    now = 61.0
    assert not origin.accept(late)
    origin.invite()
    assert len(origin._invited) == 1, "what is over is forgotten"


def test_files_come_small_to_who_takes_them_so(run):
    """All of the page is loaded from its disk's cache the next time, as long as it is the same."""
    connection = http.client.HTTPConnection(run.page.removeprefix("http://"), timeout=30)
    with contextlib.closing(connection):
        for encoding in ("gzip, br", "identity", "gzip;q=0"):
            connection.request("GET", "/static/dom.js", headers={"Accept-Encoding": encoding})
            answer = connection.getresponse()
            said = answer.read()
            is_small = encoding == "gzip, br"
            assert answer.getheader("Content-Encoding") == ("gzip" if is_small else None)
            assert (gzip.decompress(said) if is_small else said) == (STATIC / "dom.js").read_bytes()
            assert answer.getheader("Vary") == "Accept-Encoding"
            again = {"Accept-Encoding": encoding, "If-None-Match": answer.getheader("ETag")}
            connection.request("GET", "/static/dom.js", headers=again)
            answer = connection.getresponse()
            assert (answer.status, answer.read()) == (304, b"")

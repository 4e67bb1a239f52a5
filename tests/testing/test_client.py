"""The client of a test: what it sends, and that it stays inside of the endpoint."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from vhlocal.testing.client import Endpoint

PREFIX = "/acme/digits/local/dev/predict"
MOVED = {"/moved": f"{PREFIX}/there", "/out": "/acme/digits/local/dev/other", "/away": "http://127.0.0.1:1/x"}


class Echo(BaseHTTPRequestHandler):
    """Answers with what it was sent, or leads elsewhere."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = self.path.removeprefix(PREFIX)
        told = json.dumps(
            {"method": self.command, "path": self.path, "headers": dict(self.headers.items()), "body": body.decode()}
        ).encode()
        self.send_response(302 if path in MOVED else 200)
        if path in MOVED:
            self.send_header("Location", MOVED[path])
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(told) + (5 if path == "/short" else 0)))
        self.end_headers()
        self.wfile.write(told)
        self.close_connection = True

    do_POST = do_PUT = do_GET

    def log_message(self, *arguments):
        pass


@pytest.fixture(scope="module")
def endpoint():
    with ThreadingHTTPServer(("127.0.0.1", 0), Echo) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        url = f"http://127.0.0.1:{server.server_address[1]}{PREFIX}"
        yield Endpoint("predict", "dev", url, (("Authorization", "Basic YTpi"),))
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("/", "/"),
        ("", ""),
        ("/predict", "/predict"),
        ("predict", "/predict"),
        ("?x=1", "?x=1"),
        ("//double", "//double"),
        ("/ä b?q=ö", "/%C3%A4%20b?q=%C3%B6"),
        ("resnet:predict", "/resnet:predict"),
        ("/../other", "/../other"),
        (f"{PREFIX}/x", f"{PREFIX}/x"),
    ],
)
def test_a_path_is_below_the_endpoint(endpoint, path, asked):
    told = endpoint.get(path).json()
    assert (told["method"], told["path"]) == ("GET", f"{PREFIX}{asked}")
    assert told["headers"]["Authorization"] == "Basic YTpi"


def test_bodies_are_what_they_are_named(endpoint, tmp_path):
    picture = tmp_path / "seven.png"
    picture.write_bytes(b"\x89PNG".replace(b"\x89", b""))
    posted = endpoint.post("/predict", json={"x": [1]}).json()
    assert (posted["method"], posted["body"]) == ("POST", '{"x": [1]}')
    assert posted["headers"]["Content-Type"] == "application/json"
    assert endpoint.put("/", data="plain").json()["body"] == "plain"
    form = endpoint.post("/", data={"a": "1 2", "b": "ä"}).json()
    assert (form["body"], form["headers"]["Content-Type"]) == ("a=1+2&b=%C3%A4", "application/x-www-form-urlencoded")
    sent = endpoint.post("/", files={"image": picture, "name": "seven"}).json()
    kind, _, boundary = sent["headers"]["Content-Type"].partition("; boundary=")
    assert kind == "multipart/form-data"
    assert sent["body"] == (
        f'--{boundary}\r\nContent-Disposition: form-data; name="image"; filename="seven.png"\r\n'
        "Content-Type: image/png\r\n\r\nPNG\r\n"
        f'--{boundary}\r\nContent-Disposition: form-data; name="name"\r\n\r\nseven\r\n--{boundary}--\r\n'
    )
    own = endpoint.post("/", data=b"{}", headers={"content-type": "application/x-own", "authorization": "Bearer x"})
    assert own.json()["headers"]["content-type"] == "application/x-own"
    assert own.json()["headers"]["authorization"] == "Bearer x"
    assert "Authorization" not in own.json()["headers"]
    with pytest.raises(ValueError, match="a request has one body"):
        endpoint.post("/", json=1, data="x")


def test_redirects_are_followed_inside_alone(endpoint):
    assert endpoint.get("/moved").json()["path"] == f"{PREFIX}/there"
    stayed = endpoint.get("/moved", redirects=False)
    assert (stayed.status, stayed.header("location")) == (302, f"{PREFIX}/there")
    for path in ("/out", "/away"):
        with pytest.raises(AssertionError, match="it redirects out of the endpoint"):
            endpoint.get(path)


def test_links_are_followed_as_a_browser_does(endpoint):
    assert endpoint.follow("next").json()["path"] == f"{PREFIX}/next"
    assert endpoint.follow("next", base="/pages/1").json()["path"] == f"{PREFIX}/pages/next"
    assert endpoint.follow(f"{PREFIX}/x?y=1").json()["path"] == f"{PREFIX}/x?y=1"
    assert endpoint.follow(f"{endpoint.url}/x").json()["path"] == f"{PREFIX}/x"
    for link in ("/static/app.css", "../other/", "//127.0.0.1:1/x", f"{PREFIX}ed/x"):
        with pytest.raises(AssertionError, match="leads out of the endpoint"):
            endpoint.follow(link)
    with pytest.raises(ValueError, match="is not a path below the endpoint"):
        endpoint.get(f"{endpoint.url}/x")


def test_an_answer_that_is_not_whole_fails(endpoint):
    with pytest.raises(AssertionError, match=r"GET .*/short: 5 bytes are missing at its end \(status 200\)"):
        endpoint.get("/short")
    gone = Endpoint("predict", "dev", "http://127.0.0.1:1/acme/digits/local/dev/predict/")
    with pytest.raises(AssertionError, match="refused"):
        gone.get()

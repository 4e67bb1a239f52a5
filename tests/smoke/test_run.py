"""Smoke tests sent to a real server, and the verdicts."""

from __future__ import annotations

import json
import socket
import threading
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import pytest

from vhlocal.errors import InputError
from vhlocal.smoke.results import Result, Target, junit
from vhlocal.smoke.run import load, run

if TYPE_CHECKING:
    from collections.abc import Iterator

PREFIX = "/acme/digits/local/dev/predict"
FILES = Path(__file__).parent / "files"


REDIRECTS = {
    "/moved": (302, f"{PREFIX}/health"),
    "/kept": (307, "digit"),
    "/away": (302, "/other/"),
    "/round": (302, "round"),
}
BROKEN = {
    "/short": b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{}",
    "/chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
}


class Hearing(ThreadingHTTPServer):
    """Keeps what it was sent, and lets what hangs go on."""

    heard: list[tuple[str, str, dict[str, str], bytes]]
    release: threading.Event


class Predicting(BaseHTTPRequestHandler):
    """Answers with what it was sent, and in the ways in which servers fail."""

    protocol_version = "HTTP/1.1"
    server: Hearing

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.heard.append((self.command, self.path, dict(self.headers.items()), body))
        path = self.path.removeprefix(PREFIX).partition("?")[0]
        if path in REDIRECTS:
            self.redirect(*REDIRECTS[path])
        elif path in BROKEN:
            self.wfile.write(BROKEN[path])
            self.close_connection = True
        elif path == "/hangs":
            self.server.release.wait(60)
            self.close_connection = True
        else:
            self.whole(500 if path == "/fails" else 200, {"digit": 7, "p": 0.998, "method": self.command})

    def redirect(self, status: int, location: str) -> None:
        self.send_response(status)
        self.send_header("Location", location)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def whole(self, status: int, value: object) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(b"" if self.command == "HEAD" else body)

    do_GET = do_POST = do_PUT = do_HEAD = answer

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def serving() -> Iterator[Hearing]:
    with Hearing(("127.0.0.1", 0), Predicting) as server:
        server.daemon_threads = True
        server.heard, server.release = [], threading.Event()
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.release.set()
            server.shutdown()
            thread.join()


def to(port: int, endpoint: str = "predict", under: str = "dev") -> Target:
    return Target(endpoint, under, f"http://127.0.0.1:{port}{PREFIX}")


def results(tmp_path: Path, text: str, seconds: float = 60.0) -> tuple[list[Result], list]:
    """The verdicts on a file, and what the server has heard."""
    path = tmp_path / "predict.http"
    path.write_text(text)
    with serving() as server:
        return list(run(load(path, tmp_path), to(server.server_port), seconds)), server.heard


@pytest.mark.parametrize(
    ("request_", "failures"),
    [
        ("GET {{endpoint}}/\n# expect $.digit == 7\n# expect header content-type: application/json", ()),
        ("GET {{endpoint}}", ()),
        ("GET {{endpoint}}/fails", ("status 2xx → 500",)),
        ("# expect 500\nGET {{endpoint}}/fails", ()),
        ("GET {{endpoint}}/fails\n\n# expect $.digit == 7", ("status 2xx → 500",)),
        ("GET {{endpoint}}/\n# expect 201\n# expect $.digit == 8", ("status 201 → 200", "$.digit 8 → 7")),
        ("HEAD {{endpoint}}/\n# expect 200", ()),
        ('GET {{endpoint}}/moved\n# expect $.method == "GET"', ()),
        ('POST {{endpoint}}/moved\n\n{}\n# expect $.method == "GET"', ()),
        ('POST {{endpoint}}/kept\n\n{}\n# expect $.method == "POST"', ()),
        ("# expect 302\nGET {{endpoint}}/moved", ()),
        ("# @no-redirect\nGET {{endpoint}}/moved", ("status 2xx → 302",)),
        (
            "# expect 200\nGET {{endpoint}}/away",
            ("no whole answer: it redirects out of the endpoint, to /other/", "status 200 → 302"),
        ),
        (
            "GET {{endpoint}}/round",
            ("no whole answer: it redirects 10 times", "status 2xx → 302"),
        ),
        ("GET {{endpoint}}/short", ("no whole answer: 98 bytes are missing at its end",)),
        ("GET {{endpoint}}/chunks", ("no whole answer: it breaks off",)),
        ("GET {{endpoint}}/\n# expect < 60 s", ()),
    ],
)
def test_a_verdict_says_what_differs(tmp_path, request_, failures):
    (result,), _ = results(tmp_path, request_)
    assert result.failures == failures


def test_a_server_that_does_not_answer_in_time_fails(tmp_path):
    (result,), _ = results(tmp_path, "GET {{endpoint}}/hangs\n# expect $.digit == 7", seconds=0.2)
    assert result.failures == ("no answer in time",)
    assert "FAIL" in str(result)


def test_a_server_that_is_not_there_fails(tmp_path):
    path = tmp_path / "a.http"
    path.write_text("GET {{endpoint}}")
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # and does not listen: nobody else can
        (result,) = run(load(path, tmp_path), to(held.getsockname()[1]))
    assert "refused" in result.failures[0]


def test_what_is_sent_is_what_the_file_says():
    with serving() as server:
        verdicts = list(run(load(FILES / "rest_client.http", FILES), to(server.server_port)))
        verdicts += list(run(load(FILES / "jetbrains.http", FILES), to(server.server_port)))
    assert [result.failures for result in verdicts] == [(), (), ("status 2xx → 302",), (), (), (), (), ()]
    (method, target, headers, body), _, _, upload, form, _, digit, raw = server.heard
    assert (method, target) == ("POST", f"{PREFIX}/digit?a=1&b=two&c=application/json")
    assert (headers["Content-Type"], headers["Accept"]) == ("application/json", "*/*")
    assert body == '{\n  "x": [1, 2],\n  "name": "größe"\n}'.encode()
    content = (FILES / "body.bin").read_bytes()
    assert upload[3].count(b"\r\n") >= 10
    assert b"\r\n\r\n" + content + b"\r\n--x--" in upload[3]
    assert b"\r\n\r\napplication/json\r\n--x\r\n" in upload[3]
    assert form[3] == b"name=ada&x=%20+1"
    assert digit[3] == b'{"x": [1, 2]}'
    assert (raw[0], raw[3]) == ("PUT", content)


def test_letters_of_a_url_that_none_may_have_are_encoded(tmp_path):
    _, heard = results(tmp_path, 'GET {{endpoint}}/größe?q="x"&r=%2F|#part')
    assert heard[0][1] == f"{PREFIX}/gr%C3%B6%C3%9Fe?q=%22x%22&r=%2F|"


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/x",
        "http://127.0.0.1:8000/o/p/d/v/e/",
        "{{endpoint}}x",
        "https://x/{{endpoint}}",
        "{{other}}/x",
        "{{endpoint}}/../other/x",
        "{{endpoint}}/%2e%2E/other",
    ],
)
def test_nothing_is_sent_to_where_the_endpoint_is_not(tmp_path, url):
    path = tmp_path / "a.http"
    path.write_text(f"@other = http://localhost:1\nGET {{{{endpoint}}}}\n###\nGET {url}")
    with serving() as server, pytest.raises(InputError, match="not in the endpoint") as caught:
        list(run(load(path, tmp_path), to(server.server_port)))
    assert caught.value.place.line == 4
    assert server.heard == []


def test_a_body_file_that_is_missing_is_told_before_anything_is_sent(tmp_path):
    path = tmp_path / "a.http"
    path.write_text("GET {{endpoint}}\n###\nPOST {{endpoint}}\n\n< ./none.json")
    with pytest.raises(InputError, match=r"the body's file \./none\.json cannot be read") as caught:
        load(path, tmp_path)
    assert caught.value.place.line == 5
    assert str(tmp_path / "none.json") in caught.value.hint


@pytest.mark.parametrize("link", [False, True])
def test_a_body_file_outside_of_the_project_is_never_sent(tmp_path, link):
    project, secret = tmp_path / "project", tmp_path / "secret"
    project.mkdir()
    secret.write_text("secret")
    (project / "linked").symlink_to(secret)
    path = project / "a.http"
    path.write_text(f"POST {{{{endpoint}}}}\n\n< {'linked' if link else '../secret'}")
    with pytest.raises(InputError, match="is not in the project") as caught:
        load(path, project)
    assert caught.value.place.line == 3


def test_a_guarded_run_is_asked_as_its_user_unless_the_file_says_who(tmp_path):
    path = tmp_path / "a.http"
    path.write_text("GET {{endpoint}}\n###\nGET {{endpoint}}\nauthorization: Bearer x")
    with serving() as server:
        target = replace(to(server.server_port), headers=(("Authorization", "Basic eA=="),))
        assert [result.failures for result in run(load(path, tmp_path), target)] == [(), ()]
    first, second = (headers for _, _, headers, _ in server.heard)
    assert (first.get("Authorization"), second.get("Authorization")) == ("Basic eA==", None)
    assert second["authorization"] == "Bearer x"


def test_a_file_that_is_no_text_is_told_with_its_line(tmp_path):
    path = tmp_path / "a.http"
    path.write_bytes(b"GET {{endpoint}}\n\xff")
    with pytest.raises(InputError, match="not UTF-8") as caught:
        load(path, tmp_path)
    assert caught.value.place.line == 2
    with pytest.raises(InputError, match="cannot be read"):
        load(tmp_path / "none.http", tmp_path)


def test_a_verdict_is_one_line(tmp_path):
    (good, bad), _ = results(
        tmp_path,
        '### fine\nGET {{endpoint}}\n### off\nGET {{endpoint}}\n# expect 404\n# expect $.digit == "\\u001b[2J\\n"',
    )
    assert str(good).startswith(f"ok    predict (dev)  {tmp_path}/predict.http:2  fine  ")
    assert str(bad) == f"FAIL  predict (dev)  {tmp_path}/predict.http:4  off: status 404 → 200 (and 1 more)"
    assert "\n" not in str(bad)


def test_junit_counts_each_path_and_tells_what_differs(tmp_path):
    text = "### fine\nGET {{endpoint}}\n### <off> \x01&\nGET {{endpoint}}\n# expect 404\n# expect $.digit == 8"
    verdicts, _ = results(tmp_path, text)
    live = [Result(to(1, under="live"), one.name, one.place, 0.5, ()) for one in verdicts]
    root = ElementTree.fromstring(junit([*verdicts, *live]))
    assert (root.tag, root.attrib["tests"], root.attrib["failures"]) == ("testsuites", "4", "1")
    assert [suite.attrib["name"] for suite in root] == ["predict (dev)", "predict (live)"]
    assert [(suite.attrib["tests"], suite.attrib["failures"]) for suite in root] == [("2", "1"), ("2", "0")]
    fine, off = root[0].findall("testcase")
    assert fine.attrib["name"] == f"fine ({tmp_path}/predict.http:2)"
    assert list(fine) == []
    assert off.attrib["name"].startswith("<off> \\x01& (")
    assert off[0].attrib["message"] == "status 404 → 200"
    assert off[0].text == "status 404 → 200\n$.digit 8 → 7"
    assert root[1][0].attrib == {"classname": "predict.live", "name": fine.attrib["name"], "time": "0.500"}

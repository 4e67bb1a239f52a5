"""The package index is asked for exact versions, by one request each, and its answers are kept."""

from __future__ import annotations

import contextlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.waiting import free_port
from vhlocal.checks.index import Answers, Known, PackageIndex
from vhlocal.project.network import HostNetwork

HTML = """<html><body>
<a href="x" data-requires-python="&gt;=3.8">flask-3.0.0-py3-none-any.whl</a>
<a href="y" data-requires-python="&gt;=3.9">Flask-3.0.0.tar.gz</a>
<a href="z">Flask-0.1.tar.gz</a>
</body></html>"""
JSON = json.dumps(
    {
        "files": [
            {"filename": "click-8.0-py3-none-any.whl", "requires-python": ">=3.6"},
            {"filename": "click-8.0.tar.gz", "requires-python": None},
            {"filename": "click-7.0.win32.exe"},
        ]
    }
)
PAGES = {"/simple/flask/": ("text/html", HTML), "/simple/click/": ("application/vnd.pypi.simple.v1+json", JSON)}


class Server:
    """An index on this machine that remembers who asked for what."""

    def __init__(self):
        asked = self.asked = []

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                asked.append((self.path, self.headers["Authorization"]))
                kind, body = PAGES.get(self.path, ("text/plain", ""))
                self.send_response(200 if body else 404)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, *args):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()
        self.address = f"127.0.0.1:{self._server.server_port}"

    def close(self):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def server():
    with contextlib.closing(Server()) as started:
        yield started


@pytest.fixture
def ask(server, tmp_path):
    def ask(*pins, **pip):
        settings = {"PIP_INDEX_URL": f"http://{server.address}/simple", **pip}
        return PackageIndex(HostNetwork(pip=settings), tmp_path).look_up(pins)

    return ask


def test_what_each_file_of_a_version_requires_is_told(ask):
    answers = ask(("flask", "3.0.0"), ("flask", "0.1"), ("click", "8.0"))
    assert answers == Answers(
        {
            ("flask", "3.0.0"): Known((">=3.8", ">=3.9")),
            ("flask", "0.1"): Known(("",)),
            ("click", "8.0"): Known((">=3.6", "")),
        }
    )


def test_equal_versions_are_equal_however_they_are_written(ask):
    assert ask(("flask", "3.0")).known["flask", "3.0"] == Known((">=3.8", ">=3.9"))


def test_a_version_or_a_name_that_is_not_there_is_told_and_not_kept(ask, server):
    for _ in range(2):
        assert ask(("flask", "9.9"), ("nothing", "1")).known == {("flask", "9.9"): None, ("nothing", "1"): None}
    assert len(server.asked) == 4


def test_files_whose_version_nobody_can_tell_are_given_the_benefit_of_doubt(ask):
    assert ask(("click", "7.0")).known["click", "7.0"] == Known(("",))


def test_an_answer_is_kept_for_ever(ask, server):
    first = ask(("flask", "3.0.0"))
    assert ask(("flask", "3.0.0")) == first
    assert len(server.asked) == 1


def test_a_password_is_sent_and_not_told(ask, server, tmp_path):
    ask(("flask", "3.0.0"), PIP_INDEX_URL=f"http://ada:s%40crt@{server.address}/simple/")
    assert server.asked == [("/simple/flask/", "Basic YWRhOnNAY3J0")]
    closed = f"http://ada:secret@127.0.0.1:{free_port()}/simple"
    trouble = ask(("flask", "1"), PIP_INDEX_URL=closed).trouble
    assert trouble.startswith("127.0.0.1 did not answer: ")
    assert "secret" not in trouble


def test_several_places_to_install_from_are_not_asked(ask, server):
    assert ask(("flask", "9.9"), PIP_EXTRA_INDEX_URL="http://example.com/simple") == Answers()
    assert ask(("flask", "9.9"), PIP_NO_INDEX="1") == Answers()
    assert server.asked == []


def test_an_unusable_cache_is_no_trouble(server, tmp_path):
    file = tmp_path / "file"
    file.write_text("")
    index = PackageIndex(HostNetwork(pip={"PIP_INDEX_URL": f"http://{server.address}/simple"}), file)
    assert index.look_up([("flask", "0.1")]) == Answers({("flask", "0.1"): Known(("",))})

"""The control plane on a real socket, with a real board and bus behind it."""

import http.client
import json
import threading

import pytest

from vhlocal.control.client import Client
from vhlocal.control.plane import ControlPlane
from vhlocal.errors import VhlocalError
from vhlocal.events import Bus, LogLine, StatusChanged
from vhlocal.gateway.report import Failure, FailureKind
from vhlocal.model import State, Status, Version
from vhlocal.session.board import Board
from vhlocal.session.record import RunRecord
from vhlocal.session.view import View

VERSION = Version("acme", "digits", "local", "20261124.0", ("dev",))


class Run:
    """A run's insides, as the session would hold them, with the control plane in front."""

    def __init__(self):
        self.bus = Bus()
        self.board = Board(("predict",))
        self.bus.subscribe(self.board.apply)
        self.stopped = threading.Event()
        self.plane = ControlPlane()
        self.view = View(VERSION, self.board, self.bus, "http://127.0.0.1:8080", "token", "run", self.stopped.set)
        self.host, self.port = self.plane.start(self.view)

    def client(self, token="token"):
        return Client(RunRecord("run", 1, f"http://{self.host}:{self.port}", token, VERSION.name, 0.0))

    def get(self, path, method="GET", **headers):
        connection = http.client.HTTPConnection(self.host, self.port, timeout=30)
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        body = answer.read().decode()
        connection.close()
        return answer, body

    def crash(self):
        self.bus.publish(LogLine("predict", "stderr", "ValueError: <boom>", 1.0))
        self.bus.publish(StatusChanged(Status("predict", State.CRASHED, "exit code 3", "look above")))


@pytest.fixture
def run():
    started = Run()
    yield started
    started.plane.stop()


def test_the_status_page_shows_every_endpoint(run):
    run.bus.publish(StatusChanged(Status("predict", State.READY, urls=("http://127.0.0.1:8080/a/b/c/d/predict/",))))
    answer, body = run.get("/")
    assert answer.getheader("Content-Type") == "text/html; charset=utf-8"
    assert "predict" in body
    assert "http://127.0.0.1:8080/a/b/c/d/predict/" in body


def test_endpoints_are_listed(run):
    found = run.client().endpoints()
    assert [item["endpoint"] for item in found["endpoints"]] == ["predict"]
    assert found["version"] == "20261124.0"


def test_logs_are_given_and_followed(run):
    run.bus.publish(LogLine("predict", "stdout", "one", 1.0))
    assert [line["text"] for line in run.client().logs("predict", 10, follow=False)] == ["one"]
    lines = run.client().logs(None, 10, follow=True)
    assert next(lines)["text"] == "one"
    run.bus.publish(LogLine("predict", "stdout", "two", 2.0))
    assert next(lines)["text"] == "two"
    lines.close()


def test_logs_of_an_unknown_endpoint_name_those_there_are(run):
    with pytest.raises(VhlocalError, match="no endpoint `nope`; there are: predict"):
        list(run.client().logs("nope", 10, follow=False))


def test_only_the_token_ends_the_run(run):
    with pytest.raises(VhlocalError, match="token"):
        run.client("wrong").down()
    assert not run.stopped.is_set()
    assert run.get("/api/down")[0].status == 405
    run.client().down()
    assert run.stopped.is_set()


def test_an_unknown_path_lists_what_is_served(run):
    answer, body = run.get("/nope")
    assert answer.status == 404
    assert json.loads(body)["known"][0].endswith("/predict/")


def failure(kind, status, accept, prefix="/acme/digits/local/dev/predict", endpoint="predict"):
    return Failure(kind, status, prefix, endpoint, "GET", prefix + "/", accept, "because", "id")


def test_a_crashed_endpoint_is_told_in_json_with_its_log(run):
    run.crash()
    page = run.plane.page(failure(FailureKind.UNAVAILABLE, 503, "*/*"))
    facts = json.loads(page.body)
    assert page.content_type == "application/json"
    assert facts["error"] == "the endpoint predict is crashed"
    assert facts["why"] == "exit code 3"
    assert facts["log"] == ["ValueError: <boom>"]


def test_a_browser_gets_a_page_in_which_nothing_of_the_log_is_markup(run):
    run.crash()
    accept = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
    page = run.plane.page(failure(FailureKind.UNAVAILABLE, 503, accept))
    assert page.content_type == "text/html; charset=utf-8"
    assert b"ValueError: &lt;boom&gt;" in page.body
    assert b"<boom>" not in page.body


def test_an_unknown_version_is_told_with_those_that_run(run):
    page = run.plane.page(failure(FailureKind.UNKNOWN, 404, "*/*", "/acme/digits/local/nope/predict", None))
    facts = json.loads(page.body)
    assert facts["error"] == "no version `nope`; running: 20261124.0, dev"
    assert "/acme/digits/local/dev/predict/" in facts["known"]

"""What a person can ask a ready endpoint: found out from a real server, by few GET requests."""

from __future__ import annotations

import asyncio
import http.server
import json
import threading
from contextlib import contextmanager

from tests.served import at
from vhlocal.contract.limits import ContainerLimits
from vhlocal.gateway.table import RouteTable
from vhlocal.model import Call, Endpoint, Offer, Version
from vhlocal.project.package import read_package
from vhlocal.runtime.base import Address, Identity, Mounts, ServerSpec
from vhlocal.session.endpoint.chatter import Chatter
from vhlocal.session.offers.find import Asking, find_offers, schema_of
from vhlocal.session.probe import Probe
from vhlocal.session.traffic.routes import Routes
from vhlocal.session.wanted.desired import Bringing, Desired
from vhlocal.session.wanted.plan import Environment

VERSION = Version("acme", "words", "local", "1.0", ("dev",))
DEV, OWN = "/acme/words/local/dev/web", "/acme/words/local/1.0/web"
BASE = "http://127.0.0.1:8080"
SCHEMA = json.dumps({"openapi": "3.1.0", "paths": {"/count": {"get": {}}}})
PREDICT = '@app.route("/predict", methods=["POST"])\ndef predict():\n    return ""\n'
APP = "import flask\n\napp = flask.Flask(__name__)\n"


@contextmanager
def answering(answers: dict[str, tuple[int, str, str]]):
    """Serve these paths: status, type and body of each; 404 for all else. Yield the port and what was asked."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(f"GET {self.path}")
            status, kind, body = answers.get(self.path, (404, "text/plain", "nothing"))
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        try:
            yield server.server_port, asked
        finally:
            server.shutdown()
            serving.join()


def offered(answers, directory, code: str = APP, probe: Probe | None = None) -> tuple[Offer, list[str]]:
    """Return what is offered of a server that answers so, whose code this is, and what it was asked."""
    (directory / "server.py").write_text(code)
    (directory / "valohai.yaml").write_text("")
    endpoint = Endpoint("web", "python:3.11-slim", 8000, wsgi="server:app")
    spec = ServerSpec(Identity("acme/words", "web"), "image", (), {}, 8000, ContainerLimits(), (), Mounts())
    bringing = Bringing(None, None, probe or Probe(), ())
    wanted = Desired(endpoint, Environment(at("web", version=VERSION.name), "image", ()), spec, "1", (), bringing)
    with answering(answers) as (port, asked):
        routes = Routes(RouteTable())
        routes.serve([VERSION])
        routes.lead(wanted.at, Address("127.0.0.1", port), "1")
        chatter = Chatter()
        asking = Asking(BASE, routes, read_package(directory), chatter)
        found = asyncio.run(find_offers(asking, (wanted,)))
        assert all(chatter.has(wanted.at, f'"{each} HTTP/1.1" 200') for each in asked)
    return found[wanted.at], asked


def test_a_schema_gives_the_docs_and_a_request(tmp_path):
    answers = {
        f"{DEV}/openapi.json": (200, "application/json", SCHEMA),
        f"{DEV}/docs": (200, "text/html", "<title>Swagger</title>"),
        f"{DEV}/count": (200, "application/json", "1"),
    }
    found, asked = offered(answers, tmp_path)
    assert found == Offer(BASE + DEV, "/docs", Call("GET", "/count"))
    assert asked == [f"GET {DEV}/openapi.json", f"GET {DEV}/docs", f"GET {DEV}/count"]


def test_a_route_of_the_schema_that_is_not_there_is_not_offered(tmp_path):
    found, _ = offered({f"{DEV}/openapi.json": (200, "application/json", SCHEMA)}, tmp_path)
    assert found == Offer(BASE + DEV, "", Call("GET", "/openapi.json"))


def test_an_app_that_answers_under_the_version_alone_is_told_there(tmp_path):
    answers = {f"{OWN}/openapi.json": (200, "application/json", SCHEMA), f"{OWN}/count": (200, "text/plain", "1")}
    found, _ = offered(answers, tmp_path)
    assert found == Offer(BASE + OWN, "", Call("GET", "/count"))
    found, _ = offered({f"{OWN}/predict": (405, "text/plain", "")}, tmp_path, APP + PREDICT)
    assert found == Offer(BASE + OWN, "", Call("POST", "/predict", "{}", "application/json"))
    found, _ = offered({OWN: (200, "text/html", "")}, tmp_path)
    assert found == Offer(BASE + OWN, "", Call("GET", ""))


def test_an_app_that_is_there_with_a_last_slash_alone_gets_no_request_without(tmp_path):
    found, _ = offered({f"{DEV}/": (200, "text/html", ""), f"{OWN}/": (200, "text/html", "")}, tmp_path)
    assert found == Offer(BASE + DEV)


def test_without_a_schema_a_route_of_the_code_is_told_if_it_is_below_the_prefix(tmp_path):
    found, _ = offered({f"{DEV}/predict": (405, "text/plain", "")}, tmp_path, APP + PREDICT)
    assert found == Offer(BASE + DEV, "", Call("POST", "/predict", "{}", "application/json"))
    found, asked = offered({"/predict": (405, "text/plain", ""), "/": (200, "text/plain", "")}, tmp_path, APP + PREDICT)
    assert found == Offer(BASE + DEV)
    assert len(asked) <= 9


def test_a_get_of_the_code_is_told_where_it_is_answered_well_alone(tmp_path):
    code = APP + '@app.get("/health")\ndef health():\n    return ""\n'
    found, _ = offered({f"{DEV}/health": (200, "text/plain", "ok")}, tmp_path, code)
    assert found == Offer(BASE + DEV, "", Call("GET", "/health"))
    answers = {f"{DEV}/health": (401, "text/plain", ""), f"{OWN}/health": (500, "text/plain", "")}
    assert offered(answers, tmp_path, code)[0] == Offer(BASE + DEV)


def test_an_app_that_answers_everything_has_no_schema(tmp_path):
    page = (200, "text/html", "<p>one page for all</p>")
    answers = dict.fromkeys((f"{DEV}/openapi.json", f"{DEV}/schema/openapi.json", DEV, f"{DEV}/docs"), page)
    found, _ = offered(answers, tmp_path)
    assert found == Offer(BASE + DEV, "", Call("GET", ""))


def test_the_warm_up_request_is_the_project_s_own_and_is_told_where_it_is_answered(tmp_path):
    probe = Probe("POST", "/predict", tmp_path / "sample.json", named=True)
    call = Call("POST", "/predict", file=tmp_path / "sample.json")
    found, asked = offered({f"{DEV}/predict": (405, "text/plain", "")}, tmp_path, probe=probe)
    assert (found, asked) == (Offer(BASE + DEV, "", call), [f"GET {DEV}/predict"])
    found, _ = offered({}, tmp_path, probe=probe)
    assert found == Offer(BASE + OWN, "", call), "under the version it was answered when it warmed up"


def test_the_schema_itself_is_told_wherever_it_is(tmp_path):
    def told(answers):
        with answering(answers) as (port, asked):
            routes = Routes(RouteTable())
            routes.serve([VERSION])
            there = at("web", version=VERSION.name)
            routes.lead(there, Address("127.0.0.1", port), "1")
            chatter = Chatter()
            away = at("web", 2, version=VERSION.name)
            found = schema_of(Asking(BASE, routes, read_package(tmp_path), chatter), [away, there])
            assert all(chatter.has(there, f'"{each} HTTP/1.1" 200') for each in asked)
        return found

    schema = (200, "application/json", SCHEMA)
    for path in (f"{OWN}/openapi.json", f"{OWN}/schema/openapi.json", f"{DEV}/openapi.json"):
        assert told({path: schema}) == json.loads(SCHEMA)
    assert told({f"{OWN}/openapi.json": (200, "text/html", "<p>page")}) is None
    assert told({f"{OWN}/openapi.json": (500, "application/json", SCHEMA)}) is None
    asking = Asking(BASE, Routes(RouteTable()), read_package(tmp_path), Chatter())
    assert schema_of(asking, [at("web", version=VERSION.name)]) is None, "nothing is led to"

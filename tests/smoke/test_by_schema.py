"""``vhlocal test --openapi``: real schemas of servers that run, given to Schemathesis under the prefix."""

from __future__ import annotations

import subprocess
import sys
from xml.etree import ElementTree

import pytest

from tests.session.conftest import NO_ENGINE
from tests.session.test_smoke_tests import nothing_is_left
from vhlocal.errors import InputError
from vhlocal.smoke import by_schema
from vhlocal.smoke.results import Target

FAILED, WRONG = 7, 2

#: Has a schema with one operation. ``broken`` fails for a zero, ``whole`` has the prefix in its paths, ``none`` no
#: schema; ``ends`` has another operation, before the one, that ends the server.
SERVER = """\
import http.server, json, os, sys
from urllib.parse import parse_qs, urlsplit

KIND = sys.argv[1]
NUMBER = {"name": "n", "in": "query", "required": True, "schema": {"type": "integer", "minimum": 0}}
DIGIT = {"type": "object", "required": ["digit"], "properties": {"digit": {"type": "integer"}}}
OK = {"description": "ok", "content": {"application/json": {"schema": DIGIT}}}
GET = {"get": {"parameters": [NUMBER], "responses": {"200": OK, "400": {"description": "wrong"}}}}


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        prefix, target = self.headers["X-VH-Prefix"].rstrip("/"), urlsplit(self.path)
        path = target.path.removeprefix(prefix)
        if path == "/openapi.json" and KIND != "none":
            paths = {(prefix if KIND == "whole" else "") + "/digit": GET}
            paths = {"/aaa": GET, **paths} if KIND == "ends" else paths
            self.answer(200, {"openapi": "3.0.0", "info": {"title": "t", "version": "1"}, "paths": paths})
        elif path == "/aaa":
            os._exit(3)
        elif path == "/digit":
            (number, *more) = parse_qs(target.query, keep_blank_values=True).get("n", [""])
            if not number.isascii() or not number.isdigit() or more:
                self.answer(400, {})
            else:
                self.answer(500 if KIND == "broken" and int(number) == 0 else 200, {"digit": int(number[:18])})
        else:
            self.answer(404, {})

    def wrong_method(self):
        self.answer(405, {})

    do_POST = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = do_HEAD = do_QUERY = wrong_method

    def answer(self, status, told):
        body = b"" if self.command == "HEAD" else json.dumps(told).encode()
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        if status == 405:
            self.send_header("Allow", "GET")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


http.server.ThreadingHTTPServer(("0.0.0.0", int(os.environ["VALOHAI_PORT"])), Handler).serve_forever()
"""

ENDPOINT = "- endpoint:\n    name: {0}\n    image: python:3.11-slim\n    server-command: python server.py {0}\n"
KINDS = ("sound", "broken", "whole", "ends", "none")


def test_the_app_s_own_schema_is_tried_below_the_prefix(project, vhlocal, tmp_path):
    vhlocal.environment.update(NO_ENGINE)
    files = {"valohai.yaml": "".join(map(ENDPOINT.format, KINDS)), "server.py": SERVER}
    directory = project({**files, "vhlocal.yaml": "basic-auth:\n  ada: sesame\n"})
    report = tmp_path / "schema.xml"
    done = vhlocal("test", "--openapi", "--junit", str(report), cwd=directory)
    assert done.returncode == FAILED, done.stdout + done.stderr
    told = {line.split()[1]: line for line in done.stdout.splitlines() if "openapi.json" in line}
    assert sorted(told) == ["broken", "ends", "sound", "whole"]
    assert told["sound"].startswith("ok    sound (20"), done.stdout
    assert told["sound"].split("  ")[3:5] == ["openapi.json", "GET /digit"]
    assert told["whole"].startswith("ok    whole (20"), done.stdout
    assert told["whole"].split("  ")[4].endswith("/whole/digit")
    assert told["broken"].startswith("FAIL  broken (20")
    assert "GET /digit: ST101 Server error" in told["broken"]
    assert "curl -X GET" in told["broken"]
    assert "sesame" not in done.stdout
    assert ElementTree.parse(report).getroot().attrib["failures"] == "2"
    (ended,) = [line for line in done.stdout.splitlines() if "GET /aaa" in line]
    assert ended.startswith("FAIL  ends (20")
    assert "GET /aaa: the server ended, or hung up, before it answered: curl -X GET" in ended
    assert told["ends"].startswith("ok    ends (20") and told["ends"].split("  ")[4] == "GET /digit", done.stdout
    assert done.stdout.splitlines()[-1] == "3 passed, 2 failed"
    done = vhlocal("test", "none", "--openapi", cwd=directory)
    assert (done.returncode, done.stdout) == (WRONG, "")
    assert "`none` serves no OpenAPI schema at" in done.stderr
    nothing_is_left(vhlocal, directory)
    assert sorted(path.name for path in directory.iterdir()) == ["server.py", "valohai.yaml", "vhlocal.yaml"]


def test_where_it_is_not_installed_it_is_told_what_to_install(tmp_path, monkeypatch):
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv"], check=True)
    own = tmp_path / "venv" / "bin" / "python"
    monkeypatch.setattr(sys, "executable", str(own))
    with pytest.raises(InputError, match="Schemathesis is not installed in any of") as caught:
        by_schema.python_of(tmp_path, {})
    assert caught.value.hint == f"install it: {own} -m pip install 'vhlocal[openapi]'"


REPORT = """\
<testsuites><testsuite><testcase name="GET /digit" time="0.5"><failure message="ST101">1. Test Case ID: x

- ST101 Server error

- ST103 Undocumented status code

    Received: 500

Reproduce with:

    curl -X GET -H 'X-Ours: 1' 'http://127.0.0.1:1/o/p/d/v/e/digit?n=0'</failure></testcase>
<testcase name="POST /x" time="1"><error message="Schema Error">Schema Error

Invalid definition</error></testcase><testcase name="GET /y"><skipped/></testcase></testsuite></testsuites>
"""


def test_what_it_reports_is_told_in_a_line():
    target = Target("e", "v", "http://127.0.0.1:1/o/p/d/v/e")
    schema = by_schema.Schema(target, "/schema/openapi.json", target.url, b"{}")
    one, other = by_schema.read_report(REPORT, schema, (("X-Ours", "1"),))
    assert (str(one.place), one.name, one.seconds) == ("schema/openapi.json", "GET /digit", 0.5)
    command = "curl -X GET 'http://127.0.0.1:1/o/p/d/v/e/digit?n=0'"
    assert one.failures == (f"ST101 Server error, ST103 Undocumented status code: {command}",)
    assert other.failures == ("Schema Error",)


DOWN = """<failure>1. Test Case ID: x

- ST101 Server error

[503] Service Unavailable:

    `{
      "error": "the endpoint e is crashed",
      "state": "crashed"
    }`</failure>"""
HUNG_UP = """<failure>2. Test Case ID: y

- ST101 Server error

[502] Bad Gateway:

    `{
      "error": "the server hung up before it answered"
    }`

Reproduce with:

    curl -X GET http://127.0.0.1:1/o/p/d/v/e/x</failure>"""
ENDED = f"""<testsuites><testsuite><testcase name="GET /a" time="1">{DOWN}</testcase>
<testcase name="GET /x" time="1">{DOWN}{HUNG_UP}</testcase><testcase name="GET /z" time="1"/></testsuite></testsuites>
"""


def test_what_vhlocal_answers_for_a_server_that_is_down_is_no_word_of_the_app():
    assert by_schema.answered_by_vhlocal(ENDED) == (["GET /a", "GET /x"], ["GET /x"])
    schema = by_schema.Schema(Target("e", "v", "http://127.0.0.1:1/o/p/d/v/e"), "/openapi.json", "", b"{}")
    failed = [result.failures for result in by_schema.read_report(ENDED, schema) if result.name == "GET /x"]
    ended = "the server ended, or hung up, before it answered: curl -X GET http://127.0.0.1:1/o/p/d/v/e/x"
    assert failed == [(ended,)]


@pytest.mark.parametrize(
    ("content", "paths"),
    [
        (b'{"openapi": "3.1.0", "paths": {"/a": {}, "/b": {}}}', ["/a", "/b"]),
        (b'{"openapi": "3.1.0", "paths": ' + b"[" * 200_000 + b"]" * 200_000 + b"}", None),
        (b'{"openapi": ', None),
        (b"\xff", None),
        (b"[]", None),
    ],
    ids=["a schema", "nested too deeply", "half", "no text", "a list"],
)
def test_an_app_may_give_anything_for_its_schema(content, paths):
    assert by_schema._paths(content) == paths

"""``vhlocal load`` against a run whose servers are processes: what it sends, sees and advises."""

from __future__ import annotations

import json
import signal
import subprocess
import urllib.request

import pytest

from tests.command import COMMAND
from tests.engine.servers import project_of
from tests.waiting import wait_for
from vhlocal.api.client import Client

WRONG = 2

APP = """\
import json, os, time

def app(environ, start_response):
    path = environ["PATH_INFO"]
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    if path == "/slow":
        time.sleep(0.2)
    if path == "/spin":
        end = time.process_time() + 0.05
        while time.process_time() < end:
            pass
    with open(os.environ["HEARD"], "a") as heard:
        print(json.dumps([environ["REQUEST_METHOD"], environ["SCRIPT_NAME"] + path, body.decode()]), file=heard)
    start_response("404 Not Found" if path == "/none" else "200 OK", [("Content-Type", "text/plain")])
    return [b"ok"]
"""

ASGI = """\
async def app(scope, receive, send):
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"ok"})
"""

ENDPOINT = "- endpoint:\n    name: {}\n    image: python:3.11-slim\n    wsgi: {}:app\n"

FILES = {
    "valohai.yaml": ENDPOINT.format("web", "web") + "    resources:\n      memory:\n        max: 300\n"
    "      cpu:\n        max: 0.2\n" + ENDPOINT.format("any", "any_app"),
    "web.py": APP,
    "any_app.py": ASGI,
    "slow.http": "GET {{endpoint}}/slow",
    "smoke/web.http": "POST {{endpoint}}/predict\n\n< ../web.py\n",
    "spin.http": "GET {{endpoint}}/spin",
    "none.http": "GET {{endpoint}}/none",
    "two.http": "GET {{endpoint}}/\n###\nGET {{endpoint}}/slow\n",
}


@pytest.fixture
def run(project, process_run, tmp_path):
    heard = tmp_path / "heard"
    directory = project({**FILES, "vhlocal.yaml": f"variables:\n  HEARD: {heard}\n"})
    run = process_run(directory, "--replicas", "any=2")
    run.heard = heard
    return run


def post(url, body):
    with urllib.request.urlopen(urllib.request.Request(url, data=body, method="POST"), timeout=60) as answer:
        assert answer.read() == b"ok"


def test_it_says_how_quickly_an_endpoint_answers_and_what_holds_it_back(run, vhlocal):
    def load(*arguments):
        done = vhlocal("load", *arguments, "--json", cwd=run.directory)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    # The last request that went well is sent again, under the path that is asked for, and is not recorded once more.
    post(f"{run.url('web', 'dev')}predict?x=1", b"a seven")
    recorded = vhlocal("requests", "--json", cwd=run.directory).stdout.splitlines()
    (found,) = [json.loads(line) for line in recorded if json.loads(line)["method"] == "POST"]
    told = load("web", "--rate", "10", "--seconds", "1")
    version = run.url("web").removeprefix(run.base_url)
    assert told["request"] == f"POST {version}predict?x=1"
    heard = [json.loads(line) for line in run.heard.read_text().splitlines()]
    assert heard.count(["POST", f"{version}predict", "a seven"]) == 11  # once, to see that it is answered
    (step,) = told["steps"]
    assert (step["rate"], step["asked"], step["errors"]) == (10, 10, {})
    assert 0 < step["half"] <= step["p90"] <= step["p95"] <= step["p99"] <= step["most"]
    (replica,) = told["replicas"]
    assert (replica["name"], replica["workers"], replica["threads"]) == ("web", 1, 1)
    assert 5e6 < replica["memory_peak"] < replica["memory_limit"] == 300 * 1024 * 1024
    assert replica["cpu_limit"] == 0.2
    told = load("web", "--request", found["id"][:12], "--alias", "dev", "--rate", "5", "--seconds", "1")
    assert told["request"] == f"POST {version.replace(version.split('/')[4], 'dev')}predict?x=1"
    recordings = Client(vhlocal.record(run.directory)).recordings(200, endpoint="web")
    assert [each.request.method for each in recordings].count("POST") == 1

    # A file of the project's, with a body that lies elsewhere in it.
    told = load("web", "--request", "smoke/web.http", "--rate", "5", "--seconds", "1")
    assert told["steps"][0]["errors"] == {}
    assert json.loads(run.heard.read_text().splitlines()[-1]) == ["POST", f"{version}predict", APP]

    # Five a second are answered, twenty are asked.
    told = load("web", "--request", "slow.http", "--rate", "20", "--seconds", "3")
    (step,) = told["steps"]
    assert step["p99"] > 5
    assert step["in_flight"] > 10
    assert step["answered"] < 10
    (replica,) = told["replicas"]
    if told["doubt"] is None and (replica["throttled"] or 0) <= 0.1:  # the machine has been quick enough to judge it
        assert " were in flight, and 1 worker × 1 thread answer 1 at once: add threads" in told["advice"]  # noqa: RUF001
    told = load("web", "--request", "slow.http", "--ramp", "--seconds", "10")
    assert told["knee"]["to"] == told["steps"][-1]["rate"]
    assert told["knee"]["why"]

    # What is not known is not said, nor anything about it.
    told = load("any", "--rate", "20", "--seconds", "1")
    assert told["request"] == f"GET {run.url('any').removeprefix(run.base_url)}"
    assert [(each["name"], each["workers"]) for each in told["replicas"]] == [("any/1", None), ("any/2", None)]
    assert "worker" not in (told["advice"] or "")

    done = vhlocal("load", "any", "--rate", "20", "--seconds", "1", cwd=run.directory)
    _, figures, one, two, sentence = done.stdout.splitlines()
    assert figures.startswith("20/s  p50 ")
    assert figures.endswith("20 of 20 answered")
    assert one.startswith("any/1: memory peak ")
    assert two.endswith("no CPU limit")
    assert sentence.startswith(("It keeps up with 20 requests/s", "It answered ", "the generator itself was late"))
    see_that_it_ends_with_its_reader(run, vhlocal)
    see_what_ctrl_c_leaves(run, vhlocal)
    see_what_is_refused(run, vhlocal, found["id"])


def see_that_it_ends_with_its_reader(run, vhlocal):
    """As in ``| head -1``, where nothing more is ever written."""
    for arguments in (("logs", "-f", "-n", "1"), ("requests", "-f", "-n", "1")):
        process = subprocess.Popen(
            [*COMMAND, *arguments, "-C", str(run.directory)],
            env=vhlocal.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert process.stdout.readline()
        process.stdout.close()
        assert (arguments, process.wait(60), process.stderr.read()) == (arguments, 0, b"")
        process.stderr.close()


def see_what_ctrl_c_leaves(run, vhlocal):
    """The figures of what was asked until then; what was on its way counts as long as it was waited for."""
    asked = len(run.heard.read_text().splitlines())
    process = subprocess.Popen(
        [*COMMAND, "load", "web", "--request", "smoke/web.http", "--seconds", "600"],
        cwd=run.directory,
        env=vhlocal.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_for(lambda: len(run.heard.read_text().splitlines()) > asked + 5, "requests of the load")
    process.send_signal(signal.SIGINT)
    said, errors = process.communicate(timeout=60)
    _, figures, *_, last = said.splitlines()
    assert (process.returncode, errors) == (130, "")
    assert figures.startswith("50/s  p50 ")
    assert last.startswith("Stopped by Ctrl-C after ")


def see_what_is_refused(run, vhlocal, recorded):
    for arguments, words in [
        (("nope",), "no endpoint `nope` is running"),
        (("web", "--alias", "prod"), "`web` is not served under `prod`"),
        (("web", "--rate", "5", "--ramp"), "--ramp finds the rate itself"),
        (("web", "--request", "ffffffff"), "begins with `ffffffff`"),
        (("web", "--request", "two.http"), "two.http has 2 requests"),
        (("web", "--request", "three.http"), "three.http cannot be read"),
        (("web", "--request", "three.har"), "the HAR file cannot be read"),
        (("web", "--request", "image.png"), "image.png is not a file that `vhlocal load` reads"),
        (("any", "--request", recorded), f"web --request {recorded}"),
    ]:
        done = vhlocal("load", *arguments, cwd=run.directory)
        assert (done.returncode, done.stdout) == (WRONG, ""), arguments
        assert words in " ".join(done.stderr.split())
    done = vhlocal("load", "web", "--request", "none.http", cwd=run.directory)
    assert done.returncode == 1
    assert "nothing to measure" in done.stderr
    assert "status 404" in done.stderr


SPINS = """\
import http.server, os, time

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        end = time.process_time() + 0.05
        while time.process_time() < end:
            pass
        self.send_response(204)
        self.end_headers()

    def log_message(self, *arguments):
        pass

http.server.ThreadingHTTPServer(("0.0.0.0", int(os.environ["VALOHAI_PORT"])), Handler).serve_forever()
"""


def test_a_cpu_limit_that_holds_it_back_is_seen(project, running, vhlocal):
    """K1: the engine keeps it, and counts; how many requests the server answers at once is not known."""
    # So little that the machine has it to give, however busy it is.
    limits = "    resources:\n      cpu:\n        max: 0.05\n      memory:\n        max: 200\n"
    files = {**project_of("python server.py", limits), "server.py": SPINS}
    with running(project(files), "--no-doctor") as run:
        done = vhlocal("load", "plain", "--rate", "20", "--seconds", "3", "--json", cwd=run.directory)
        assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    (replica,) = told["replicas"]
    assert 0 < replica["throttled"] <= 1
    assert 0 < replica["memory_peak"] < replica["memory_limit"] == 200 * 1024 * 1024
    assert replica["workers"] is None
    if told["doubt"] is None and replica["throttled"] > 0.1:  # the machine has been quick enough to judge it
        assert told["advice"].startswith("The CPU limit throttled it ")


def test_an_endpoint_that_is_down_is_told_with_why(project, process_run, vhlocal):
    """No other request would be answered: that is not what is wrong."""
    directory = project({"valohai.yaml": ENDPOINT.format("web", "web"), "web.py": "import no_such_module\n"})
    run = process_run(directory, "--no-fail-fast", ready=False)
    run.wait_for_output("No module named 'no_such_module'")
    wait_for(lambda: run.endpoints().get("web", {}).get("reason"), "the reason")
    done = vhlocal("load", "web", "--seconds", "1", cwd=run.directory)
    told = " ".join(done.stderr.split())
    assert done.returncode == 1, told
    assert "/web/ was answered 503 by vhlocal, not by the endpoint: the endpoint web is " in told
    assert "no_such_module" in told
    assert "choose a request" not in told

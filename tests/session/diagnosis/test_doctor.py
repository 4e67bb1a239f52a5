"""The doctor on real runs: each broken sample has its finding, at its place and once; the mended ones have none.

So have the sample projects, on runs of theirs: sample_projects/test_samples.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import requests

from tests.checks.live import FAILING, Failing, live_sample
from tests.requests import PREFIX, ended
from tests.session.doctored import FILES, codes_in, findings, told, wait_until_examined
from tests.waiting import wait_for
from vhlocal.project.package import read_package
from vhlocal.session.diagnosis.doctor import path_of, trouble_of

if TYPE_CHECKING:
    from tests.command import Running

pytestmark = pytest.mark.builds


def urls(run: Running) -> tuple[str, str]:
    """Return the URLs of the one endpoint's root, under the version and under ``dev``."""
    (endpoint,) = told(run)["endpoints"]
    version, alias = endpoint["urls"]
    return f"{version}/", f"{alias}/"


def send(run: Running, failing: Failing) -> int:
    return failing.send(run.base_url, *urls(run))


@pytest.mark.parametrize("code", FAILING)
def test_a_broken_sample_has_this_finding_once_at_its_place_and_no_other_and_mended_none(code, process_run, tmp_path):
    sample = live_sample(code)
    directory = sample.copy("broken", tmp_path)
    failing, status = FAILING[code]
    run = process_run(directory)
    assert send(run, failing) == status
    wait_until_examined(run)
    assert send(run, failing) == status
    wait_until_examined(run)
    found = findings(run)
    places = [Path(item["place"]).relative_to(directory).as_posix() for item in found]
    assert [item["code"] for item in found] == [code], found
    assert places == sample.places
    run.wait_for_count(f" {code}: ", 1)
    assert codes_in(run.output()) == [code]

    mend(run, sample.copy("mended", tmp_path))
    for request in (failing, Failing("/nope"), Failing("/nope/", alias=True), Failing("/elsewhere", root=True)):
        send(run, request)
    wait_until_examined(run)
    assert findings(run) == []
    assert codes_in(run.output()) == [code]
    assert "could not be examined" not in run.output()


def mend(run: Running, mended: Path) -> None:
    """Save the files of the mended sample that differ, the code first, and wait until it is served."""
    for path in sorted(mended.iterdir()):
        own = run.directory / path.name
        if own.read_bytes() != path.read_bytes():
            shutil.copy(path, own)
    revision = read_package(mended).revision
    wait_for(lambda: all(each["revision"] == revision for each in told(run)["endpoints"]), "the mended code to answer")


def calls(run: Running) -> list[dict]:
    return requests.get(f"{urls(run)[0]}calls", timeout=30).json()


def of_the_doctor(run: Running) -> list[dict]:
    return [call for call in calls(run) if "X-VHLocal-Doctor" in call["headers"]]


def test_only_marked_get_requests_are_sent_with_the_right_prefix(project, process_run):
    """P7: whatever failed, nothing but GET is sent, and what failed by another method is not asked for again."""
    run = process_run(project(FILES))
    for failing in (Failing("/bug", method="POST"), Failing("/gone", alias=True, method="DELETE")):
        assert send(run, failing) in {404, 500}
    assert send(run, Failing("/nope")) == 404
    assert send(run, Failing("/bug")) == 500
    version, alias = (url.removeprefix(run.base_url).rstrip("/") for url in urls(run))
    wait_until_examined(run)
    own = of_the_doctor(run)
    assert {call["method"] for call in own} == {"GET"}
    assert {call["headers"]["User-Agent"] for call in own} == {"vhlocal-doctor"}
    assert {call["headers"]["X-VH-Prefix"] for call in own} == {f"{version}/", f"{alias}/"}
    assert all(call["path"].startswith(alias) == (call["headers"]["X-VH-Prefix"] == f"{alias}/") for call in own)
    assert {f"{version}/", f"{alias}/", f"{version}/nope", f"{alias}/nope"} <= {call["path"] for call in own}
    assert not [call for call in own if call["path"].endswith(("/bug", "/gone"))]
    assert [call["method"] for call in calls(run) if call not in own].count("POST") == 1
    assert findings(run) == []


MIDDLEWARE = """\
import os

from flask import Flask

app = Flask(__name__)


@app.get("/")
def page():
    return "hello"


class Prefixed:
    def __init__(self, wrapped):
        self.wrapped = wrapped

    def __call__(self, environ, start_response):
        prefix = environ.get("HTTP_X_VH_PREFIX", "").rstrip("/") or os.environ["SCRIPT_NAME"]
        if not environ["PATH_INFO"].startswith(prefix):
            start_response("404 Not Found", [("Content-Type", "text/plain")])
            return [b"not below the prefix"]
        environ["PATH_INFO"] = environ["PATH_INFO"].removeprefix(prefix)
        return self.wrapped(environ, start_response)


app.wsgi_app = Prefixed(app.wsgi_app)
"""
ROUTES = """\
import os

from fastapi import APIRouter, FastAPI

app = FastAPI()
routes = APIRouter(prefix=os.environ["SCRIPT_NAME"])


@routes.get("/")
def page():
    return "hello"


app.include_router(routes)
"""
TEMPLATE = "<!doctype html>\n<title>Home</title>\n<a href='/about'>About</a>\n"
PAGES = """\
from flask import Flask, render_template

app = Flask(__name__)


@app.get("/")
def page():
    return render_template("index.html")
"""
ENDPOINT = "- endpoint:\n    name: greet\n    image: python:3.11-slim\n    "
WSGI = f"{ENDPOINT}wsgi: server:app\n"
UVICORN = f"{ENDPOINT}server-command: ~/.local/bin/uvicorn server:app --host 0.0.0.0 --port $VALOHAI_PORT\n"
FLASK, FASTAPI = "flask>=3.0\n", "fastapi>=0.110\nuvicorn>=0.30\n"

ALSO_FOUND = {
    "a middleware takes the prefix away a second time": (
        {"valohai.yaml": WSGI, "server.py": MIDDLEWARE, "requirements.txt": FLASK},
        Failing(),
        ("VH403", "server.py:5"),
    ),
    "routes begin with the version's prefix": (
        {"valohai.yaml": UVICORN, "server.py": ROUTES, "requirements.txt": FASTAPI},
        Failing(alias=True),
        ("VH402", "server.py:5"),
    ),
    "a template leads to the root": (
        {"valohai.yaml": WSGI, "server.py": PAGES, "templates/index.html": TEMPLATE, "requirements.txt": FLASK},
        Failing("/about", root=True),
        ("VH405", "templates/index.html:3"),
    ),
}


@pytest.mark.parametrize("name", ALSO_FOUND)
def test_what_else_is_found(name, project, process_run):
    files, failing, expected = ALSO_FOUND[name]
    directory = project(files)
    run = process_run(directory)
    send(run, failing)
    wait_until_examined(run)
    found = [(item["code"], Path(item["place"]).relative_to(directory).as_posix()) for item in findings(run)]
    assert found == [expected]


def test_the_same_trouble_is_examined_once_until_the_code_changes(project, process_run):
    directory = project(FILES)
    run = process_run(directory)
    send(run, Failing("/nope"))
    wait_until_examined(run)
    before = len(of_the_doctor(run))
    assert before
    for number in range(20):
        send(run, Failing(f"/nope-{number}"))
    wait_until_examined(run)
    assert len(of_the_doctor(run)) == before
    (directory / "server.py").write_text(FILES["server.py"] + "# changed\n")
    wait_for(lambda: not of_the_doctor(run), "the new code to answer")
    send(run, Failing("/nope"))
    wait_for(lambda: of_the_doctor(run), "the doctor to ask again")


def test_switched_off_it_asks_nothing(project, process_run):
    run = process_run(project(FILES), "--no-doctor")
    for failing in (Failing("/nope"), Failing("/bug", alias=True), Failing("/elsewhere", root=True)):
        send(run, failing)
    wait_until_examined(run)
    assert of_the_doctor(run) == []
    assert findings(run) == []


def test_a_finding_that_is_ignored_is_not_told(process_run, tmp_path):
    directory = live_sample("VH404").copy("broken", tmp_path)
    (directory / "vhlocal.yaml").write_text("ignore:\n  VH404: the ingress of our own cluster rewrites it\n")
    run = process_run(directory)
    send(run, FAILING["VH404"][0])
    wait_until_examined(run)
    assert findings(run) == []
    assert codes_in(run.output()) == []


@pytest.mark.parametrize(
    ("word", "why"),
    [("die", "its server "), ("stall", "it has not answered in 3 s")],
)
def test_a_server_that_does_not_answer_any_more_is_one_line(word, why, project, process_run):
    run = process_run(project(FILES))
    send(run, Failing(f"/{word}"))
    line = f"note: plain: could not be examined: {why}"
    wait_for(lambda: line in run.output(), f"the line; the output was:\n{run.output()}")
    wait_until_examined(run)
    assert run.output().count("could not be examined") == 1
    # That it died is found as well, of the server.
    assert [found["code"] for found in findings(run) if found["code"].startswith("VH4")] == []
    if word == "die":
        run.wait_for_restart("plain")
    # A server that is back before the doctor asks is ended once more, by what it asks.
    wait_for(lambda: requests.get(urls(run)[0], timeout=30).status_code == 200, f"an answer:\n{run.output()}")


@pytest.mark.parametrize(
    ("facts", "kind"),
    [
        ({"status": 404}, "404"),
        ({"status": 500}, "500"),
        ({"status": 308}, "redirect"),
        ({"status": 304}, None),
        ({"status": 200}, None),
        ({"status": 403}, None),
        ({"status": 502, "reason": "the server closed the connection"}, None),
        ({"status": 404, "reason": "no such version"}, None),
    ],
)
def test_what_the_app_itself_answered_is_what_counts(facts, kind):
    assert trouble_of(ended(**facts)) == kind


@pytest.mark.parametrize(
    ("target", "method", "status", "path"),
    [
        (f"{PREFIX}/a/b?c=d", "GET", 404, "/a/b"),
        (f"{PREFIX}/a%20b//c;d", "HEAD", 302, "/a%20b//c;d"),
        (PREFIX, "GET", 404, ""),
        (f"{PREFIX}/a", "POST", 404, "/"),
        (f"{PREFIX}/a", "GET", 500, "/"),
        (f"{PREFIX}/\u00e9", "GET", 404, "/"),
        (f"{PREFIX}/items/add", "GET", 302, "/"),
        (f"{PREFIX}/shutdown", "GET", 404, "/"),
    ],
)
def test_what_is_asked_for_again(target, method, status, path):
    assert path_of(ended(status, target=target, method=method)) == path

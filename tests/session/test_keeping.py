"""An endpoint is kept by itself: whatever others do, and in whatever order saves, crashes and installations come."""

from __future__ import annotations

import contextlib
import http.client
import http.server
import io
import json
import threading
import zipfile
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
import requests

from tests.session.edited import COMMAND, SERVE, YAML, endpoint, numbered
from tests.session.test_reload import WHEEL, answers, headers
from tests.waiting import LONG, free_port, wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from tests.command import Running


#: Starts only once a file is there.
SLOW = endpoint("slow", "server-command: python slow.py")
SLOW_SERVER = """\
import pathlib, time, wsgiref.simple_server
from server import app

while not pathlib.Path({gate!r}).exists():
    time.sleep(0.05)
wsgiref.simple_server.make_server("0.0.0.0", 8000, app).serve_forever()
"""

#: Ends when it is asked to, and eats memory when it is asked to.
MORTAL = """\
import os


def app(environ, start_response):
    if environ["PATH_INFO"].endswith("/exit"):
        os._exit(3)
    start_response("200 OK", [("Content-Type", "application/json")])
    return [b'{"number": 0}']


NUMBER = 0
"""


class SlowIndex(http.server.ThreadingHTTPServer):
    """A package index with one package, which it hands out once its ``gate`` is open."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", free_port()), SlowIndexHandler)
        self.asked, self.gate = threading.Event(), threading.Event()
        self.given = 0
        wheel = io.BytesIO()
        with zipfile.ZipFile(wheel, "w") as archive:
            for name, text in WHEEL.items():
                archive.writestr(name, text)
        self.wheel = wheel.getvalue()

    @property
    def requirements(self) -> str:
        return f"--index-url http://127.0.0.1:{self.server_port}/\ncolors\n"


class SlowIndexHandler(http.server.BaseHTTPRequestHandler):
    server: SlowIndex

    def do_GET(self) -> None:
        body = b'<a href="/colors-1-py3-none-any.whl">colors-1-py3-none-any.whl</a>'
        if self.path.endswith(".whl"):
            self.server.asked.set()
            assert self.server.gate.wait(120)
            body = self.server.wheel
            self.server.given += self.command == "GET"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    do_HEAD = do_GET

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def slow_index():
    with serving_an_index() as index:
        yield index


@contextlib.contextmanager
def serving_an_index():
    with SlowIndex() as index:
        serving = threading.Thread(target=index.serve_forever)
        serving.start()
        yield index
        index.gate.set()
        index.shutdown()
        serving.join()


def asked(url: str, body: bytes) -> int:
    """Return the number of the code that answers."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=60)
    connection.request("POST", parts.path, body)
    number: int = json.load(connection.getresponse())["number"]
    connection.close()
    return number


def is_answered(run: Running, number: int) -> None:
    answers(run, "number", number, "words")


def is_told(run: Running, **facts: str) -> dict:
    """Wait until ``ps`` tells these facts of the endpoint, and return all that it tells."""

    def look() -> dict | None:
        told = run.endpoints()["words"]
        return told if facts.items() <= told.items() else None

    return wait_for(look, f"{facts}; output:\n{run.output()}")


def is_in_state(run: Running, endpoint: str, state: str) -> None:
    wait_for(
        lambda: run.endpoints().get(endpoint, {}).get("state") == state, f"{endpoint} to be {state}; {run.output()}"
    )


def broken(run: Running) -> dict:
    return wait_for(lambda: (told := run.endpoints()["words"])["broken"] and told, f"a mark; output:\n{run.output()}")


def has_crashed(run: Running, crashes: int) -> None:
    """Wait until so many crashes are told. It may be up again by then, on a machine that is short of time."""
    wait_for(lambda: run.endpoints()["words"]["restarts"] >= crashes, f"crash {crashes}; output:\n{run.output()}")


def crash(run: Running) -> None:
    assert requests.get(run.url("words") + "/exit", timeout=30).status_code in {502, 503}


def test_an_edit_is_taken_while_another_endpoint_still_starts(project, process_run, tmp_path):
    gate = tmp_path / "gate"
    slow = SLOW_SERVER.format(gate=str(gate))
    directory = project({"valohai.yaml": YAML + SLOW, "server.py": numbered(0), "slow.py": slow})
    run = process_run(directory, ready=False)
    is_in_state(run, "words", "ready")
    (directory / "server.py").write_text(numbered(1))
    is_answered(run, 1)
    assert run.endpoints()["slow"]["state"] == "starting"
    gate.touch()
    run.wait_for_state("ready")
    answers(run, "number", 1, "slow")
    wait_for(lambda: "ready: in" in run.output(), "the run to be told ready")


def test_an_endpoint_that_was_starting_when_broken_code_was_saved_is_tried_again(project, process_run, tmp_path):
    """The run does not end: a save is the next try."""
    gate = tmp_path / "gate"
    slow = SLOW_SERVER.format(gate=str(gate))
    directory = project({"valohai.yaml": YAML + SLOW, "server.py": numbered(0), "slow.py": slow})
    run = process_run(directory, ready=False)
    is_in_state(run, "words", "ready")
    (directory / "server.py").write_text(numbered(1) + "1 / 0\n")
    assert "division by zero" in broken(run)["reason"]
    is_in_state(run, "slow", "crashed")
    (directory / "server.py").write_text(numbered(2))
    is_answered(run, 2)
    gate.touch()
    run.wait_for_state("ready")
    answers(run, "number", 2, "slow")


def test_code_saved_while_requirements_are_installed_is_brought_in_at_once(project, process_run, slow_index):
    directory = project({"valohai.yaml": YAML, "server.py": numbered(0)})
    run = process_run(directory)
    (directory / "requirements.txt").write_text(slow_index.requirements)
    assert slow_index.asked.wait(60), run.output()
    (directory / "server.py").write_text(numbered(1))
    is_answered(run, 1)
    (directory / "server.py").write_text("import colors\n" + numbered(2))
    told = broken(run)
    assert "colors" in told["reason"]
    assert headers(run.url("words"))["X-VHLocal-Stale"] == "true"
    run.wait_for_output("retried once its requirements are installed")
    slow_index.gate.set()
    is_answered(run, 2)
    wait_for(lambda: not run.endpoints()["words"]["broken"], f"the mark to go; output:\n{run.output()}")
    assert "X-VHLocal-Stale" not in headers(run.url("words"))


def test_requirements_that_were_taken_back_are_nobody_s_trouble(project, process_run, slow_index):
    """Their installation ends some time, and nothing is told of how, but that it is needed no longer."""
    directory = project({"valohai.yaml": YAML, "server.py": numbered(0)})
    run = process_run(directory)
    (directory / "requirements.txt").write_text(f"{slow_index.requirements}\nno-such-package-of-this-name\n")
    assert slow_index.asked.wait(60), run.output()
    (directory / "requirements.txt").unlink()
    (directory / "server.py").write_text(numbered(1))
    is_answered(run, 1)
    slow_index.gate.set()
    run.wait_for_output("build: requirements.txt is no longer needed")
    (directory / "server.py").write_text(numbered(2))
    is_answered(run, 2)
    assert "requirements.txt failed" not in run.output()
    assert "error: words" not in run.output()
    assert "X-VHLocal-Stale" not in headers(run.url("words"))


@pytest.mark.parametrize("again", [False, True], ids=["others", "the first ones again"])
def test_requirements_are_installed_beside_those_that_nobody_needs_any_more(project, process_run, slow_index, again):
    """A typo in a long list takes minutes to install: what corrects it waits for nothing."""
    directory = project({"valohai.yaml": YAML, "server.py": numbered(0)})
    run = process_run(directory)
    (directory / "requirements.txt").write_text(slow_index.requirements)
    assert slow_index.asked.wait(LONG), run.output()
    with serving_an_index() as quick:
        quick.gate.set()
        (directory / "requirements.txt").write_text(quick.requirements)
        (directory / "server.py").write_text("import colors\n" + numbered(1))
        is_answered(run, 1)
    assert not slow_index.gate.is_set()
    if again:  # it is under way, and is waited for
        (directory / "requirements.txt").write_text(slow_index.requirements)
        (directory / "server.py").write_text("import colors\n" + numbered(2))
    slow_index.gate.set()
    if again:
        is_answered(run, 2)
        assert slow_index.given == quick.given, "it is installed once"
    (directory / "server.py").write_text("import colors\n" + numbered(3))
    is_answered(run, 3)
    assert "requirements.txt failed" not in run.output()


@pytest.mark.parametrize(
    ("file", "text", "reason"),
    [
        ("valohai.yaml", "- endpoint: [\n", "valohai.yaml"),
        ("model.txt", None, "model.txt"),
        ("vhlocal.yaml", "runtime: podman\n", "podman"),
        ("requirements.txt", "./nowhere\n", "nowhere"),
        ("requirements.txt", "--no-index\nmissing\n", "missing"),
    ],
)
def test_an_edit_that_fails_before_it_reaches_a_server_marks_what_answers(project, process_run, file, text, reason):
    """Requirements, ``valohai.yaml``, settings, a chosen file that vanished: told as all others, and taken back so."""
    yaml = YAML + "    files:\n      - name: model\n        path: model.bin\n"
    files = {"valohai.yaml": yaml, "server.py": numbered(0), "model.txt": "x", ".vhignore": "model.txt\n"}
    directory = project(files)
    run = process_run(directory, "--file", f"words.model={directory}/model.txt")
    before = run.endpoints()["words"]
    path = directory / file
    was = path.read_text() if path.exists() else None
    if text is None:
        path.unlink()
    else:
        path.write_text(text)
    told = broken(run)
    wait_for(lambda: reason in told["reason"] + told["detail"] + run.output(), f"{reason}; output:\n{run.output()}")
    assert (told["state"], told["revision"]) == ("ready", before["revision"])
    answer = headers(run.url("words"))
    assert (answer["X-VHLocal-Stale"], answer["X-VHLocal-Revision"]) == ("true", before["revision"])
    lives = run.output().count(" live in ")
    if was is None:
        path.unlink()
    else:
        path.write_text(was)
    wait_for(lambda: not run.endpoints()["words"]["broken"], f"the mark to go; output:\n{run.output()}")
    assert "X-VHLocal-Stale" not in headers(run.url("words"))
    wait_for(lambda: run.output().count(" live in ") > lives, f"the way back to be told; output:\n{run.output()}")


def test_code_that_is_broken_stays_marked_when_the_yaml_is_mended(project, process_run):
    directory = project({"valohai.yaml": YAML, "server.py": numbered(0)})
    run = process_run(directory)
    (directory / "server.py").write_text(numbered(1) + "1 / 0\n")
    code = broken(run)["broken"]
    (directory / "valohai.yaml").write_text("- endpoint: [\n")
    is_told(run, broken="edit")
    (directory / "valohai.yaml").write_text(YAML)
    is_told(run, broken=code)
    assert headers(run.url("words"))["X-VHLocal-Stale"] == "true"


@pytest.mark.parametrize("yaml", [YAML, COMMAND], ids=["wsgi", "command"])
def test_a_broken_save_while_it_is_crashed_does_not_keep_it_down(project, process_run, yaml):
    """K2: whatever comes in between, an endpoint whose server has gone is tried again: with the last code that ran."""
    directory = project({"valohai.yaml": yaml, "server.py": MORTAL, "serve.py": SERVE})
    run = process_run(directory)
    good = run.endpoints()["words"]["revision"]
    for crashes in (1, 2):
        crash(run)
        run.wait_for_restart("words", crashes)
    crash(run)
    has_crashed(run, 3)
    (directory / "server.py").write_text("1 / 0\n")
    told = is_told(run, state="ready", revision=good)
    assert told["broken"]
    assert "ZeroDivisionError" in told["reason"] + told["detail"]
    is_answered(run, 0)
    assert headers(run.url("words"))["X-VHLocal-Stale"] == "true"
    (directory / "server.py").write_text(numbered(2))
    is_answered(run, 2)


def test_a_save_while_it_is_crashed_is_the_next_try(project, process_run):
    directory = project({"valohai.yaml": YAML, "server.py": MORTAL})
    run = process_run(directory)
    for crashes in (1, 2, 3):
        crash(run)
        has_crashed(run, crashes)
        (directory / "server.py").write_text(numbered(1))
        is_answered(run, 1)
        (directory / "server.py").write_text(MORTAL)
        is_answered(run, 0)


def test_an_added_endpoint_that_does_not_start_is_tried_again(project, process_run, tmp_path):
    gate = tmp_path / "gate"
    failing = f"import pathlib\nassert pathlib.Path({str(gate)!r}).exists()\n" + numbered(0)
    directory = project({"valohai.yaml": YAML, "server.py": numbered(0), "other.py": failing})
    run = process_run(directory)
    more = YAML + YAML.replace("words", "more").replace("server:app", "other:app")
    (directory / "valohai.yaml").write_text(more)
    is_in_state(run, "more", "crashed")
    gate.touch()
    is_in_state(run, "more", "ready")


def test_an_endpoint_that_is_removed_answers_what_it_has_begun(project, process_run):
    """By the server that serves, and by an older one that has not answered all yet."""
    begin, end = numbered(0).split("    start_response")
    begin = begin.replace("NUMBER = 0", "NUMBER = {number}")
    wait = "    import time\n    body and print('answering', NUMBER, flush=True)\n    time.sleep(float(body or 0))\n"
    end = end.replace('"sum": sum(body)', '"sum": 0')
    texts = [f"{begin.replace('{number}', str(number))}{wait}    start_response{end}" for number in (0, 1)]
    directory = project({"valohai.yaml": YAML + YAML.replace("words", "more"), "server.py": texts[0]})
    run = process_run(directory)
    url = run.url("more")
    answered: list[int] = []
    asking = [
        threading.Thread(target=lambda body=body: answered.append(asked(url, body)))  # the older one ends last
        for body in (b"6", b"1")
    ]
    asking[0].start()
    run.wait_for_output("more | answering 0")
    (directory / "server.py").write_text(texts[1])
    answers(run, "number", 1, "more")
    asking[1].start()
    run.wait_for_output("more | answering 1")
    (directory / "valohai.yaml").write_text(YAML)
    wait_for(lambda: "more" not in run.endpoints(), "it to go")
    for each in asking:
        each.join()
    assert sorted(answered) == [0, 1]


def test_a_removed_endpoint_is_led_to_no_more_by_an_edit_that_comes_in_late(project, process_run, tmp_path):
    """Its path led to the new server once more, and the requests that came by that were cut."""
    answered_at, loaded_at = tmp_path / "answered", tmp_path / "loaded"
    wait = f"    while body and not os.path.exists({str(answered_at)!r}):\n        time.sleep(0.05)\n"
    begin = f"    body and print('answering', flush=True)\n{wait}    start_response"
    loading = f"print('loading', flush=True)\nwhile not os.path.exists({str(loaded_at)!r}):\n    time.sleep(0.05)\n"
    slow = "import os, time\n" + numbered(0).replace("    start_response", begin)
    more = YAML.replace("words", "more").replace("server:app", "other:app")
    directory = project({"valohai.yaml": YAML + more, "server.py": numbered(0), "other.py": slow})
    run = process_run(directory)
    url, answered = run.url("more"), list[int]()
    asking = threading.Thread(target=lambda: answered.append(asked(url, b"1")))
    asking.start()
    run.wait_for_output("more | answering")
    (directory / "other.py").write_text("import os, time\n" + loading + numbered(1))
    run.wait_for_output("more | loading")
    (directory / "valohai.yaml").write_text(YAML)
    (directory / "server.py").write_text(numbered(2))
    is_answered(run, 2)
    loaded_at.touch()
    (directory / "server.py").write_text(numbered(3))
    is_answered(run, 3)  # what was loaded would answer by now as well
    assert requests.get(url, timeout=60).status_code == 404
    answered_at.touch()
    asking.join()
    assert answered == [0]


HUNGRY = "BALLAST = bytearray(400_000_000)\n"


@pytest.mark.parametrize("runtime", ["process", "docker"])
def test_k2_an_edit_over_the_memory_limit_leaves_the_last_good_code_serving(project, request, runtime, tmp_path: Path):
    """K2: told as out of memory; the good server goes on, or is started again where the kernel took it too."""
    limit = "    resources:\n      memory:\n        max: 200\n"
    directory = project({"valohai.yaml": YAML + limit, "server.py": numbered(0)})

    def look(run: Running) -> None:
        good = run.endpoints()["words"]["revision"]
        (directory / "server.py").write_text(HUNGRY + numbered(1))
        broken(run)
        told = is_told(run, state="ready", revision=good, code="VH507")
        assert "OOMKilled" in told["reason"], run.output()
        is_answered(run, 0)
        assert headers(run.url("words"))["X-VHLocal-Stale"] == "true"
        (directory / "server.py").write_text(numbered(2))
        is_answered(run, 2)

    if runtime == "process":
        look(request.getfixturevalue("process_run")(directory))
    else:
        with request.getfixturevalue("running")(directory) as run:
            look(run)

"""Edits of a project that is being served, on the real engine."""

import json
import os
import threading
import urllib.error
import urllib.request
import zipfile

import pytest

from tests.session.edited import endpoint
from tests.waiting import wait_for

YAML = endpoint("echo", "server-command: python serve.py")

SERVE = """\
import http.server, json, os, pathlib, sys

ANSWER = {"text": "one", "color": os.environ.get("COLOR"), "model": None, "files": sorted(os.listdir("."))}
if pathlib.Path("model.txt").exists():
    ANSWER["model"] = pathlib.Path("model.txt").read_text()
try:
    import colors
    ANSWER["package"] = colors.NAME
except ImportError:
    pass


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps(ANSWER).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


http.server.ThreadingHTTPServer(("0.0.0.0", 8000), Handler).serve_forever()
"""

WHEEL = {
    "colors.py": "NAME = 'installed'\n",
    "colors-1.dist-info/METADATA": "Metadata-Version: 2.1\nName: colors\nVersion: 1\n",
    "colors-1.dist-info/WHEEL": "Wheel-Version: 1.0\nGenerator: by hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    "colors-1.dist-info/RECORD": "",
}

OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def get(url):
    """Return status, revision and JSON of an answer."""
    try:
        with OPENER.open(url, timeout=60) as answer:
            return answer.status, answer.headers["X-VHLocal-Revision"], json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, None, json.load(error)


def headers(url):
    """Return the headers of an answer."""
    with OPENER.open(url, timeout=60) as answer:
        return answer.headers


@pytest.fixture
def directory(project):
    return project({"valohai.yaml": YAML, "serve.py": SERVE})


def edit(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def answers(run, key, value, endpoint="echo"):
    """Wait until an endpoint's answer has this value, and return the whole answer."""
    url = run.url(endpoint)

    def look():
        status, _, answer = get(url)
        return answer if status == 200 and answer.get(key) == value else None

    return wait_for(look, f"{key} to be {value!r} at {url}; output:\n{run.output()}")


def test_a_save_is_answered_by_new_code_and_no_request_fails(directory, running):
    with running(directory) as run:
        url = run.url("echo")
        before = run.endpoints()["echo"]
        seen, stop = [], threading.Event()

        def ask():
            while not stop.is_set():
                seen.append(get(url))

        asking = threading.Thread(target=ask)
        asking.start()
        for text in ("two", "three"):
            edit(directory / "serve.py", '"text": "one"' if text == "two" else '"text": "two"', f'"text": "{text}"')
            answers(run, "text", text)
        stop.set()
        asking.join()
        assert {status for status, _, _ in seen} == {200}
        texts = [answer["text"] for _, _, answer in seen]
        assert texts == sorted(texts, key=["one", "two", "three"].index)
        after = run.endpoints()["echo"]
        assert after["strategy"] == "fork"
        assert after["container"] == before["container"], "the new server is a fork in the same container"
        assert after["revision"] != before["revision"]
        assert get(url)[1] == after["revision"]


def test_added_and_removed_files_come_and_go(directory, running):
    with running(directory) as run:
        (directory / "extra.txt").write_text("x")
        wait_for(lambda: "extra.txt" in get(run.url("echo"))[2].get("files", ()), "the new file")
        (directory / "extra.txt").unlink()
        wait_for(lambda: "extra.txt" not in get(run.url("echo"))[2].get("files", ("extra.txt",)), "it to be gone")


def test_a_broken_edit_is_told_with_its_traceback_while_the_last_good_one_serves_on(directory, running):
    with running(directory) as run:
        before = run.endpoints()["echo"]
        edit(directory / "serve.py", "ANSWER =", "ANSWER +=")
        wait_for(lambda: run.endpoints()["echo"]["broken"], "the failure to be told")
        facts = run.endpoints()["echo"]
        assert (facts["state"], facts["revision"]) == ("ready", before["revision"])
        assert facts["place"] == f"{directory}/serve.py:3"
        assert facts["detail"].splitlines()[0] == "serve.py:3 in <module>"
        assert "NameError: name 'ANSWER' is not defined" in facts["detail"]
        answer = headers(run.url("echo"))
        assert answer["X-VHLocal-Stale"] == "true"
        assert answer["X-VHLocal-Revision"] == before["revision"]
        edit(directory / "serve.py", "ANSWER +=", "ANSWER =")
        wait_for(lambda: "X-VHLocal-Stale" not in headers(run.url("echo")), "the mended file")
        assert run.endpoints()["echo"]["reason"] == ""


def test_a_change_of_valohai_yaml_replaces_adds_and_removes(directory, running):
    with running(directory) as run:
        first = run.endpoints()["echo"]["container"]
        edit(directory / "valohai.yaml", "python serve.py", "COLOR=green python serve.py")
        answers(run, "color", "green")
        assert run.endpoints()["echo"]["container"] != first
        more = YAML.replace("echo", "again")
        (directory / "valohai.yaml").write_text(YAML + more)
        wait_for(lambda: "again" in run.endpoints(), "the new endpoint")
        run.wait_for_state("ready")
        answers(run, "text", "one", "again")
        gone = run.url("again")
        (directory / "valohai.yaml").write_text(YAML)
        wait_for(lambda: "again" not in run.endpoints(), "the endpoint to go")
        assert get(gone)[0] == 404


def test_a_broken_valohai_yaml_is_told_and_the_old_server_goes_on(directory, running):
    with running(directory) as run:
        (directory / "valohai.yaml").write_text(YAML.replace("server-command", "server-comand"))
        wait_for(lambda: "server-comand" in run.output(), "the error")
        assert "Traceback" not in run.output()
        assert answers(run, "text", "one")
        (directory / "valohai.yaml").write_text(YAML)
        edit(directory / "serve.py", '"text": "one"', '"text": "two"')
        answers(run, "text", "two")


def test_b2_a_change_of_requirements_rebuilds_and_swaps(directory, running):
    """B2: requirements that appear or change are installed while the old server goes on."""
    with running(directory) as run:
        first = run.endpoints()["echo"]["container"]
        with zipfile.ZipFile(directory / "colors-1-py3-none-any.whl", "w") as wheel:
            for path, text in WHEEL.items():
                wheel.writestr(path, text)
        (directory / "requirements.txt").write_text("--no-index\n./colors-1-py3-none-any.whl\n")
        wait_for(lambda: "requirements.txt done" in run.output(), "the build")
        answers(run, "package", "installed")
        assert run.endpoints()["echo"]["container"] != first


def test_a_failing_rebuild_is_told_and_the_old_server_goes_on(directory, running):
    with running(directory) as run:
        (directory / "requirements.txt").write_text("--no-index\nno-such-distribution-anywhere\n")
        wait_for(lambda: "requirements.txt failed" in run.output(), "the failure")
        assert answers(run, "text", "one")
        (directory / "requirements.txt").unlink()
        edit(directory / "serve.py", '"text": "one"', '"text": "two"')
        answers(run, "text", "two")


def test_b4_a_chosen_file_that_changes_is_brought_in(directory, running, tmp_path):
    """B4: the file lands at its path, also after it was replaced by another of the same name."""
    model = tmp_path / "elsewhere" / "trained.txt"
    model.parent.mkdir()
    model.write_text("old model")
    (directory / "valohai.yaml").write_text(YAML + "    files:\n      - name: model\n        path: model.txt\n")
    with running(directory, "--file", f"echo.model={model}") as run:
        assert answers(run, "text", "one")["model"] == "old model"
        new = model.with_suffix(".new")
        new.write_text("new model")
        new.replace(model)
        answers(run, "model", "new model")


def test_b8_a_change_of_vhlocal_yaml_reaches_the_server(directory, running):
    """B8: variables of vhlocal.yaml."""
    with running(directory) as run:
        (directory / "vhlocal.yaml").write_text("variables:\n  COLOR: blue\n")
        answers(run, "color", "blue")


def test_many_saves_at_once_are_one_reload(directory, running):
    for number in range(300):
        (directory / f"module_{number}.py").write_text("x = 1\n")
    with running(directory) as run:
        for number in range(300):
            (directory / f"module_{number}.py").write_text("x = 22\n")
        edit(directory / "serve.py", '"text": "one"', '"text": "two"')
        answers(run, "text", "two")
        run.wait_for_output(" live in ")
        assert run.output().count(" live in ") < 10, "more than one only where the machine made pauses in between"


def test_a_save_that_changes_nothing_does_nothing(directory, running):
    with running(directory) as run:
        os.utime(directory / "serve.py")
        (directory / "serve.py").write_text(SERVE)
        edit(directory / "serve.py", '"text": "one"', '"text": "two"')
        answers(run, "text", "two")
        run.wait_for_count(" live in ", 1)


def test_no_reload_leaves_the_server_as_it_is(directory, running):
    with running(directory, "--no-reload") as run:
        edit(directory / "serve.py", '"text": "one"', '"text": "two"')
        assert answers(run, "text", "one")
        assert " live in " not in run.output()

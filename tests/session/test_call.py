"""``vhlocal call`` on a run of processes: what is sent, and what is shown of the answer."""

from __future__ import annotations

import hashlib
import json
import os
import pty
import subprocess

import pytest
import requests

from tests.answering import FILES
from tests.command import COMMAND
from tests.waiting import wait_for

FAILED, WRONG = 8, 2


@pytest.fixture
def directory(project):
    return project(FILES)


@pytest.fixture
def run(process_run, directory):
    return process_run(directory)


@pytest.fixture
def heard(vhlocal, directory):
    """Call the endpoint, and return what the app says that it was sent."""

    def call(where: str, *arguments: str, stdin: bytes = b"") -> dict:
        command = [*COMMAND, "call", where, *arguments, "-C", str(directory)]
        done = subprocess.run(command, env=vhlocal.environment, input=stdin, capture_output=True, timeout=120)
        assert done.returncode == 0, done.stderr.decode()
        return json.loads(done.stdout)

    return call


def test_what_is_typed_is_what_is_sent(run, heard, directory, tmp_path):
    """Path and query byte for byte (P4), bodies and forms with files (K8), headers; under what --on names."""
    got = heard("words/a%2Fb//c;d/../é?x=1&y=%20 z")
    assert (got["method"], got["path"]) == ("GET", "/a%2Fb//c;d/../%C3%A9")
    assert got["query"] == "x=1&y=%20%20z"
    assert got["headers"]["x-vh-prefix"] == run.url("words").removeprefix(run.base_url)
    assert "content-type" not in got["headers"]
    assert heard("words?x")["query"] == "x"
    assert heard("words", "--on", "dev")["headers"]["x-vh-prefix"].endswith("/dev/words/")

    got = heard("words", "--json", '{"a": "é"}')
    assert (got["method"], got["headers"]["content-type"]) == ("POST", "application/json")
    assert got["body"].encode("latin-1").decode() == '{"a": "é"}'
    got = heard("words", "--json", "-", "-X", "PUT", stdin=b"[1]")
    assert (got["method"], got["body"]) == ("PUT", "[1]")
    got = heard("words", "--body", "plain é", "-H", "X-Extra: é", "-H", "Accept: text/csv")
    assert got["headers"]["content-type"] == "text/plain; charset=utf-8"
    assert got["headers"]["x-extra"].encode("latin-1").decode() == "é"
    assert got["headers"]["accept"] == "text/csv"

    (tmp_path / 'a "b".png').write_bytes(content := bytes(range(256)) * 4096)
    got = heard("words", "--body", f'@{tmp_path}/a "b".png', "-H", "Content-Type: image/x")
    assert (got["size"], got["headers"]["content-type"]) == (len(content), "image/x")
    assert got["sha256"] == hashlib.sha256(content).hexdigest()
    got = heard("words", "--body", "-", stdin=content)
    assert got["sha256"] == hashlib.sha256(content).hexdigest(), "a pipe, whose length shows only as it comes"
    (tmp_path / "small.txt").write_bytes(b"one\r\n")
    got = heard(
        "words", "--form", "note=é=1", "--form", f"file=@{tmp_path}/small.txt", "--form", f"file=@{tmp_path}/small.txt"
    )
    boundary = got["headers"]["content-type"].partition("boundary=")[2]
    file = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="small.txt"\r\n'
        "Content-Type: text/plain\r\n\r\none\r\n\r\n"
    )
    note = f'--{boundary}\r\nContent-Disposition: form-data; name="note"\r\n\r\né=1\r\n'
    assert got["body"].encode("latin-1").decode() == f"{note}{file}{file}--{boundary}--\r\n"
    form = ("--form", f'file=@{tmp_path}/a "b".png')
    assert heard("words", *form)["size"] > len(content)


def test_status_and_times_are_told_and_the_body_comes_as_it_is(run, vhlocal, directory):
    def call(where: str, *arguments: str, code: int = 0) -> tuple[bytes, str]:
        command = [*COMMAND, "call", where, *arguments, "-C", str(directory)]
        done = subprocess.run(
            command, env=vhlocal.environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=120
        )
        assert done.returncode == code, done.stderr.decode()
        return done.stdout, done.stderr.decode()

    out, told = call("words/claims")
    assert out == bytes(range(256)) * 40
    first, second = told.splitlines()
    assert first.startswith("200 OK · ")
    assert " · application/json · revision " in first
    assert second.startswith("10,240 bytes in ")
    out, told = call("words/status/418", code=FAILED)
    assert json.loads(out) == {"detail": "as asked"}
    assert told.startswith("418 ")
    assert " · to nested · " in call("words/moved")[1]
    out, told = call("words/nothing-at-all", code=FAILED)
    assert json.loads(out)["error"] == "the server hung up before it answered"
    assert told.startswith("502 Bad Gateway · ")
    assert " · from vhlocal, not from your app\n" in told  # which it has reached
    out, told = call("words/short", code=FAILED)
    assert out == b"half of it"
    assert "the answer is incomplete: " in told
    out, told = call("words/none", "-v", "-i", "-H", "Authorization: Bearer secret", "-X", "DELETE")
    assert f"> DELETE {run.url('words').removeprefix(run.base_url)}none HTTP/1.1\n" in told
    assert "> Authorization: Bearer ********\n" in told
    assert "< X-Told: yes <b>\n" in told
    assert out.startswith(b"HTTP/1.1 200 OK\n")
    assert b"X-Told: yes <b>\n" in out
    assert call("words/nested", "-X", "HEAD")[0] == b""
    out, told = call("/nested", code=WRONG)
    assert "there are several endpoints\n  hint: name one: words, more" in told
    out, told = call("word", code=WRONG)
    assert "no endpoint `word` is running\n  hint: did you mean `words`? There are words, more" in told
    assert "`words` is not served under `de`\n  hint: did you mean `dev`?" in call("words", "--on", "de", code=WRONG)[1]
    assert "X_Extra does not reach your server" in call("words", "-H", "X_Extra: 1")[1]
    assert "there are several endpoints\n  hint: name one: words, more" in call("", code=WRONG)[1]
    for wrong, why in (
        (("--json", '{"a":\n 1,}'), "the value of --json is not JSON: line 2, column 3"),
        (("-X", "get"), "`get` is not a method: production refuses lower-case letters"),
        (("--json", "NaN"), "NaN is not JSON"),
        (("--json", "@nowhere"), "nowhere cannot be read: No such file"),
        (("--form", "x"), "`x` is not a form field"),
        (("--body", f"@{directory}"), "cannot be read: it is a directory"),
        (("--body", "x", "--form", "a=b"), "a request has one body"),
        (("-H", "nothing"), "`nothing` is not a header"),
        (("-H", "Content-Length: 3"), "vhlocal sets Content-Length itself"),
        (("-X", "GET /"), "this request cannot be sent"),
    ):
        assert why in call("words", *wrong, code=WRONG)[1], wrong


def test_a_terminal_gets_text_alone_and_streams_come_as_they_are(run, vhlocal, directory):
    def on_a_terminal(where: str) -> tuple[int, str]:
        mine, its = pty.openpty()
        command = [*COMMAND, "call", where, "-C", str(directory)]
        done = subprocess.run(
            command, env=vhlocal.environment, stdin=subprocess.DEVNULL, stdout=its, stderr=its, timeout=120
        )
        os.close(its)
        text = b""
        try:
            while part := os.read(mine, 65536):
                text += part
        except OSError:  # how the end of a terminal is told
            pass
        os.close(mine)
        return done.returncode, text.decode().replace("\r\n", "\n")

    code, shown = on_a_terminal("words/text")
    assert code == 0
    assert shown.splitlines()[1:-1] == ["café \\x1b[2J", "end"]
    code, shown = on_a_terminal("words/image.png")
    assert code == 1
    assert "the body is not text (image/png): a terminal cannot show it" in shown
    assert "write it to a file: > FILE" in shown
    assert "\0" not in shown
    command = [*COMMAND, "call", "words/events", "-C", str(directory)]
    with subprocess.Popen(command, env=vhlocal.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as calling:
        assert calling.stdout.read(11) == b"data: one\n\n"
        requests.get(f"{run.url('words')}go", timeout=60)
        assert calling.stdout.read() == b"data: two\n\n"
    assert calling.returncode == 0
    command[-3] = "words/silent"
    with subprocess.Popen(command, env=vhlocal.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as calling:
        assert calling.stdout.read(6) == b"begun\n"
        calling.kill()
    wait_for(lambda: "nobody listens" in vhlocal("logs", "-C", str(directory)).stdout, "the app to be told")


def test_a_guarded_run_lets_its_own_command_in(project, process_run, vhlocal):
    """K7; unless the command names somebody else."""
    vhlocal.environment["CALL_PASSWORD"] = "päss"
    directory = project({**FILES, "vhlocal.yaml": "basic-auth:\n  ada: env:CALL_PASSWORD\n"})
    process_run(directory)
    assert vhlocal("call", "words", cwd=directory).returncode == 0
    refused = vhlocal("call", "words", "-H", "Authorization: Basic eDp5", cwd=directory)
    assert refused.returncode == FAILED
    assert refused.stderr.startswith("401 Unauthorized · ")
    assert " · from vhlocal, not from your app\n" in refused.stderr

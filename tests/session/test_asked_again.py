"""What was asked, asked again: the recorder, ``requests`` and ``replay``, on a real run."""

from __future__ import annotations

import base64
import hashlib
import json
import socket
import subprocess

import pytest
import requests

from tests.session.edited import YAML
from tests.waiting import LONG, wait_for

#: Answers with its number, what it was asked, and a cookie; its clock is no difference that counts.
APP = """\
import hashlib, json
NUMBER = 0


def app(environ, start_response):
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    status = "404 Not Found" if environ["PATH_INFO"].endswith("/none") else "200 OK"
    start_response(status, [("Content-Type", "application/json"), ("Set-Cookie", "session=crumbs")])
    facts = {"number": NUMBER, "path": environ["PATH_INFO"], "query": environ["QUERY_STRING"]}
    facts |= {"method": environ["REQUEST_METHOD"], "sum": hashlib.sha256(body).hexdigest()}
    if "/length/" in environ["PATH_INFO"]:
        facts["length"] = environ.get("CONTENT_LENGTH")
    facts |= {"known": "HTTP_AUTHORIZATION" in environ, "extra": environ.get("HTTP_X_EXTRA", "")}
    return [json.dumps(facts).encode()]
"""


def numbered(number: int) -> str:
    return APP.replace("NUMBER = 0", f"NUMBER = {number}")


@pytest.fixture
def run(process_run, project):
    return process_run(project({"valohai.yaml": YAML, "server.py": APP}))


@pytest.fixture
def vh(run):
    """Run a command on the run's project, and return its output; its exit code is to be ``code``."""

    def ask(*arguments: str, code: int = 0) -> str:
        done = run.vhlocal(*arguments, "-C", str(run.directory))
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    return ask


def ids(vh, *arguments: str) -> list[str]:
    return [json.loads(line)["id"] for line in vh("requests", "--json", *arguments).splitlines()]


def test_the_last_requests_are_listed_shown_and_handed_on_without_what_somebody_is_known_by(run, vh, tmp_path):
    url = run.url("words", "dev")
    requests.post(f"{url}a/b?c=d", data=b"\x00\xff" * 10, headers={"X-Extra": "é".encode()}, timeout=60)
    requests.get(f"{url}none", headers={"Authorization": "Bearer secret", "Cookie": "a=secret"}, timeout=60)
    listed = vh("requests")
    assert "POST /local/project/local/dev/words/a/b?c=d  200" in listed
    assert "none  404" in listed
    assert listed.count("\n") == 2
    assert "none" in vh("requests", "words", "--failed")
    assert vh("requests", "--failed").count("\n") == 1
    first, second = ids(vh)
    shown = vh("requests", "show", second[:12])
    assert "secret" not in shown
    assert "crumbs" not in shown
    assert "Authorization: Bearer ****" in shown
    assert '"query": ""' in shown
    assert "20 bytes, not text" in vh("requests", "show", first)
    plain = json.loads(vh("requests", "show", first, "--json"))
    assert plain["request"]["body"]["length"] == 20
    command = vh("requests", "--curl", first)
    again = subprocess.run(["sh", "-c", command], capture_output=True, check=True, timeout=60).stdout
    assert json.loads(again)["sum"] == json.loads(shown_body(vh, first))["sum"]
    assert "secret" not in vh("requests", "--curl", second)
    vh("requests", "--har", str(tmp_path / "all.har"))
    har = json.loads((tmp_path / "all.har").read_text())
    assert [entry["response"]["status"] for entry in har["log"]["entries"]] == [200, 404, 200], (
        "curl is a client as others are"
    )
    assert "secret" not in (tmp_path / "all.har").read_text()
    vh("requests", "show", first, "--http", str(tmp_path / "smoke" / "words.http"))
    assert "# expect 200" in (tmp_path / "smoke" / "words.http").read_text()


def shown_body(vh, request_id: str) -> str:
    """Return the answer's body as `requests show` prints it: the last line."""
    return vh("requests", "show", request_id).rstrip().splitlines()[-1]


def test_what_is_replayed_is_the_same_bytes_and_what_differs_is_told_shortest_first(run, vh, tmp_path):
    url = run.url("words", "dev")
    sent: dict[str, str | bytes] = {"Authorization": "Bearer secret", "X-Extra": "é".encode()}
    requests.post(f"{url}a%2Fb//c?d=%20", data=bytes(range(256)) * 300, headers=sent, timeout=60)
    (first,) = ids(vh)
    assert vh("replay", first) == "POST words: the same\n"
    assert vh("requests").splitlines()[-1].endswith("  replayed")
    assert "is listed, but not recorded: vhlocal sent it itself" in vh(
        "requests", "show", ids(vh)[-1], "--json", code=2
    )
    assert vh("replay", "--last", "2", "--times", "3").splitlines() == ["POST words: the same"] * 3, (
        "what is replayed is not recorded again"
    )
    vh("requests", "--har", str(tmp_path / "all.har"))
    (run.directory / "server.py").write_text(numbered(5))
    wait_for(lambda: requests.get(url, timeout=60).json()["number"] == 5, "the edit")
    assert vh("replay", first, code=7) == "POST words: $.number 0 → 5\n"
    told = json.loads(vh("replay", first, "--json", code=7))
    assert told["differences"] == [{"where": "$.number", "before": "0", "after": "5"}]
    assert "$.number 0 → 5" in vh("replay", str(tmp_path / "all.har"), code=7)


def test_the_length_of_an_empty_body_is_sent_where_it_was_sent(run, vh, tmp_path):
    """As curl sends no length with a POST without a body, and requests one even with a DELETE of none."""
    heads = [
        b"POST %s/length/none HTTP/1.1\r\n",
        b"POST %s/length/a HTTP/1.1\r\n",
        b"POST %s/length/b HTTP/1.1\r\nContent-Length: 0\r\n",
        b"DELETE %s/length/c HTTP/1.1\r\nContent-Length: 0\r\n",
        b"GET %s/length/d HTTP/1.1\r\n",
    ]
    prefix = run.url("words", "dev").removeprefix(run.base_url).rstrip("/").encode()
    port = int(run.base_url.rpartition(":")[2])
    for head in heads:
        with socket.create_connection(("127.0.0.1", port)) as asking:
            asking.sendall(head % prefix + b"Host: words\r\nConnection: close\r\n\r\n")
            while asking.recv(65536):
                pass
    recorded = ids(vh)
    lengths = [json.loads(shown_body(vh, each))["length"] for each in recorded]
    assert lengths == [None, None, "0", "0", None]
    same = ["POST words: the same"] * 3 + ["DELETE words: the same", "GET words: the same"]
    assert vh("replay", "--last", "5").splitlines() == same
    vh("requests", "--har", str(tmp_path / "all.har"))
    assert vh("replay", str(tmp_path / "all.har")).splitlines() == same


def test_a_replay_goes_to_another_version_and_a_path_in_the_answer_is_no_difference(process_run, project, vhlocal):
    directory = project({"valohai.yaml": YAML, "server.py": APP})
    names = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com")
    for words in (("init", "-q"), ("add", "-A"), (*names, "commit", "-qm", "one")):
        subprocess.run(["git", *words], cwd=directory, check=True)
    (directory / "server.py").write_text(numbered(3))
    run = process_run(directory)
    assert vhlocal("version", "add", "HEAD", "--name", "old", "-C", str(directory)).returncode == 0
    requests.get(f"{run.url('words', 'dev')}x", timeout=60)
    done = vhlocal("replay", "--last", "1", "--on", "old", "-C", str(directory))
    assert (done.returncode, done.stdout) == (7, "GET words: $.number 3 → 0\n")
    assert (
        vhlocal("replay", "--last", "1", "--on", run.url("words").split("/")[-3], "-C", str(directory)).returncode == 0
    )


def test_what_cannot_be_replayed_or_shown_is_told(run, vh, tmp_path):
    requests.post(run.url("words", "dev"), data=b"x" * 3_000_000, timeout=60)
    (large,) = ids(vh)
    assert "3000000 bytes: longer than 1048576 bytes, sha256" in vh("requests", "show", large)
    assert "its body was not kept" in vh("replay", large, code=1)
    for words in (
        ("requests", "show"),
        ("requests", "--curl"),
        ("requests", "pin"),
        ("requests", "unpin"),
        ("replay",),
    ):
        assert "no recorded request has an id that begins with `zzz`" in vh(*words, "zzz", code=2)
    assert "cannot be pinned: its body was not kept" in vh("requests", "pin", large, code=2)
    assert "name one endpoint, or `show`, `pin` or `unpin` and one request" in vh("requests", "pin", code=2)
    assert "no version `olt` is served" in vh("replay", large, "--on", "olt", code=2)
    assert "name a request, a HAR file, or --last N" in vh("replay", code=2)
    assert "cannot be read" in vh("replay", str(tmp_path / "none.har"), code=2)
    (tmp_path / "other.har").write_text("{}")
    assert "not a HAR file" in vh("replay", str(tmp_path / "other.har"), code=2)
    assert "no endpoint `word`" in vh("requests", "word", code=2)
    (tmp_path / "odd.http").write_bytes(b"@endpoint = x\n# \xff\n")
    requests.get(run.url("words", "dev"), timeout=60)
    told = vh("requests", "show", ids(vh)[-1], "--http", str(tmp_path / "odd.http"), code=2)
    assert "the file is not UTF-8 text" in told
    assert "odd.http:2" in told
    assert (tmp_path / "odd.http").read_bytes() == b"@endpoint = x\n# \xff\n", "nothing is half written"


def test_what_no_server_has_answered_is_no_difference_and_no_success(run, vh, tmp_path):
    url = run.url("words", "dev")
    for path in ("a", "b"):
        requests.get(f"{url}{path}", headers={"Accept": "application/json"}, timeout=60)
    vh("requests", "--har", str(tmp_path / "all.har"))
    text = (tmp_path / "all.har").read_text()
    (tmp_path / "gone.har").write_text(text.replace("/words/a", "/wodrs/a"))
    told = vh("replay", str(tmp_path / "gone.har"), code=1)
    assert "was answered 404 by vhlocal, not by the endpoint: no endpoint `wodrs`" in told
    assert "did you mean `words`?" in told
    assert "GET words: the same" in told, "the others are replayed all the same"
    (tmp_path / "old.har").write_text(text.replace("/dev/words", "/gone/words"))
    assert "no version `gone`; running:" in vh("replay", str(tmp_path / "old.har"), code=1)
    (tmp_path / "elsewhere.har").write_text(text.replace(run.base_url, "https://production.example.com"))
    told = vh("replay", str(tmp_path / "elsewhere.har"), code=2)
    assert "left out 2 that are not to an endpoint of this run: production.example.com (2)" in told
    assert "elsewhere.har" in told
    (tmp_path / "here.har").write_text(text.replace("127.0.0.1", "localhost"))
    assert vh("replay", str(tmp_path / "here.har")) == "GET words: the same\n" * 2


#: Kills its run where it is asked for /end the time that a file names, beside the run's process.
ENDS = """\
import itertools, os, pathlib, signal, time
ORDER = pathlib.Path("ORDER_FILE")
COUNT = itertools.count(1)


def app(environ, start_response):
    if environ["PATH_INFO"].endswith("/end") and ORDER.exists():
        run, at = map(int, ORDER.read_text().split())
        if next(COUNT) >= at:
            os.kill(run, signal.SIGKILL)
            time.sleep(600)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"fine"]
"""


@pytest.mark.parametrize(
    ("command", "at", "printed"),
    [
        (("replay", "--last", "3"), 1, "GET words: the same\n"),
        (("load", "words", "--rate", "50", "--seconds", "2"), 1, "GET /local/project/local/dev/words/end, 0 bytes\n"),
        (("load", "words", "--rate", "50", "--seconds", "2"), 5, " of 100 answered  failed: "),
    ],
    ids=["replay", "load", "load-in-the-middle"],
)
def test_a_run_that_ends_meanwhile_is_told_once(process_run, project, tmp_path, command, at, printed):
    order = tmp_path / "order"
    directory = project({"valohai.yaml": YAML, "server.py": ENDS.replace("ORDER_FILE", str(order))})
    run = process_run(directory)
    for path in ("a", "end", "b", "end") if command[0] == "load" else ("a", "end", "b"):
        requests.get(f"{run.url('words', 'dev')}{path}", timeout=60)
    alias = ("--alias", "dev") if command[0] == "load" else ()
    order.write_text(f"{run.process.pid} {at}")
    done = run.vhlocal(*command, *alias, "-C", str(directory))
    assert done.returncode == 1, done.stdout + done.stderr
    assert printed in done.stdout
    what = f"error: the run at {run.base_url} has ended, before all was answered"
    assert " ".join(done.stderr.split()) == f"{what} hint: start it again: vhlocal up -C {directory}"
    run.process.wait(LONG)
    assert run.vhlocal("down", "-C", str(directory)).returncode == 0


def test_a_run_that_records_nothing_says_so(process_run, project, vhlocal):
    directory = project({"valohai.yaml": YAML, "server.py": APP})
    run = process_run(directory, "--no-record")
    requests.get(run.url("words"), timeout=60)
    done = vhlocal("replay", "--last", "1", "-C", str(directory))
    assert "nothing is recorded" in done.stderr
    assert "start the run without --no-record" in done.stderr


CLOCK = """\
import itertools, json
NUMBER = 0
COUNT = itertools.count()


def app(environ, start_response):
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    start_response("200 OK", [("Content-Type", "application/json")])
    number = NUMBER if environ["PATH_INFO"].endswith("/number") else 0
    return [json.dumps({"number": number, "count": next(COUNT), "body": body.decode()}).encode()]
"""


def test_at_each_save_old_and_new_code_are_compared_and_what_is_noise_is_never_told(process_run, project):
    directory = project({"valohai.yaml": YAML, "server.py": CLOCK})
    run = process_run(directory, "--replay-on-save", "words=safe")
    url = run.url("words", "dev")
    for path in ("number", "other", "number"):
        requests.get(f"{url}{path}", timeout=60)
    requests.post(f"{url}number", data=b"a body", timeout=60)
    (directory / "server.py").write_text(CLOCK.replace("NUMBER = 0", "NUMBER = 4"))
    told = "words: 2 replayed: 1 same, 1 differs (GET /number: $.number 0 → 4)"
    wait_for(lambda: told in " ".join(run.output().split()), "what differs to be told")
    assert "$.count" not in run.output()
    (directory / "server.py").write_text(CLOCK.replace("NUMBER = 0", "NUMBER = 4") + "\n")
    wait_for(lambda: "words: 2 replayed: 2 same" in run.output(), "what is the same to be told")


def test_a_pinned_request_is_kept_and_asked_at_each_save_until_it_is_unpinned(run, vh):
    url = run.url("words", "dev")
    requests.post(f"{url}a", data=b"x", headers={"Authorization": "Bearer secret"}, timeout=60)
    requests.get(f"{url}b", timeout=60)
    first, second = ids(vh)
    assert vh("requests", "pin", first[:12]).startswith(f"{first[:8]} is pinned")
    assert [line.endswith("  pinned") for line in vh("requests").splitlines()] == [True, False]
    assert ids(vh, "--pinned") == [first]
    assert [json.loads(line)["pinned"] for line in vh("requests", "--json").splitlines()] == [True, False]
    (run.directory / "server.py").write_text(numbered(4))
    told = "words: 1 replayed: 0 same, 1 differs (POST /a: $.number 0 → 4)"
    wait_for(lambda: told in " ".join(run.output().split()), "what differs to be told")
    assert len(ids(vh)) == 2, "what vhlocal asks is not recorded"
    (run.directory / "server.py").write_text(numbered(4) + "\n")
    wait_for(lambda: "words: 1 replayed: 1 same" in run.output(), "what is the same to be told")
    assert vh("requests", "unpin", first) == f"{first[:8]} is no longer pinned\n"
    assert ids(vh, "--pinned") == []
    assert "no recorded request has an id that begins" in vh("requests", "unpin", second, code=2)


def test_the_api_sends_a_request_again_elsewhere_or_edited_and_says_what_differs(run, vh, vhlocal):
    url = run.url("words", "dev")
    sent = {"Authorization": "Bearer secret", "X-Extra": "one"}
    requests.post(f"{url}a?token=abc&x=1", data=b"x", headers=sent, timeout=60)
    (first,) = ids(vh)
    owner = {"Authorization": f"Bearer {vhlocal.record(run.directory).token}"}

    def replayed(status: int = 200, **asked):
        answer = requests.post(
            f"{run.base_url}/api/replay", json={"id": first[:12], **asked}, headers=owner, timeout=60
        )
        assert answer.status_code == status, answer.text
        return answer.json()

    same = replayed()
    assert (same["line"], same["differences"], same["answer"]["status"]) == ("words: the same", [], 200)
    assert "secret" not in json.dumps(same)
    shown = json.loads(vh("requests", "show", first, "--json"))["request"]
    headers = [["X-Extra", "two"], *(pair for pair in shown["headers"] if pair[0] != "X-Extra")]
    edited = {"method": "PUT", "path": f"/b?{shown['target'].partition('?')[2]}", "headers": headers, "body": "AAE="}
    told = replayed(on=run.url("words").split("/")[-3], edited=edited)
    body = json.loads(base64.b64decode(told["answer"]["body"]["content"]))
    assert (body["method"], body["query"], body["extra"]) == ("PUT", "token=abc&x=1", "two")
    assert body["known"], "what was masked is sent as it was"
    assert body["sum"] == hashlib.sha256(b"\0\1").hexdigest()
    assert told["request"]["target"].endswith("/words/b?token=********&x=1")
    assert {"where": "$.extra", "before": '"one"', "after": '"two"'} in told["differences"]
    assert told["line"] == 'words: $.path "/a" → "/b" (and 3 more)'
    assert "no version `gone` is served" in replayed(409, on="gone")["error"]
    assert (
        "a part of Authorization is masked"
        in replayed(409, edited={"headers": [["Authorization", "Basic ********"]]})["error"]
    )
    assert "not base64" in replayed(409, edited={"body": "?"})["error"]
    assert "pairs of a name and a value" in replayed(409, edited={"headers": [["a", "b\r\nc: d"]]})["error"]
    assert "not a method" in replayed(409, edited={"method": "GET /"})["error"]
    assert "not a path below the endpoint" in replayed(409, edited={"path": "/a b"})["error"]
    assert "with method, path, headers and body" in replayed(409, edited={"url": "http://elsewhere/"})["error"]
    assert requests.post(f"{run.base_url}/api/replay", json={"id": first}, timeout=60).status_code == 401
    assert vh("replay", "--last", "9").count("\n") == 1, "what is replayed is not recorded again"


def test_the_api_pins_and_unpins(run, vh, vhlocal):
    requests.get(run.url("words", "dev"), timeout=60)
    (first,) = ids(vh)
    owner = {"Authorization": f"Bearer {vhlocal.record(run.directory).token}"}
    pins = f"{run.base_url}/api/pins"
    answer = requests.post(pins, json={"id": first[:10]}, headers=owner, timeout=60)
    assert (answer.status_code, answer.json()) == (201, {"id": first, "pinned": True})
    assert [each["id"] for each in requests.get(pins, timeout=60).json()["pins"]] == [first]
    assert requests.delete(f"{pins}/{first}", timeout=60).status_code == 401
    assert requests.delete(f"{pins}/{first}", headers=owner, timeout=60).json() == {"id": first, "pinned": False}
    assert requests.post(pins, json={}, headers=owner, timeout=60).json()["error"] == "`id` is missing or not text"

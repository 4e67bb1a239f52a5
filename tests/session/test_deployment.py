"""A deployment: replicas, versions side by side, aliases that move; on the real engine and as processes.

Contract rows K3, K10, P3.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections import Counter
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
import requests

from tests.command import Running
from tests.served import at
from tests.session.edited import APP, YAML, Load, endpoint, numbered
from tests.session.test_saves import around
from tests.waiting import free_port, wait_for
from vhlocal.api.client import Client
from vhlocal.events import Bus, Left, StatusChanged
from vhlocal.model import MemoryUse, State, Status
from vhlocal.session.deployment import Deployment
from vhlocal.session.moves import KEPT

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.timeout(300)

#: Seconds that load is on between two events.
A_WHILE = 0.5

#: Who moves an alias a thousand times is asked for this many requests per second meanwhile.
MOVES, RATE = 1000, 200


@pytest.fixture
def committed(project):
    """Make a project that is a git repository: each text of ``server.py`` is a commit with a tag."""

    def make(*texts: str, working: str = APP) -> Path:
        directory = project({"valohai.yaml": YAML, "server.py": APP})
        git(directory, "init", "-q", "-b", "main")
        for number, text in enumerate(texts, 1):
            (directory / "server.py").write_text(text)
            commit(directory, f"v{number}")
        (directory / "server.py").write_text(working)
        return directory

    return make


def git(directory: Path, *arguments: str) -> str:
    names = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com")
    done = subprocess.run(["git", *names, *arguments], cwd=directory, check=True, capture_output=True, text=True)
    return done.stdout


def commit(directory: Path, tag: str) -> None:
    git(directory, "add", "-A")
    git(directory, "commit", "-q", "--allow-empty", "-m", tag)
    git(directory, "tag", tag)


def client(run: Running) -> Client:
    record = run.vhlocal.record(run.directory)
    assert record is not None
    return Client(record)


def states(run: Running) -> dict[str, str]:
    """Return the state of each replica of each version, by its name."""
    return {each["name"]: each["state"] for each in client(run).endpoints()["endpoints"]}


def places(run: Running) -> dict[str, str]:
    """Return where what is wrong with each replica of each version stands, by its name."""
    return {each["name"]: each["place"] for each in client(run).endpoints()["endpoints"]}


def all_ready(run: Running, *names: str) -> None:
    wait_for(lambda: states(run) == dict.fromkeys(names, "ready"), f"{names} alone to be ready: {run.output()}")


def begun(run: Running, *arguments: str) -> subprocess.Popen[str]:
    """Begin a command beside a run, and return it."""
    command = [*run.vhlocal.command, *arguments]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, env=run.vhlocal.environment, stdout=pipe, stderr=pipe, text=True)


def whole(run: Running) -> Running:
    """Return a run once all of it is up: the versions beside the working tree's, too."""
    wait_for(lambda: "\nready: " in run.output(), f"all of it to be up: {run.output()}")
    return run


def replicas(url: str, count: int) -> list[str | None]:
    """Return which replica answers each of so many requests, one after the other."""
    with requests.Session() as session:
        return [session.get(url, timeout=60).headers.get("X-VHLocal-Replica") for _ in range(count)]


class Counted:
    """A fleet that wants nothing, and counts how often that is asked."""

    def __init__(self) -> None:
        self.asked = 0

    def wanted(self) -> list[object]:
        self.asked += 1
        return []


def test_p3_a_move_that_tells_a_replica_anew_looks_through_no_memory():
    """P3: all replicas are looked through where one was seen to use more, not where its paths are others."""
    bus, fleet, inputs = Bus(), Counted(), SimpleNamespace(endpoints=(), replicas={}, rules={})
    means: Any = SimpleNamespace(bus=bus)
    Deployment(means, cast("Any", SimpleNamespace(name="v", fleet=fleet, inputs=lambda: inputs)))

    def tell(peak: int, *urls: str) -> int:
        bus.publish(StatusChanged(Status(at("words"), State.READY, urls=urls, memory=MemoryUse(peak))))
        return fleet.asked

    assert [tell(5), tell(5, "http://a"), tell(5, "http://b"), tell(6, "http://b")] == [1, 1, 1, 2]
    bus.publish(Left(at("words")))
    assert tell(6) == 3


def test_k3_replicas_answer_strictly_in_turn_and_an_edit_comes_to_all_of_them_at_once(up, project):
    directory = project({"valohai.yaml": YAML, "server.py": APP})
    run = up(directory, "--replicas", "words=4")
    all_ready(run, "words/1", "words/2", "words/3", "words/4")
    url = run.url("words", "dev")
    counts = Counter(replicas(url, 41))
    assert set(counts) == {"1", "2", "3", "4"}
    assert max(counts.values()) - min(counts.values()) <= 1
    with Load(url, 30) as load:
        time.sleep(A_WHILE)
        (directory / "server.py").write_text(numbered(1))
        wait_for(lambda: ", 4 replicas)" in run.output(), "the edit to be told")
        since = time.monotonic()
        time.sleep(A_WHILE)
    assert [asked for asked in load.asked if asked.fault] == []
    assert run.output().count("live in") == 1, "once for all"
    assert {asked.number for asked in load.asked if asked.sent > since} == {1}


NAMES = """\
import json, os, platform, socket

def app(environ, start_response):
    names = [socket.gethostname(), os.environ["HOSTNAME"], platform.node()]
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps([names, socket.gethostbyname(names[0])]).encode()]
"""


def test_k3_each_replica_has_a_host_name_of_its_own_and_is_found_by_it(up, project):
    run = up(project({"valohai.yaml": YAML, "server.py": NAMES}), "--replicas", "words=2")
    all_ready(run, "words/1", "words/2")
    said = [requests.get(run.url("words", "dev"), timeout=60).json() for _ in range(2)]
    assert [len(set(names)) for names, _ in said] == [1, 1], "each way of asking tells the same"
    assert len({names[0] for names, _ in said}) == 2
    assert all(address for _, address in said)


def test_k3_one_two_four_one_replicas_under_load_and_no_request_is_lost(up, project):
    directory = project({"valohai.yaml": YAML, "server.py": APP})
    run = up(directory)
    url = run.url("words", "dev")
    assert replicas(url, 2) == [None, None]
    with Load(url, 30) as load:
        for number in (2, 4):
            done = run.vhlocal("scale", "-C", str(directory), f"words={number}")
            assert (done.returncode, done.stderr) == (0, "")
            all_ready(run, *(f"words/{each}" for each in range(1, number + 1)))
            assert set(replicas(url, 30)) == {str(each) for each in range(1, number + 1)}
        (directory / "server.py").write_text(numbered(7))
        wait_for(lambda: ", 4 replicas)" in run.output(), "the edit to be told")
        assert run.vhlocal("scale", "-C", str(directory), "words=1").stdout == "words: 1 replica (was 4)\n"
        all_ready(run, "words")
        time.sleep(A_WHILE)
        since = time.monotonic()
        assert replicas(url, 3) == [None] * 3
    assert [asked for asked in load.asked if asked.fault] == []
    assert {asked.number for asked in load.asked if asked.sent > since} <= {7}


def test_k3_what_vhlocal_yaml_says_of_replicas_is_followed(process_run, project):
    directory = project({"valohai.yaml": YAML, "server.py": APP, "vhlocal.yaml": "replicas:\n  words: 2\n"})
    run = process_run(directory)
    all_ready(run, "words/1", "words/2")
    (directory / "vhlocal.yaml").write_text("replicas:\n  words: 3\n")
    all_ready(run, "words/1", "words/2", "words/3")
    (directory / "vhlocal.yaml").write_text("{}\n")
    all_ready(run, "words")


def test_k3_within_a_range_the_number_follows_the_load(process_run, project):
    slow = APP.replace("import json, os", "import json, os, time").replace(
        "    body =", "    time.sleep(0.2)\n    body ="
    )
    directory = project({"valohai.yaml": YAML, "server.py": slow})
    rule = "words=knative target=1 utilization=1 window=2 interval=0.2"
    run = process_run(directory, "--replicas", "words=1-3", "--autoscale", rule)
    url = run.url("words", "dev")
    with Load(url, 40) as load:
        wait_for(lambda: any(each.startswith("words/2") for each in states(run)), "another replica")
    assert [asked for asked in load.asked if asked.fault] == []
    all_ready(run, "words")
    assert "1 → 2 replicas, following its load" in run.output()


def test_k3_the_hpa_follows_the_cpu_that_replicas_use_of_what_they_request(process_run, project):
    """K1: of a fiftieth of a core, of which who works without a pause uses more however busy the machine is."""
    busy = APP.replace("import json, os", "import json, os, time").replace(
        "    body =", "    until = time.process_time() + 0.05\n    while time.process_time() < until: pass\n    body ="
    )
    requests_little = "    resources:\n      cpu:\n        min: 0.02\n"
    directory = project({"valohai.yaml": YAML + requests_little, "server.py": busy})
    rule = "words=hpa-cpu target=50 interval=1 down-window=1"
    run = process_run(directory, "--replicas", "words=1-2", "--autoscale", rule)
    with Load(run.url("words", "dev"), 40) as load:
        wait_for(lambda: any(each.startswith("words/2") for each in states(run)), "another replica")
    assert [asked for asked in load.asked if asked.fault] == []
    all_ready(run, "words")


def test_k3_an_endpoint_that_comes_with_a_range_is_scaled_and_one_that_goes_ends_nothing_else(process_run, project):
    """Whether it was there from the start is no matter of the number that its load asks for."""
    settings = "replicas:\n  more: 1-2\nautoscale:\n  more: knative target=1 utilization=1 window=2 interval=0.2\n"
    slow = APP.replace("import json, os", "import json, os, time").replace(
        "    body =", "    time.sleep(0.2)\n    body ="
    )
    directory = project({"valohai.yaml": YAML, "server.py": slow})
    run = process_run(directory)
    (directory / "vhlocal.yaml").write_text(settings)
    (directory / "valohai.yaml").write_text(YAML + endpoint("more", "wsgi: server:app"))
    wait_for(lambda: states(run).get("more") == "ready", "the endpoint that was added")
    with Load(run.url("more", "dev"), 40):
        wait_for(lambda: any(each.startswith("more/2") for each in states(run)), "another replica")
    (directory / "vhlocal.yaml").write_text("{}\n")
    (directory / "valohai.yaml").write_text(YAML)
    all_ready(run, "words")
    time.sleep(A_WHILE)
    assert "unexpected" not in run.output()


def test_k3_a_replica_that_is_killed_leaves_the_turn_and_is_started_again(up, project):
    directory = project({"valohai.yaml": YAML, "server.py": APP})
    run = up(directory, "--replicas", "words=3")
    url = run.url("words", "dev")
    with Load(url, 30) as load:
        time.sleep(A_WHILE)
        kill_one(run, url)
        killed = time.monotonic()
        wait_for(lambda: any(each["restarts"] for each in client(run).endpoints()["endpoints"]), "its end to be told")
        assert set(replicas(url, 6)) <= {"1", "2", "3"}
        all_ready(run, "words/1", "words/2", "words/3")
        time.sleep(A_WHILE)
    faults = [asked for asked in load.asked if asked.fault]
    assert len(faults) <= 2, faults  # those in flight at it: each of two clients has one
    assert all(asked.sent < killed + 5 for asked in faults)
    assert set(replicas(url, 6)) == {"1", "2", "3"}


@pytest.mark.engine
def test_k3_a_replica_that_is_paused_keeps_its_turn_and_is_shown_as_paused(running, engine, project):
    """K3: to Kubernetes, a pod that hangs is ready as long as nothing probes it."""
    with running(project({"valohai.yaml": YAML, "server.py": APP}), "--replicas", "words=2") as run:
        all_ready(run, "words/1", "words/2")
        before = caveats(run)
        id_ = client(run).endpoints()["endpoints"][1]["container"]
        container = engine.containers.get(id_)
        container.pause()
        try:
            wait_for(lambda: caveats(run) == [before[0], f"but paused: docker unpause {id_}"], "it to be shown")
            assert "but paused" in " ".join(run.vhlocal("ps", "-C", str(run.directory)).stdout.split())
            assert sorted(map(str, [answered_by(run), answered_by(run)])) == ["1", "None"]
        finally:
            container.unpause()
        wait_for(lambda: caveats(run) == before, "it to be shown no longer")
        assert set(replicas(run.url("words", "dev"), 2)) == {"1", "2"}


def caveats(run: Running) -> list[str]:
    """Return what `ready` does not say of each replica."""
    return [each["caveat"] for each in client(run).endpoints()["endpoints"]]


def answered_by(run: Running) -> str | None:
    """Return which replica answers a request within seconds, None where none does."""
    try:
        return requests.get(run.url("words", "dev"), timeout=3).headers["X-VHLocal-Replica"]
    except requests.Timeout:
        return None


def kill_one(run: Running, url: str) -> None:
    if "as processes" in run.output():
        runner = around(requests.get(url, timeout=60).json()["pid"])[0]
        os.kill(runner.pid, signal.SIGKILL)
    else:
        container = client(run).endpoints()["endpoints"][0]["container"]
        subprocess.run(["docker", "kill", container], check=True, capture_output=True)


def test_k3_where_one_replica_does_not_come_up_with_an_edit_none_takes_over(process_run, project, tmp_path):
    """One of four finds a file that it is the first to make, and fails by that."""
    directory = project({"valohai.yaml": YAML, "server.py": APP})
    run = process_run(directory, "--replicas", "words=4")
    all_ready(run, "words/1", "words/2", "words/3", "words/4")
    url = run.url("words", "dev")
    broken = f"open({str(tmp_path / 'first')!r}, 'x').close()\nraise RuntimeError('the first of them')\n"
    code = numbered(1) + f"\ntry:\n    open({str(tmp_path / 'first')!r}).close()\nexcept FileNotFoundError:\n"
    (directory / "server.py").write_text(code + "".join(f"    {line}\n" for line in broken.splitlines()))
    wait_for(lambda: "the first of them" in run.output(), "the error to be told")
    wait_for(lambda: all(each["broken"] for each in client(run).endpoints()["endpoints"]), "all to be marked")
    for _ in range(8):
        answer = requests.get(url, timeout=60)
        assert (answer.json()["number"], answer.headers["X-VHLocal-Stale"]) == (0, "true")
    assert run.output().count("error: ") == 1, run.output()
    (directory / "server.py").write_text(APP)
    wait_for(lambda: " live in " in run.output(), "what was saved before to be told of once more")
    (directory / "server.py").write_text(numbered(2))
    wait_for(lambda: run.output().count(", 4 replicas)") == 2, "the mended code to be told")
    assert run.output().count(" live in ") == 2, run.output()
    assert {requests.get(url, timeout=60).json()["number"] for _ in range(8)} == {2}
    all_ready(run, "words/1", "words/2", "words/3", "words/4")


def test_k10_three_versions_stand_side_by_side_each_as_it_was_committed(up, committed):
    """K10, B5: other requirements and another valohai.yaml, and nothing of the working tree is touched."""
    directory = committed(numbered(1))
    (directory / "valohai.yaml").write_text(YAML + endpoint("more", "wsgi: server:app"))
    (directory / "requirements.txt").write_text("iniconfig\n")
    (directory / "server.py").write_text("import iniconfig\n" + numbered(2))
    commit(directory, "v2")
    git(directory, "rm", "-q", "requirements.txt")
    (directory / "valohai.yaml").write_text(YAML)
    (directory / "server.py").write_text(numbered(3))
    git(directory, "add", "valohai.yaml")
    before = git(directory, "status", "--porcelain=v2"), git(directory, "worktree", "list")
    run = whole(up(directory, "--with-version", "old=v1 prod"))
    url = run.url("words", "dev").replace("/dev/", "/{}/")
    done = run.vhlocal("version", "add", "v2", "--name", "new", "--alias", "stage", "-C", str(directory))
    assert done.returncode == 0, done.stderr + run.output()
    for name, number in (("dev", 3), ("old", 1), ("prod", 1), ("new", 2), ("stage", 2)):
        answer = requests.get(url.format(name), timeout=60)
        assert answer.json()["number"] == number
        version = {"prod": "old", "stage": "new"}.get(name, name)
        assert answer.headers["X-VHLocal-Version"] == version or name == "dev"
    assert requests.get(url.format("new").replace("words", "more"), timeout=60).json()["number"] == 2
    missing = requests.get(url.format("old").replace("words", "more"), timeout=60)
    assert (missing.status_code, missing.json()["error"]) == (404, "no endpoint `more` in old; running: words")
    assert (git(directory, "status", "--porcelain=v2"), git(directory, "worktree", "list")) == before
    listed = json.loads(run.vhlocal("version", "list", "--json", "-C", str(directory)).stdout)["versions"]
    assert [(each["ref"], each["aliases"]) for each in listed] == [(None, ["dev"]), ("v1", ["prod"]), ("v2", ["stage"])]
    assert listed[1]["commit"] == git(directory, "rev-parse", "v1").strip()
    (directory / "server.py").write_text(numbered(4))
    wait_for(lambda: requests.get(url.format("dev"), timeout=60).json()["number"] == 4, "the working tree's edit")
    assert requests.get(url.format("old"), timeout=60).json()["number"] == 1
    assert run.vhlocal("alias", "stage", "old", "--force", "-C", str(directory)).returncode == 0
    assert run.vhlocal("version", "remove", "new", "-C", str(directory)).returncode == 0
    assert requests.get(url.format("new"), timeout=60).status_code == 404
    assert requests.get(url.format("stage"), timeout=60).json()["number"] == 1


def test_p3_a_thousand_moves_of_an_alias_lose_no_request_and_each_is_answered_by_one_of_the_two(up, committed):
    directory = committed(numbered(1), working=numbered(2))
    run = whole(up(directory, "--with-version", "old=v1 prod"))
    asking, working = client(run), run.url("words").split("/")[-3]
    url = run.url("words", "dev").replace("/dev/", "/prod/")
    with Load(url, RATE) as load:
        for number in range(MOVES):
            asking.point("prod", {"version": (working, "old")[number % 2]})
    assert [asked for asked in load.asked if asked.fault] == []
    revisions = {asked.revision: asked.number for asked in load.asked}
    assert sorted(revisions.values()) == [1, 2]
    assert all(revisions[asked.revision] == asked.number for asked in load.asked)
    known = asking.aliases()
    assert (len(known["moves"]), known["forgotten"]) == (KEPT, MOVES + 1 - KEPT)
    listed = run.vhlocal("alias", "-C", str(directory)).stdout
    assert f"… {MOVES + 1 - KEPT:,} earlier moves are not kept\n" in listed
    assert requests.get(url, timeout=60).json()["number"] == 1


def test_p3_an_alias_goes_back_where_it_was_and_dev_follows_the_working_tree_unless_it_is_moved(process_run, committed):
    directory = committed(numbered(1), working=numbered(2))
    run = whole(process_run(directory, "--with-version", "old=v1"))
    url = run.url("words", "dev")

    def alias(*arguments: str) -> str:
        done = run.vhlocal("alias", *arguments, "-C", str(directory))
        assert done.returncode == 0, done.stderr
        return done.stdout

    working = run.url("words").split("/")[-3]
    assert alias("dev", "old") == f"dev points at old (was {working})\n"
    assert requests.get(url, timeout=60).json()["number"] == 1
    assert alias("dev", "--back") == f"dev points at {working} (was old)\n"
    assert requests.get(url, timeout=60).json()["number"] == 2
    assert alias("prod", "dev") == f"prod points at {working}\n"
    assert alias("prod", "old") == f"prod points at old (was {working})\n"
    assert alias("prod", "--back") == f"prod points at {working} (was old)\n"
    assert alias("prod", "--back") == f"prod points at no version (was {working})\n"
    said = alias().splitlines()
    assert said[0] == f"dev  {working}"
    assert len(said) == 7
    assert said[-1].endswith(f"prod: {working} → nowhere")


def test_k10_what_cannot_be_is_told_and_the_run_goes_on(process_run, committed):
    """K10, K3, P3: each with the remedy, and nothing of the run has changed."""
    directory = committed(numbered(1), numbered(2))
    (directory / "valohai.yaml").write_text(YAML + endpoint("more", "wsgi: server:app"))
    commit(directory, "more")
    file = "    files:\n      - name: model\n        path: model.bin\n"
    (directory / "valohai.yaml").write_text(YAML + file)
    commit(directory, "choosing")
    (directory / "valohai.yaml").write_text("- endpoint: [\n")
    commit(directory, "broken")
    (directory / "valohai.yaml").write_text(YAML)
    (directory / "requirements.txt").write_text("no-such-distribution-of-ours==1\n")
    commit(directory, "uninstallable")
    (directory / "requirements.txt").unlink()
    (directory / "server.py").write_text("import none_of_ours\n")
    (directory / "model.bin").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")
    commit(directory, "failing")
    (directory / "model.bin").unlink()
    (directory / "server.py").write_text(APP)
    beside = ("--with-version", "old=v1 prod", "--with-version", "two=more now")
    run = whole(process_run(directory, *beside, "--replicas", "words=2"))
    before, url = states(run), run.url("words", "dev")
    asked = {
        ("version", "add", "v7"): ('there is no commit "v7"', "v1"),
        ("version", "add", ""): ('"" cannot name a commit', "name a branch, a tag or a commit's hash"),
        ("version", "add", "broken"): ("broken:valohai.yaml:", ""),
        ("version", "add", "choosing"): ("choosing:valohai.yaml:6:9", "--file words.model=PATH"),
        ("version", "add", "uninstallable"): ("at uninstallable:requirements.txt", "no-such-distribution-of-ours"),
        ("version", "add", "v2", "--name", "old"): (
            "`old` is already served",
            f"vhlocal version remove -C {directory} old",
        ),
        ("version", "add", "v2", "--name", "prod"): ("`prod` is an alias of old", "another name"),
        ("version", "add", "v2", "--alias", "old"): ("`old` is the name of a version", "another name"),
        ("version", "add", "v2", "--name", "a/b"): ("one segment of a URL's path", "letters"),
        ("version", "add", "v2", "--file", "words"): ('"words" is not KEY=VALUE', "--file words=value"),
        ("version", "remove", "old"): ("old has the alias prod", f"vhlocal alias -C {directory} prod"),
        ("version", "remove", "prod"): ("old has the alias prod", f"vhlocal alias -C {directory} prod"),
        ("version", "add", "v2", "--alias", "now"): ("has no endpoint `more`, which two serves under `now`", "--force"),
        ("version", "remove", "olt"): ("no version `olt` is served", "`old`"),
        ("version", "remove", run.url("words").split("/")[-3]): ("the working tree's version", "vhlocal down"),
        ("alias", "two", "old"): ("`two` is the name of a version", "another name"),
        ("alias", "prod", "olt"): ("no version `olt` is served", "`old`"),
        ("alias", "prod", "old"): ("`prod` already points at old", "vhlocal alias"),
        ("alias", "a\nb", "old"): ('an alias cannot be "a␤b"', "letters"),
        ("alias", "prod"): ("name a version, or give --back", f"vhlocal alias -C {directory} prod VERSION"),
        ("alias", "stage", "--back"): ("`stage` has not been moved", "vhlocal alias"),
        ("scale", "words=0"): ('`words` cannot have "0" replicas', "1 to"),
        ("scale", "words=x"): ('`words` cannot have "x" replicas', "words=2"),
        ("scale", "words"): ("`words` does not say how many replicas", "words=3"),
        ("scale", "words=1", "words=x"): ('`words` cannot have "x" replicas', "words=2"),
        ("logs", "more", "--version", "prod"): ("no endpoint `more` of old", "words"),
        ("scale", "word=2"): ("has no endpoint `word`", "`words`"),
        ("scale", "more=2"): ("has no endpoint `more`", "words"),
        ("scale", "words=2", "--version", "olt"): ("no version `olt` is served", "`old`"),
    }
    for arguments, (message, hint) in asked.items():
        done = run.vhlocal(*arguments, "-C", str(directory))
        said = " ".join(done.stderr.split())
        assert done.returncode == (4 if "uninstallable" in arguments else 2), (arguments, said)
        assert message in said, (arguments, said)
        assert hint in said, (arguments, said)
        assert "Traceback" not in said
    assert run.vhlocal("logs", "--version", "prod", "-C", str(directory)).returncode == 0
    down = run.vhlocal("version", "add", "failing", "--name", "bad", "--alias", "late", "-C", str(directory))
    assert down.returncode == 1
    assert "note: model.bin of failing is a Git LFS pointer" in down.stderr
    assert "note: `late` was not moved to bad: words does not answer" in down.stderr
    assert f"once it does: vhlocal alias -C {directory} late bad" in down.stderr
    assert down.stdout.count("no module named none_of_ours") == 2, "of each replica"
    assert f"vhlocal logs -C {directory} words --version bad" in down.stdout
    assert {place for name, place in places(run).items() if "@bad" in name} == {"failing:server.py:1"}
    moved = run.vhlocal("alias", "stage", "bad", "-C", str(directory))
    assert (moved.returncode, moved.stdout) == (0, "stage points at bad\n")
    assert moved.stderr.endswith(f"not answer under it now: vhlocal logs -C {directory} words --version stage\n")
    assert run.vhlocal("alias", "stage", "--back", "-C", str(directory)).stderr == ""
    assert run.vhlocal("version", "remove", "bad", "-C", str(directory)).returncode == 0
    lost = run.vhlocal("alias", "prod", "two", "-C", str(directory))
    assert lost.returncode == 0, "an endpoint more is nobody's loss"
    for where in ("old", "--back"):
        lost = run.vhlocal("alias", "prod", where, "-C", str(directory))
        assert "old has no endpoint `more`, which two serves under `prod`" in lost.stderr
        assert f"vhlocal alias -C {directory} prod {where} --force" in lost.stderr
    assert run.vhlocal("alias", "prod", "--back", "--force", "-C", str(directory)).returncode == 0
    assert states(run) == before
    assert requests.get(url, timeout=60).status_code == 200


def test_k10_a_version_that_does_not_come_up_holds_up_no_other_and_can_be_removed(process_run, committed):
    """K10: Ctrl-C leaves an addition to the run, which says so; removing the version ends the other's waiting."""
    directory = committed(numbered(1), "import time\ntime.sleep(600)\n" + numbered(2))
    run = whole(process_run(directory))
    at_place = ("-C", str(directory))
    adding = ("version", "add", "v2", "--name", "hung", "--alias", "prod", *at_place)
    with begun(run, *adding) as waiting:
        wait_for(lambda: "words@hung" in states(run), f"it to be there: {run.output()}")
        added = run.vhlocal("version", "add", "v1", "--name", "hung", *at_place)
        assert "`hung` is already served" in added.stderr
        assert run.vhlocal("version", "add", "v1", "--name", "good", *at_place, seconds=60).returncode == 0
        with begun(run, *adding[:4], "again", *at_place) as interrupted:
            wait_for(lambda: "words@again" in states(run), f"it to be there: {run.output()}")
            interrupted.send_signal(signal.SIGINT)
            said = interrupted.communicate(timeout=60)[1]
        assert interrupted.returncode == 130
        assert f"adding again; to remove it: vhlocal version remove -C {directory} again" in said
        for name in ("again", "hung"):
            assert run.vhlocal("version", "remove", name, *at_place, seconds=60).returncode == 0
        said = waiting.communicate(timeout=60)[1]
    assert (waiting.returncode, said) == (
        2,
        f"error: hung was removed before it answered\n  hint: vhlocal version list -C {directory}\n",
    )
    all_ready(run, "words", "words@good")
    assert client(run).aliases()["aliases"].keys() == {"dev"}
    assert run.vhlocal("version", "add", "v1", "--name", "hung", "--alias", "prod", *at_place).returncode == 0
    moved = requests.get(run.url("words", "dev").replace("/dev/", "/prod/"), timeout=60)
    assert (moved.json()["number"], moved.headers["X-VHLocal-Version"]) == (1, "hung")


def test_k10_a_version_of_the_start_that_hangs_holds_up_no_change_of_the_run(process_run, committed):
    """K10: others of the start are served, and every change is made at once: versions, aliases, replicas, edits."""
    directory = committed(numbered(1), "import time\ntime.sleep(600)\n" + numbered(2))
    run = process_run(directory, "--with-version", "hung=v2", "--with-version", "good=v1 prod")
    at_place = ("-C", str(directory))
    url = run.url("words", "dev")
    all_up = {"words": "ready", "words@hung": "starting", "words@good": "ready"}
    wait_for(lambda: states(run) == all_up, f"all but one to be up: {run.output()}")
    wait_for(lambda: client(run).aliases()["aliases"].get("prod") == "good", "the alias of the start")
    for command in (
        ("version", "add", "v1", "--name", "more"),
        ("alias", "prod", "more"),
        ("scale", "words=2"),
        ("version", "remove", "good"),
    ):
        done = run.vhlocal(*command, *at_place, seconds=60)
        assert (done.returncode, done.stderr) == (0, ""), command
    (directory / "server.py").write_text(numbered(3))
    wait_for(lambda: requests.get(url, timeout=60).json()["number"] == 3, "the edit to answer")
    assert "\nready: " not in run.output()
    assert run.vhlocal("version", "remove", "hung", *at_place, seconds=60).returncode == 0
    all_ready(whole(run), "words/1", "words/2", "words@more")
    assert "error" not in run.output(), "whoever removes a version knows why it does not answer"


def test_k3_k10_a_working_tree_that_hangs_holds_up_no_version_of_the_start_nor_a_command(process_run, committed):
    directory = committed(numbered(1), working="import time\ntime.sleep(600)\n" + numbered(2))
    (directory / "vhlocal.yaml").write_text("replicas:\n  words: 1-3\n")
    run = process_run(directory, "--with-version", "old=v1 prod", ready=False)
    run.wait_for_output("words@old")
    up = {"words": "starting", "words@old": "ready"}
    wait_for(lambda: states(run) == up, f"the version to be up: {run.output()}")
    wait_for(lambda: client(run).aliases()["aliases"].get("prod") == "old", "the alias of the start")
    assert run.vhlocal("scale", "words=2", "-C", str(directory), seconds=60).returncode == 0
    (directory / "server.py").write_text(numbered(3))
    all_ready(whole(run), "words/1", "words/2", "words@old")
    time.sleep(A_WHILE)
    all_ready(run, "words/1", "words/2", "words@old")


def test_k3_k10_what_a_killed_run_has_left_the_next_takes_away(up, committed, vhlocal, tmp_path):
    directory = committed(numbered(1))
    arguments = ("--with-version", "old=v1", "--replicas", "words=2")
    killed = Running(vhlocal, directory, free_port(), arguments, tmp_path / "killed.log")
    whole(killed).process.kill()
    killed.process.wait()
    again = up(directory)
    all_ready(again, "words")
    assert requests.get(again.url("words"), timeout=60).json()["number"] == 0
    assert "left by a run that was killed" in again.output()

"""How new code comes in on the real engine: by a fork, a restart or a replacement, and what never takes over."""

import re
import time

import docker
import pytest

from tests.session.edited import APP, COMMAND, SERVE, YAML, Load, numbered
from tests.session.test_reload import answers, edit, get, headers
from tests.waiting import wait_for


@pytest.fixture
def directory(project):
    return project({"valohai.yaml": YAML, "server.py": APP})


def live(run):
    """Return how often new code was told to be live."""
    return run.output().count(" live in ")


def is_answered(run, number, endpoint="words"):
    return answers(run, "number", number, endpoint)


def is_told_broken(run, before="words"):
    return wait_for(lambda: (it := run.endpoints()[before])["broken"] and it, f"the failure; output:\n{run.output()}")


def test_under_load_no_request_fails_and_none_is_answered_by_code_older_than_the_last_reload(directory, running):
    """A hundred saves, every tenth broken; fifty requests a second, both ways of connecting, bodies included."""
    (directory / "vhlocal.yaml").write_text("strategies:\n  words: fork\n")
    with running(directory) as run:
        url = run.url("words")
        told = []
        with Load(url, 50) as load:
            for number in range(1, 101):
                before = live(run)
                if number % 10 == 0:
                    (directory / "server.py").write_text(numbered(number) + "1 / 0\n")
                    is_told_broken(run)
                else:
                    (directory / "server.py").write_text(numbered(number))
                    wait_for(lambda before=before: live(run) > before, f"save {number}; output:\n{run.output()}")
                    told.append((time.monotonic(), number))
        assert [asked for asked in load.asked if asked.fault] == []
        assert len(load.asked) > 100
        for asked in load.asked:
            due = max((number for at, number in told if at < asked.sent), default=0)
            assert asked.number >= due, f"answered by {asked.number} when {due} was live"
            assert asked.number % 10 or not asked.number, "broken code has answered"


def test_a_reload_that_went_well_is_one_line(directory, running):
    with running(directory) as run:
        is_answered(run, 0)
        wait_for(lambda: re.search(r"words \| (GET|\d+ requests:)", run.output()), "the request to be told")
        run.wait_for_output("ready: in ")
        before = run.output()
        (directory / "server.py").write_text(numbered(1))
        wait_for(lambda: live(run), "the reload")
        is_answered(run, 1)
        new = [
            line for line in run.output()[len(before) :].splitlines() if "GET" not in line and "requests:" not in line
        ]
        assert len(new) == 1, new
        assert re.fullmatch(r"words: rev [0-9a-f]{7} live in [\d.]+ m?s \(fork\)", new[0])


def test_verbose_tells_the_phases(directory, running):
    with running(directory, "-v") as run:
        (directory / "server.py").write_text(numbered(1))
        line = wait_for(lambda: re.search(r"live in .*", run.output()), "the reload")[0]
        assert [phase.split()[0] for phase in line.partition(": ")[2].split(", ")][:4] == [
            "event",
            "look",
            "sync",
            "signal",
        ]
        assert line.partition(": ")[2].split(", ")[-1].startswith("ready")


@pytest.mark.parametrize(
    ("strategy", "same"), [("fork", True), ("restart", False), ("replace", False)], ids=["fork", "restart", "replace"]
)
def test_each_strategy_brings_code_in_and_keeps_broken_code_out(directory, running, strategy, same):
    (directory / "valohai.yaml").write_text(COMMAND)
    (directory / "serve.py").write_text(SERVE)
    with running(directory, "--strategy", f"words={strategy}") as run:
        before = run.endpoints()["words"]
        assert before["strategy"] == strategy
        with Load(run.url("words"), 20) as load:
            (directory / "server.py").write_text(numbered(1))
            is_answered(run, 1)
            after = run.endpoints()["words"]
            assert (after["container"] == before["container"]) is same
            (directory / "server.py").write_text(numbered(2) + "1 / 0\n")
            broken = is_told_broken(run)
            assert broken["revision"] == after["revision"]
            assert broken["place"] == f"{directory}/server.py:9"
            is_answered(run, 1)
            assert headers(run.url("words"))["X-VHLocal-Stale"] == "true"
            (directory / "server.py").write_text(numbered(3))
            is_answered(run, 3)
        assert [asked for asked in load.asked if asked.fault] == []
        run.wait_for_output(f"({strategy})")


def test_what_cannot_be_forked_is_replaced_and_says_so(directory, running):
    (directory / "valohai.yaml").write_text(COMMAND.replace("python serve.py", "python serve.py | cat"))
    (directory / "serve.py").write_text(SERVE)
    with running(directory) as run:
        assert run.endpoints()["words"]["strategy"] == "replace"
        (directory / "server.py").write_text(numbered(1))
        is_answered(run, 1)


def test_a_server_that_does_not_bind_through_pythons_sockets_is_not_forked(directory, running):
    (directory / "valohai.yaml").write_text(COMMAND)
    hidden = "import _socket, socket\nsocket.socket.bind = lambda self, at: _socket.socket.bind(self, at)\n"
    (directory / "serve.py").write_text(hidden + SERVE)
    with running(directory) as run:
        assert run.endpoints()["words"]["strategy"] == "replace"
        (directory / "server.py").write_text(numbered(1))
        is_answered(run, 1)


def test_an_image_with_a_user_of_its_own_gets_its_edits_too(directory, running, base_image_with_user):
    with running(directory, "--image", f"words={base_image_with_user}") as run:
        for number in (1, 2):
            (directory / "server.py").write_text(numbered(number))
            is_answered(run, number)
        assert run.endpoints()["words"]["strategy"] == "fork"


def test_code_that_hangs_is_given_up_for_the_next_save(directory, running):
    with running(directory) as run:
        (directory / "server.py").write_text("import threading\nthreading.Event().wait()\n" + numbered(1))
        wait_for(lambda: any("server.py" in text for text in hanging(run)), "the hanging import")
        assert is_answered(run, 0)
        (directory / "server.py").write_text(numbered(2))
        is_answered(run, 2)
        assert "has not answered" not in run.output(), "its half a minute was waited for"


def hanging(run):
    """Return the command lines of a container's processes that have not answered yet: those of a second server."""
    client = docker.from_env()
    try:
        top = client.containers.get(run.endpoints()["words"]["container"]).top()["Processes"]
    finally:
        client.close()
    return [f"server.py {row}" for row in top] if len(top) > 6 else []


def test_new_code_has_to_answer_the_warm_up_request_well(directory, running):
    status = 'status = "200 OK" if environ["PATH_INFO"] != "/ready" else "500 Not Ready"\n    start_response(status'
    with running(directory, "--warm-up", "words=/ready") as run:
        (directory / "server.py").write_text(numbered(1).replace('start_response("200 OK"', status))
        assert "the warm-up request GET /ready was answered 500" in is_told_broken(run)["reason"]
        is_answered(run, 0)
        (directory / "server.py").write_text(numbered(2))
        is_answered(run, 2)


def test_a_model_is_loaded_once_for_many_edits(directory, running):
    """``keep_warm`` of ``vhlocal.yaml``, with either spelling."""
    (directory / "vhlocal.yaml").write_text("keep_warm: [model:load_model]\n")
    (directory / "model.py").write_text("import os\n\n\ndef load_model():\n    return os.getpid()\n")
    app = APP.replace("import json, os\n", "import json, os, model\nMODEL = model.load_model()\n")
    app = app.replace('"pid": os.getpid()', '"model": MODEL')
    (directory / "server.py").write_text(app)
    with running(directory) as run:
        first = is_answered(run, 0)["model"]
        for number in (1, 2):
            edit(directory / "server.py", f"NUMBER = {number - 1}", f"NUMBER = {number}")
            assert is_answered(run, number)["model"] == first
        edit(directory / "model.py", "os.getpid()", "-os.getpid()")
        wait_for(lambda: get(run.url("words"))[2]["model"] < 0, "the loader's own edit")


def test_k2_without_room_for_two_servers_a_new_container_is_made(directory, running):
    """K2: the limit is kept; what a second server needs is not taken for the first one's."""
    (directory / "valohai.yaml").write_text(YAML + "    resources:\n      memory:\n        max: 160\n")
    (directory / "server.py").write_text("BALLAST = b'x' * 80_000_000\n" + APP)
    with running(directory) as run:
        (directory / "server.py").write_text("BALLAST = b'x' * 80_000_000\n" + numbered(1))
        is_answered(run, 1)
        run.wait_for_output("no room for two servers")
        assert "OOMKilled" not in run.output()


def test_saves_while_new_code_starts_do_not_wait_for_it(directory, running):
    slow = "import threading\nprint('it begins', flush=True)\nthreading.Event().wait()\n"
    with running(directory) as run:
        (directory / "server.py").write_text(slow + numbered(1))
        run.wait_for_output("words | it begins")
        (directory / "server.py").write_text(numbered(2))
        is_answered(run, 2)
        run.wait_for_count(" live in ", 1)


def test_a_file_event_that_is_lost_is_noticed_by_the_next_look(directory, running):
    """A hard link changes the file under a name that nobody watches."""
    other = directory.parent / "elsewhere.py"
    other.hardlink_to(directory / "server.py")
    with running(directory) as run:
        is_answered(run, 0)
        other.write_text(numbered(1))
        is_answered(run, 1)


def test_a_deleted_and_recreated_project_goes_on(directory, running):
    with running(directory) as run:
        is_answered(run, 0)
        directory.rename(directory.parent / "away")
        directory.mkdir()
        (directory / "valohai.yaml").write_text(YAML)
        (directory / "server.py").write_text(numbered(1))
        is_answered(run, 1)


def test_what_an_app_writes_never_lands_in_the_project(directory, running):
    app = APP.replace("import json, os\n", "import json, os\nopen('written.txt', 'w').write('x')\n")
    (directory / "server.py").write_text(app)
    with running(directory) as run:
        is_answered(run, 0)
        (directory / "server.py").write_text(app.replace("NUMBER = 0", "NUMBER = 1"))
        is_answered(run, 1)
        assert sorted(path.name for path in directory.iterdir()) == ["server.py", "valohai.yaml"]

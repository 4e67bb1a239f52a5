"""Saves that come while others are being brought in: nobody pays for them, on the real engine and as processes."""

import contextlib
import json
import random
import threading
from pathlib import Path

import psutil
import requests

from tests.session.edited import APP, YAML, Load, numbered
from tests.session.test_reload import answers, headers
from tests.waiting import wait_for

#: What takes its time to import, as pandas does, and comes with Python.
HEAVY = "import asyncio, email, http.server, sqlite3, unittest, xml.dom.minidom, xmlrpc.client, pydoc, decimal\n"

LIMITED = YAML + "    resources:\n      memory:\n        max: 200\n"

#: Passes the limit while it is imported, as a model does that has grown.
GREEDY = "BALLAST = [b'x' * 10_000_000 for _ in range(40)]\n"

#: What runs for one server at rest: its runner, the master and the next server beforehand, Gunicorn and its worker.
AT_REST = 5

PAIRS = 12

#: Takes so many seconds for an answer as its query says, and tells when it begins.
SLOW = "    if environ['QUERY_STRING']:\n        print('slow', NUMBER, flush=True)\n        time.sleep(20)\n"


def around(number):
    """Return the processes below the runner of the server that a process belongs to, and that; zombies are none."""
    inner = psutil.Process(number)
    ours = [each for each in (inner, *inner.parents()) if "serve_warm.py" in " ".join(each.cmdline())]
    runner = [each for each in ours if each.name() != "docker-init"][-1]
    found = [runner, *runner.children(recursive=True)]
    return [each for each in found if each.is_running() and each.status() != psutil.STATUS_ZOMBIE]


def on_this_machine(pid):
    """Return the id that a process of a server's has outside of its container, if it is in one."""
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            ids = _ids(process.pid)
            if ids[-1] == pid and "serve_warm.py" in " ".join(process.cmdline()):
                return process.pid
    raise AssertionError(f"no process {pid}")


def _ids(pid):
    status = Path(f"/proc/{pid}/status").read_text()
    (line,) = [line for line in status.splitlines() if line.startswith("NSpid:")]
    return [int(word) for word in line.split()[1:]]


def test_of_two_saves_at_once_the_second_is_answered_and_nobody_is_left_of_the_first(up, project):
    directory = project({"valohai.yaml": YAML, "server.py": HEAVY + APP})
    run = up(directory)
    gaps, number = random.Random(13), 0
    with Load(run.url("words"), 30) as load:
        for _ in range(PAIRS):
            for _ in range(2):
                number += 1
                (directory / "server.py").write_text(HEAVY + numbered(number))
                threading.Event().wait(gaps.uniform(0.03, 0.2))
            last = answers(run, "number", number, "words")
        wait_for(lambda: load.asked[-1].number == number, "the others to be answered by it too")
    assert [asked for asked in load.asked if asked.fault] == []
    codes = {}
    for asked in load.asked:
        codes.setdefault(asked.revision, set()).add(asked.number)
    assert {revision: numbers for revision, numbers in codes.items() if len(numbers) > 1} == {}
    numbers = [asked.number for asked in sorted(load.asked, key=lambda asked: asked.sent)]
    assert numbers[-1] == number
    inner = on_this_machine(last["pid"])
    wait_for(lambda: len(around(inner)) <= AT_REST, f"the older servers to end: {around(inner)}")


def slow(number):
    text = numbered(number).replace("import json, os", "import json, os, time")
    return text.replace("    start_response(", SLOW + "    start_response(")


def test_requests_that_seven_older_revisions_still_answer_are_answered(up, project):
    directory = project({"valohai.yaml": YAML, "server.py": slow(0)})
    run = up(directory)
    answered, asking = {}, []

    def ask(number):
        answer = requests.get(f"{run.url('words')}?slow", timeout=120)
        answered[number] = (answer.status_code, answer.text)

    for number in range(8):
        (directory / "server.py").write_text(slow(number))
        wait_for(lambda number=number: run.output().count(" live in ") >= number, f"save {number}: {run.output()}")
        asking.append(threading.Thread(target=ask, args=(number,)))
        asking[-1].start()
        wait_for(lambda number=number: f"slow {number}" in run.output(), f"request {number}: {run.output()}")
    for thread in asking:
        thread.join()
    assert {number: json.loads(text)["number"] for number, (_, text) in answered.items()} == {n: n for n in range(8)}


def test_k2_an_edit_that_passes_the_memory_limit_takes_nobody_with_it(up, project):
    """K2: it is told as out of memory, and the last good code has answered all the time."""
    directory = project({"valohai.yaml": LIMITED, "server.py": APP})
    run = up(directory)
    with Load(run.url("words"), 20) as load:
        for number in (1, 3):
            (directory / "server.py").write_text(GREEDY + numbered(number))
            told = wait_for(
                lambda: (it := run.endpoints()["words"])["broken"] and it, f"the failure; output:\n{run.output()}"
            )
            assert told["state"] == "ready"
            assert "OOMKilled" in told["reason"]
            assert headers(run.url("words"))["X-VHLocal-Stale"] == "true"
            (directory / "server.py").write_text(numbered(number + 1))
            answers(run, "number", number + 1, "words")
            wait_for(lambda number=number: load.asked[-1].number == number + 1, "the load to be answered by it")
    assert [asked for asked in load.asked if asked.fault] == []
    assert {asked.number for asked in load.asked} == {0, 2, 4}
    assert run.endpoints()["words"]["restarts"] == 0

"""A server that holds what only one can have, beside its endpoint's port."""

import pytest
import requests

from tests.session.edited import YAML, Load, numbered
from tests.session.test_processes import asked
from tests.waiting import free_port, wait_for

PORT = "import socket\nMETRICS = socket.create_server(('127.0.0.1', {port}))\n"
LOCK = "import fcntl\nLOCK = open('{lock}', 'w'); fcntl.flock(LOCK, fcntl.LOCK_EX | fcntl.LOCK_NB)\n"
PID_FILE = "import os\nopen('{lock}', 'x').write(str(os.getpid()))\n"


def begun(project, holding, **words):
    """Return a project whose code holds something, and what saves another edit of it."""
    begin = holding.format(**words)
    directory = project({"valohai.yaml": YAML, "server.py": begin + numbered(1)})

    def save(number, begin=begin):
        (directory / "server.py").write_text(begin + numbered(number))

    return directory, save


def answers(run, number):
    url = run.url("words")

    def look():
        answer = requests.get(url, timeout=60)
        return answer.status_code == 200 and answer.json()["number"] == number

    wait_for(look, f"edit {number}; output:\n{run.output()}")


def told(run, text):
    """Return how often something was told."""
    return " ".join(run.output().split()).count(text)


@pytest.mark.parametrize(
    ("holding", "name"), [(PORT, "port {port}"), (LOCK, "the lock on {lock}")], ids=["port", "lock"]
)
def test_what_there_is_once_on_this_machine_is_named_once_and_edits_are_brought_in_by_restart(
    project, process_run, tmp_path, holding, name
):
    words = {"port": free_port(), "lock": tmp_path / "words.lock"}
    directory, save = begun(project, holding, **words)
    run = process_run(directory)
    for number in (2, 3):
        save(number)
        answers(run, number)
    wait_for(lambda: run.output().count("(restart)") == 2, "both restarts to be told")
    named = f"{name.format(**words)} is held by the server that runs, so that there cannot be two: edits are brought in"
    assert told(run, f"{named} by restart at {directory / 'server.py'}:2") == 1
    assert told(run, "is held by") == 1
    assert run.endpoints()["words"]["strategy"] == "restart"


def test_what_a_server_has_in_its_own_directory_is_another_s_in_another_one_until_the_code_asks_for_it_no_more(
    project, process_run
):
    """No request waits: a lock and a pid file among the code's own files do not keep two servers from each other."""
    directory, save = begun(project, LOCK + PID_FILE.replace("{lock}", "words.pid"), lock="words.lock")
    run = process_run(directory)
    with Load(run.url("words"), rate=20) as load:
        for number in (2, 3):
            save(number)
            answers(run, number)
    assert {asked.fault for asked in load.asked} == {""}
    wait_for(lambda: run.output().count("(replace)") == 2, "both replacements to be told")
    assert told(run, "words.lock is held by the server that runs") == 1
    assert told(run, "words.pid is held") == 0
    save(4, begin="")
    answers(run, 4)
    assert run.endpoints()["words"]["strategy"] == "fork"
    save(5, begin="")
    answers(run, 5)
    wait_for(lambda: run.output().count("(fork)") == 1, "the fork to be told")


def test_a_pid_file_that_would_outlive_its_server_costs_nobody_the_server(project, process_run, tmp_path):
    """To restart would not help: the file would be there still, for the new server and for the old one."""
    lock = tmp_path / "words.pid"
    directory, save = begun(project, PID_FILE, lock=lock)
    run = process_run(directory)
    before = asked(run.url("words"))
    save(2)
    wait_for(lambda: run.endpoints()["words"]["broken"], "the edit to fail")
    assert asked(run.url("words")) == before
    assert told(run, f"FileExistsError: [Errno 17] File exists: '{lock}'")
    assert told(run, "is held by the server that runs") == 0


def test_in_a_container_a_port_and_a_file_are_named_once_and_edits_are_brought_in_by_replacement(project, running):
    """Each container has its own: no request waits."""
    directory, save = begun(project, PORT + PID_FILE, port=9100, lock="/tmp/words.pid")
    with running(directory) as run:
        with Load(run.url("words"), rate=20) as load:
            for number in (2, 3):
                save(number)
                answers(run, number)
        assert {asked.fault for asked in load.asked} == {""}
        wait_for(lambda: run.output().count("(replace)") == 2, "both replacements to be told")
        named = "port 9100 is held by the server that runs, so that there cannot be two: edits are brought in"
        assert told(run, f"{named} by replacement at {directory / 'server.py'}:2") == 1
        assert told(run, "is held by") == 1

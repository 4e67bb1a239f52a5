"""A server that holds what only one can have, beside its endpoint's port."""

import contextlib
import socket
import subprocess

import psutil
import pytest
import requests

from tests.session.edited import APP, COMMAND, SERVE, YAML, Load, numbered
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
    run.wait_for_count("(restart)", 2)
    named = f"the running server holds {name.format(**words)}, so two servers cannot run side by side: a save reloads"
    run.wait_for_count(f"{named} by restart at {directory / 'server.py'}:2", 1)
    run.wait_for_count("the running server holds", 1)
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
    run.wait_for_count("(replace)", 2)
    run.wait_for_count("words.lock, so two servers cannot run side by side", 1)
    assert told(run, "words.pid, so two servers") == 0
    save(4, begin="")
    answers(run, 4)
    assert run.endpoints()["words"]["strategy"] == "fork"
    save(5, begin="")
    answers(run, 5)
    run.wait_for_count("(fork)", 1)


def test_a_file_that_would_outlive_its_server_costs_nobody_the_server(project, process_run, tmp_path):
    """To restart would not help: the file would be there still, for the new server and for the old one."""
    lock = tmp_path / "words.once"
    directory, save = begun(project, "open('{lock}', 'x')\n", lock=lock)
    run = process_run(directory)
    before = asked(run.url("words"))
    save(2)
    wait_for(lambda: run.endpoints()["words"]["broken"], "the edit to fail")
    assert asked(run.url("words")) == before
    run.wait_for_output(f"FileExistsError: [Errno 17] File exists: '{lock}'")
    assert told(run, "the running server holds") == 0


def test_files_of_a_server_that_has_ended_are_in_nobody_s_way(project, process_run, tmp_path):
    """In production they go with its container: at an edit, and after a crash, of which nobody can clean up."""
    lock = tmp_path / "words.pid"
    listening = "import socket\nSOCKET = socket.socket(socket.AF_UNIX); SOCKET.bind('{socket}'); SOCKET.listen()\n"
    directory, save = begun(project, PID_FILE + listening, lock=lock, socket=tmp_path / "s")
    kept = tmp_path / "kept.pid"
    kept.write_text("1")
    run = process_run(directory)
    save(2)
    answers(run, 2)
    assert run.endpoints()["words"]["strategy"] == "restart"
    run.wait_for_count(f"the running server holds the pid file {lock}", 1)
    psutil.Process(int(lock.read_text())).parent().kill()
    run.wait_for_restart("words")
    answers(run, 2)
    assert run.endpoints()["words"]["restarts"] == 1
    assert kept.read_text() == "1"


DATABASE = (
    "import sqlite3\nDATABASE = sqlite3.connect('{lock}', timeout=0, isolation_level=None)\n"
    "DATABASE.execute('PRAGMA locking_mode = EXCLUSIVE'); DATABASE.execute('CREATE TABLE IF NOT EXISTS x (y)')\n"
    "DATABASE.execute('INSERT INTO x VALUES (1)')\n"
)


@pytest.mark.parametrize(
    ("holding", "name", "line"),
    [(PORT, "port {port}", 2), (DATABASE, "the lock on {lock}", 3)],
    ids=["port", "database"],
)
def test_an_edit_that_starts_a_server_anew_goes_over_to_a_restart_too(
    project, process_run, tmp_path, holding, name, line
):
    """Where the restarted one fails for another reason, the old code is served again."""
    words = {"port": free_port(), "lock": tmp_path / "words.db"}
    directory, save = begun(project, holding, **words)
    run = process_run(directory)
    begin = holding.format(**words)

    def save_both(number, begin=begin):
        save(number, begin)
        (directory / "valohai.yaml").write_text(f"{YAML}    port: {8100 + number}\n")

    save_both(2)
    answers(run, 2)
    run.wait_for_output("(restart)")
    named = f"the running server holds {name.format(**words)}, so two servers cannot run side by side: a save reloads"
    run.wait_for_count(f"{named} by restart at {directory / 'server.py'}:{line}", 1)
    save_both(3, begin + "import nothing_of_this_name\n")
    wait_for(lambda: run.endpoints()["words"]["broken"], "the edit to fail")
    answer = requests.get(run.url("words"), timeout=60)
    assert (answer.json()["number"], "X-VHLocal-Stale" in answer.headers) == (2, True)
    run.wait_for_output("No module named 'nothing_of_this_name'")
    save_both(4)
    answers(run, 4)
    run.wait_for_count("the running server holds", 1)


def test_a_port_of_what_no_runner_starts_is_found_by_what_it_says_and_the_system_knows(project, process_run):
    port = free_port()
    serve = SERVE.replace("8000", "int(os.environ['VALOHAI_PORT'])").replace("import sys", "import os, sys")
    directory, save = begun(project, PORT, port=port)
    (directory / "serve.py").write_text(serve)
    (directory / "valohai.yaml").write_text(COMMAND.replace("python serve.py", "python serve.py 2>&1 | cat"))
    run = process_run(directory)
    assert run.endpoints()["words"]["strategy"] == "replace"
    for number in (2, 3):
        save(number)
        answers(run, number)
    run.wait_for_count("(restart)", 2)
    run.wait_for_count(f"the running server holds port {port}, so two servers cannot run side by side", 1)


#: Goes on without what it is refused, as much code does that serves metrics or is to be its machine's only scheduler.
METRICS = """
import socket, threading
tried = threading.Event()
def metrics():
    try:
        listening = socket.create_server(('127.0.0.1', {port}))
    except OSError as error:
        return print('no metrics:', error)
    finally:
        tried.set()
    while True:
        client, _ = listening.accept()
        client.sendall(str(NUMBER).encode())
        client.close()
threading.Thread(target=metrics, daemon=True).start()
tried.wait()
"""


def test_a_server_that_lives_on_without_what_it_was_refused_has_it_in_the_end(project, process_run):
    """By code alone, and by settings too; else the new one would never have the port, as it has in production."""
    port = free_port()
    directory, save = begun(project, METRICS, port=port)
    run = process_run(directory)

    def counted():
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5) as client:
            return client.recv(10)
        return b""

    save(2)
    answers(run, 2)
    wait_for(lambda: counted() == b"2", f"the new server to have the port; output:\n{run.output()}")
    save(3)
    (directory / "valohai.yaml").write_text(f"{YAML}    port: 8100\n")
    answers(run, 3)
    wait_for(lambda: counted() == b"3", f"the new server to have the port; output:\n{run.output()}")
    run.wait_for_count(f"the running server holds port {port}", 1)
    wait_for(lambda: told(run, "(restart)") >= 2, "both restarts to be told")  # each file's, where time is short


#: Opens its port as late as with a request that asks for it, and goes on without; streams an answer until it is ended.
LATE = """
import socket, threading, time
def metrics():
    try:
        listening = socket.create_server(('127.0.0.1', {port}))
    except OSError as error:
        return print('no metrics:', error, flush=True)
    while True:
        client, _ = listening.accept()
        client.sendall(str(NUMBER).encode())
        client.close()
def forever(start_response):
    start_response("200 OK", [])
    while True:
        yield b"."
        time.sleep(0.1)
def with_metrics(app, done=[]):
    def wrapped(environ, start_response):
        if "open" in environ["QUERY_STRING"] and not done:
            done.append(threading.Thread(target=metrics, daemon=True))
            done[0].start()
        return forever(start_response) if "forever" in environ["QUERY_STRING"] else app(environ, start_response)
    return wrapped
"""


def test_a_server_that_asks_late_for_what_the_one_before_it_still_has_is_started_anew_once_that_has_ended(
    project, process_run
):
    """It is refused after its first answer, while an older server still answers a request."""
    port = free_port()
    files = {"gunicorn.conf.py": "threads = 4\n"}
    begin, end = LATE.format(port=port), "\n\napp = with_metrics(app)\n"
    directory = project({"valohai.yaml": YAML, "server.py": begin + numbered(1) + end, **files})
    run = process_run(directory)
    url = run.url("words")

    def counted():
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5) as client:
            return client.recv(10)
        return b""

    def save(number):
        (directory / "server.py").write_text(begin + numbered(number) + end)
        answers(run, number)

    asked(f"{url}?open")
    wait_for(lambda: counted() == b"1", "the first server to have the port")
    with requests.get(f"{url}?forever", stream=True, timeout=60) as held:
        chunks = held.iter_content(1)  # its end would be the request's
        next(chunks)
        save(2)
        asked(f"{url}?open")
        run.wait_for_output("no metrics")
    run.wait_for_count(f"the running server holds port {port}, so two servers cannot run side by side", 1)
    run.wait_for_count(f"{directory / 'server.py'}:5", 1)
    run.wait_for_output("(replace)")
    wait_for(lambda: asked(f"{url}?open") and counted() == b"2", f"the port to be the new server's:\n{run.output()}")
    save(3)
    assert run.endpoints()["words"]["strategy"] == "fork"
    run.wait_for_count("(restart)", 1)
    asked(f"{url}?open")
    wait_for(lambda: counted() == b"3", f"the port to be the new server's:\n{run.output()}")
    run.wait_for_count("the running server holds", 1)


def test_in_a_container_a_port_and_a_file_are_named_once_and_edits_are_brought_in_by_replacement(project, running):
    """Each container has its own: no request waits."""
    directory, save = begun(project, PORT + PID_FILE, port=9100, lock="/tmp/words.pid")
    with running(directory) as run:
        with Load(run.url("words"), rate=20) as load:
            for number in (2, 3):
                save(number)
                answers(run, number)
        assert {asked.fault for asked in load.asked} == {""}
        run.wait_for_count("(replace)", 2)
        named = "the running server holds port 9100, so two servers cannot run side by side: a save reloads"
        run.wait_for_count(f"{named} by replacement at {directory / 'server.py'}:2", 1)
        run.wait_for_count("the running server holds", 1)


def test_in_a_container_what_lies_in_a_shared_volume_is_there_once_also_for_a_server_that_starts_anew(project, running):
    """What is the container's own is not: a crash is no reason to meet the files of the server before."""
    volumes = "    shared-volumes:\n      - {pvc-name: claim, mount-path: /mnt/shared}\n"
    volumes += "    workspace-volume: {mount-path: /mnt/own, size: 1}\n"
    begin = LOCK.format(lock="/mnt/shared/words.lock") + PID_FILE.format(lock="/tmp/words.pid")
    begin += "import time\nopen('/mnt/own/starts', 'a').write('.')\nSTARTS = len(open('/mnt/own/starts').read())\n"
    code = (begin + APP.replace('"pid": os.getpid()', '"pid": os.getpid(), "starts": STARTS')).replace
    directory = project({"valohai.yaml": YAML + volumes, "server.py": code("NUMBER = 0", "NUMBER = 1")})
    with running(directory) as run:
        (directory / "server.py").write_text(code("NUMBER = 0", "NUMBER = 2"))
        (directory / "valohai.yaml").write_text(f"{YAML}{volumes}    port: 8100\n")
        answers(run, 2)
        named = "the running server holds the lock on /mnt/shared/words.lock, so two servers cannot run side by side"
        run.wait_for_count(named, 1)
        assert asked(run.url("words"))["starts"] == 1
        container = run.endpoints()["words"]["container"]
        subprocess.run(["docker", "kill", container], check=True, capture_output=True, timeout=60)
        run.wait_for_restart("words")
        assert asked(run.url("words")) | {"pid": 0} == {"number": 2, "sum": 0, "pid": 0, "starts": 2}
        assert run.endpoints()["words"]["restarts"] == 1

"""A forked server ends when it is asked to, at whatever moment of its life, with all that it has started."""

import contextlib
import os
import signal
import socket
import subprocess
import threading

import psutil
import pytest

from tests.runner.stacks import OLDEST, USUAL, python_of
from tests.runner.test_serve_warm import APP, FILES, LIBRARY, OWN, WSGI
from tests.runner.warm import VERSION, warm
from tests.waiting import LONG, accepts, wait_for

#: Waits in whoever is to fork servers until it may go on, and never in a server.
SLOW = LIBRARY + (
    "import serve_warm_child\n"
    "if serve_warm_child.current is None:\n"
    "    open(os.environ['HOME'] + '/waits', 'w').close()\n"
    "    open(os.environ['HOME'] + '/go').read()\n"
)

#: Starts a program that leaves the server's process group and session, and whose parent ends.
LEAVES = (
    "import os, subprocess\n"
    "if os.fork() == 0:\n"
    "    subprocess.Popen(['sleep', '600'], start_new_session=True)\n"
    "    os._exit(0)\n"
    "os.wait()\n"
)


@pytest.fixture
def start(runner, tmp_path):
    """Start ``wsgi: site_app:app`` under the runner."""

    @contextlib.contextmanager
    def start(stack=USUAL, files=None, libraries=None, **settings):
        python = python_of(stack)
        with warm(
            runner, tmp_path, WSGI, python, files or FILES, libraries or {"library.py": LIBRARY}, **settings
        ) as it:
            yield it

    return start


@pytest.fixture
def busy(start, tmp_path):
    """Return a runner whose master is importing, and what lets it go on: servers that are asked for wait for that."""

    @contextlib.contextmanager
    def busy(stack=USUAL):
        os.mkfifo(tmp_path / "go")
        with start(stack, libraries={"library.py": SLOW}) as it:
            it.get(1)
            it.serve(1)
            wait_for((tmp_path / "waits").exists, "the master to import")
            yield it, threading.Thread(target=(tmp_path / "go").write_text, args=("",)).start

    return busy


def processes(it):
    """Return all processes below the runner that have not ended."""
    return [
        each
        for each in psutil.Process(it.server.process.pid).children(recursive=True)
        if each.status() != psutil.STATUS_ZOMBIE
    ]


def programs(it, name):
    return [each for each in processes(it) if each.name() == name]


def master(it):
    """Return the process that forks the servers: a child of the runner's that leads no group."""
    (found,) = [
        each
        for each in psutil.Process(it.server.process.pid).children()
        if os.getpgid(each.pid) == os.getpgid(it.server.process.pid)
    ]
    return found


def is_alone(it):
    """Tell whether the first server's processes and the master, with the next server beforehand, are all there is."""
    try:
        groups = {os.getpgid(each.pid) for each in processes(it)} - {os.getpgid(it.server.process.pid)}
        spares = [each for each in psutil.Process(it.server.process.pid).children() if not each.children()]
    except (psutil.Error, OSError):  # one has ended meanwhile
        return False
    return len(groups - {each.pid for each in spares}) == 1


@pytest.mark.parametrize("stack", [OLDEST, USUAL], ids=str)
@pytest.mark.parametrize("grace", [0, 30])
def test_a_server_that_is_stopped_before_it_has_a_process_never_serves(busy, stack, grace):
    with busy(stack) as (it, go_on):
        number = it.fork()
        it.control.ask(do="stop", number=number, grace=grace)
        assert not [event for event in it.control.events if event.get("number") == number], "its port is taken still"
        go_on()
        it.control.event("ended", number=number)
        assert not accepts(it.ports[number])
        wait_for(lambda: is_alone(it), "nobody else to be left")
        assert it.next().status == 200


def test_a_server_that_is_stopped_as_it_takes_its_order_costs_no_master(start):
    with start() as it:
        it.warm_up()
        before = master(it).pid
        for _ in range(20):
            number = it.fork()
            it.control.ask(do="stop", number=number, grace=0)
            it.control.event("ended", number=number)
        wait_for(lambda: is_alone(it), "nobody else to be left")
        assert it.next().status == 200
        assert master(it).pid == before


@pytest.mark.parametrize("grace", [0, 30])
def test_a_server_that_is_stopped_before_its_master_ends_is_not_forked_by_the_next_one(busy, grace):
    with busy() as (it, _):
        number = it.fork()
        it.control.ask(do="stop", number=number, grace=grace)
        master(it).kill()
        it.control.event("ended", number=number)
        assert it.next().status == 200
        assert not [event for event in it.control.events if event["event"] == "forked" and event["number"] == number]


@pytest.mark.parametrize("stack", [OLDEST, USUAL], ids=str)
@pytest.mark.parametrize("buried", [True, False])
def test_a_process_whose_parent_to_be_has_ended_does_not_wait_for_it(runner, stack, buried):
    """As a server that takes its order while the whole container ends: it would hold the output open for ever."""
    ended = subprocess.Popen(["true"])
    if buried:
        ended.wait()
    else:
        wait_for(lambda: psutil.Process(ended.pid).status() == psutil.STATUS_ZOMBIE, "its end")
    code = "import sys; sys.path.insert(0, sys.argv[1]); import serve_warm_family as it; it.die_with(int(sys.argv[2]))"
    alone = subprocess.run([str(python_of(stack)), "-c", code, str(runner), str(ended.pid)], timeout=LONG, check=False)
    ended.wait()
    assert alone.returncode == 128 + signal.SIGKILL


def test_servers_that_are_asked_for_while_the_master_ends_are_forked_by_the_next_one(busy):
    with busy() as (it, _):
        numbers = [it.fork(), it.fork()]
        master(it).kill()
        assert [it.get(number).status for number in numbers] == [200, 200]


def test_libraries_that_bear_no_fork_are_left_to_the_servers(start):
    library = LIBRARY + "import serve_warm_child\nif serve_warm_child.current is None:\n    os.fork = os.abort\n"
    with start(libraries={"library.py": library}) as it:
        it.warm_up()
        first, second = it.next().json(), it.next().json()
        assert first["library"]["pid"] != second["library"]["pid"]


def test_a_server_that_can_never_be_forked_is_told_and_what_serves_goes_on(start):
    """As where there may be no more processes."""
    patch = (
        "import os\n"
        "FORK, RUNNER, BROKEN = os.fork, os.getpid(), os.environ['HOME'] + '/broken'\n"
        "os.fork = lambda: os.abort() if os.getpid() != RUNNER and os.path.exists(BROKEN) else FORK()\n"
    )
    with start(libraries={"library.py": LIBRARY, "sitecustomize.py": patch}) as it:
        it.warm_up()
        (it.code.parent / "broken").touch()
        number = it.fork()
        assert "no process could be forked" in it.control.event("failed", number=number)["text"]
        it.control.event("ended", number=number)
        (it.code.parent / "broken").unlink()
        assert it.get(1).status == 200
        assert it.next().status == 200


@pytest.mark.parametrize("moment", ["forked", "bound", "loaded"])
def test_a_server_that_is_stopped_while_it_starts_leaves_nobody(start, moment):
    with start() as it:
        it.warm_up()
        for _ in range(5):
            number = it.fork()
            it.control.event(moment, number=number)
            it.control.ask(do="stop", number=number, grace=0)
            it.control.event("ended", number=number)
            assert not accepts(it.ports[number])
        wait_for(lambda: is_alone(it), "nobody else to be left")


def test_nobody_is_told_twice_to_have_ended_but_who_asks_again_is(start):
    with start() as it:
        it.warm_up()
        number = it.fork()
        it.control.ask(do="stop", number=number, grace=0)
        it.control.event("ended", number=number)
        it.control.ask(do="stop", number=number, grace=0)
        it.control.event("ended", number=number)
        it.control.ask(do="stop", number=99, grace=0)
        it.control.event("ended", number=99)
        assert it.get(1).status == 200


@pytest.mark.parametrize("stack", [OLDEST, USUAL], ids=str)
def test_what_has_left_a_servers_group_ends_with_it(start, stack):
    with start(stack) as it:
        it.warm_up()
        it.save("own.py", OWN + LEAVES)
        number = it.fork()
        it.get(number)
        (left,) = programs(it, "sleep")
        it.serve(number)
        it.control.ask(do="stop", number=1, grace=30)
        it.control.event("ended", number=1)
        assert left.is_running(), "it is the other server's"
        it.save("own.py", OWN)
        assert it.next().status == 200
        it.control.ask(do="stop", number=number, grace=30)
        it.control.event("ended", number=number)
        assert not left.is_running()


def test_what_has_left_the_group_of_a_server_that_fails_ends_with_it(start):
    with start() as it:
        it.warm_up()
        it.save("own.py", LEAVES + "1 / 0\n")
        number = it.fork()
        it.control.event("ended", number=number)
        assert programs(it, "sleep") == []


def test_a_port_is_anothers_only_when_nobody_listens_there(start):
    with start() as it:
        it.warm_up()
        with socket.create_server(("127.0.0.1", 0)) as held:
            answer = it.control.ask(do="fork", number=2, port=held.getsockname()[1])
        assert answer["refused"] == "port"
        assert it.control.ask(do="fork", number=2, port=it.ports[1])["refused"] == "port"


def test_a_server_that_has_answered_is_not_begun_again_for_what_its_next_worker_finds(start):
    own = "import os\nos.environ['COLOR'] = open('color.txt').read()\nTEXT = os.getppid()\n"
    with start(files={"site_app.py": APP, "own.py": own, "color.txt": "red"}) as it:
        it.warm_up()
        before = it.next().json()
        it.save("color.txt", "blue")
        os.kill(before["pid"], signal.SIGKILL)
        it.control.event("loaded", number=it.number)

        def another():
            with contextlib.suppress(OSError):
                facts = it.get(it.number).json()
                return facts["pid"] != before["pid"] and facts

        assert wait_for(another, "its next worker")["text"] == before["text"]
        assert not [event for event in it.control.events if event["event"] == "again"]
        assert it.next().json()["library"]["color"] == "blue"


def test_a_server_that_is_begun_again_is_not_taken_for_the_one_that_was_there(start):
    own = "import os\nos.environ['COLOR'] = 'red'\nTEXT = 'one'\n"
    with start(files={"site_app.py": APP, "own.py": own}) as it:
        it.warm_up()
        it.next()
        it.save("own.py", own.replace("red", "blue"))
        number = it.fork()
        it.control.event("again", number=number)
        assert it.serve(number)["refused"]
        it.control.events.clear()
        it.control.event("bound", number=number)
        assert it.get(number).json()["library"]["color"] == "blue"
        assert it.serve(number)["bound"]


def test_the_runner_goes_on_when_a_command_has_it_read_what_it_was_about_to(start):
    """A report and a command that come at once: the command's work reads the report first."""
    app = APP.replace(
        "    start_response(",
        "    environ['QUERY_STRING'] and __import__(environ['QUERY_STRING'])\n    start_response(",
    )
    with start(files={**FILES, "site_app.py": app}) as it:
        it.warm_up()
        runner = psutil.Process(it.server.process.pid)
        for module in ("colorsys", "this", "symtable"):
            runner.suspend()
            wait_for(lambda: runner.status() == psutil.STATUS_STOPPED, "the runner to stop")
            it.control.send(do="serve", number=1)
            it.server.get(VERSION, f"/?{module}")
            runner.resume()
            assert it.control.ask(do="birth", number=1)["bound"]

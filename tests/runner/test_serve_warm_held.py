"""What the server that serves has, and another is refused: told by name and line, and only where it is sure."""

import contextlib
import fcntl
import re
import socket
import textwrap
from pathlib import Path

import pytest

from tests.runner.stacks import USUAL, python_of
from tests.runner.test_serve_warm_shared import PID
from tests.runner.warm import warm
from tests.waiting import free_port, wait_for

APP = """
def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"ok"]
"""

#: As libraries for locks do it: they swallow the refusal, and raise what is theirs a while later.
LOCKS = PID + textwrap.dedent("""\
    import fcntl
    class Timeout(Exception):
        pass
    def acquire(path):
        file = open(path, "w")
        for _ in range(3):
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return file
            except OSError:
                pass
        raise Timeout(path)
    """)

BEGIN = "import fcntl, os, socket, sqlite3, sys\nimport library\nHOME = os.path.expanduser('~')\n"

#: What only one can have, each in one line; kind and name by which it is told.
HELD = {
    "port": ("X = socket.create_server(('127.0.0.1', {0}))", "tcp", "127.0.0.1:{0}"),
    "silent port": ("X = socket.socket(); X.bind(('127.0.0.1', {1}))", "tcp", "127.0.0.1:{1}"),
    "udp": ("X = socket.socket(type=socket.SOCK_DGRAM); X.bind(('', {2}))", "udp", ":{2}"),
    "abstract": ("X = socket.socket(socket.AF_UNIX); X.bind('\\0of {0}')", "abstract", "@of {0}"),
    "socket": ("X = socket.socket(socket.AF_UNIX); X.bind(HOME + '/x.sock'); X.listen()", "socket", "{home}/x.sock"),
    "flock": (
        "X = open(HOME + '/x.lock', 'w'); fcntl.flock(X, fcntl.LOCK_EX | fcntl.LOCK_NB)",
        "lock",
        "{home}/x.lock",
    ),
    "lockf": (
        "X = open(HOME + '/y.lock', 'w'); fcntl.lockf(X, fcntl.LOCK_EX | fcntl.LOCK_NB)",
        "lock",
        "{home}/y.lock",
    ),
    "library": ("X = library.acquire(HOME + '/z.lock')", "lock", "{home}/z.lock"),
    "new file": ("X = open('one.pid', 'x').close()", "made", "{code}/one.pid"),
    "new file by os": (
        "X = os.close(os.open(HOME + '/two.pid', os.O_CREAT | os.O_EXCL | os.O_WRONLY))",
        "made",
        "{home}/two.pid",
    ),
    "database": (
        "X = sqlite3.connect(HOME + '/x.db', timeout=0, isolation_level=None); "
        "X.execute('PRAGMA locking_mode = EXCLUSIVE'); X.execute('CREATE TABLE IF NOT EXISTS x (y)'); "
        "X.execute('INSERT INTO x VALUES (1)')",
        "lock",
        "{home}/x.db",
    ),
}


class Holder:
    """A runner whose server has it all."""

    def __init__(self, it, place, ports):
        self.it = it
        self.words = {"home": str(place), "code": str(it.code)}
        self.ports = ports

    def refused(self, code):
        """Have another server try ``code``; return what it is told to be alone for, None where it is told nothing."""
        self.it.save("server.py", (BEGIN + code + APP).format(*self.ports, **self.words))
        number = self.it.fork()
        ended = self.it.control.event("ended", number=number)
        assert ended["code"] != 0
        told = [event for event in self.it.control.events if event["event"] == "refused" and event["number"] == number]
        return next(filter(self.holds, told), None)

    def holds(self, event):
        """Tell whether the server that serves has what another has told to be refused."""
        asked = {name: event[name] for name in ("kind", "name", "inode")}
        return self.it.control.ask(do="holds", number=1, **asked)["holds"]

    def place(self, line):
        return [f"{self.it.code}/server.py", line]


def free_udp_port():
    with socket.socket(type=socket.SOCK_DGRAM) as found:
        found.bind(("", 0))
        return found.getsockname()[1]


@pytest.fixture(scope="module")
def holder(runner, tmp_path_factory):
    place = tmp_path_factory.mktemp("held")
    ports = [free_port(), free_port(), free_udp_port()]
    held = "\n".join(re.sub(r"\bX\b", f"X{number}", line) for number, (line, _, _) in enumerate(HELD.values()))
    held += "\nopen(HOME + '/running.pid', 'w').write(str(os.getpid()))"
    with warm(
        runner,
        place,
        ["wsgi", "server:app"],
        python_of(USUAL),
        {"server.py": (BEGIN + held + APP).format(*ports)},
        {"library.py": LOCKS},
    ) as it:
        it.warm_up()
        yield Holder(it, place, ports)


@pytest.mark.parametrize("kind", HELD)
def test_what_the_server_that_serves_has_is_told_with_its_name_and_the_line_that_asks_for_it(holder, kind):
    line, told, name = HELD[kind]
    alone = holder.refused("\n" + line)
    assert alone is not None
    assert (alone["kind"], alone["name"]) == (told, name.format(*holder.ports, **holder.words))
    assert alone["place"] == holder.place(5)
    assert holder.it.control.ask(do="holds", number=1, kind=told, name=alone["name"])["holds"]


def test_whoever_ends_by_itself_for_a_refusal_is_told_too(holder):
    attempt = "def acquire():\n    try:\n        {}\n    except OSError:\n        return False\n    return True\n"
    code = attempt.format(HELD["flock"][0]) + "if not acquire():\n    sys.exit('it runs already')"
    alone = holder.refused(code)
    assert alone["name"] == f"{holder.words['home']}/x.lock"
    assert alone["place"] == holder.place(6)


def test_a_file_that_an_error_names_is_enough_where_the_lock_is_not_python_s(holder):
    """As embedded databases tell it: they lock by themselves."""
    alone = holder.refused("raise RuntimeError('IO error: cannot lock file \"{home}/x.lock\": busy')")
    assert (alone["kind"], alone["name"]) == ("lock", f"{holder.words['home']}/x.lock")
    assert alone["place"] == holder.place(4)


@pytest.mark.parametrize(
    "code",
    [
        "try:\n    raise RuntimeError(\"Already running on PID 1 (or pid file '{home}/running.pid' is stale)\")\n"
        "except RuntimeError:\n    sys.exit(1)",
        "sys.exit('{home}/running.pid exists: it runs already')",
    ],
    ids=["as Gunicorn does", "by hand"],
)
def test_a_pid_file_of_the_server_that_serves_is_told_where_an_end_names_it(holder, code):
    told = holder.refused(code)
    assert (told["kind"], told["name"]) == ("pid", f"{holder.words['home']}/running.pid")


#: Ends that are for something else, although something is refused or named on the way.
OTHERS = {
    "a refusal that was caught": "try:\n    {port}\nexcept OSError:\n    pass\nraise RuntimeError('no')",
    "a lock that was caught": "try:\n    {flock}\nexcept OSError:\n    pass\nimport nothing_of_this_name",
    "a file that is not locked": "open('one.lock', 'w')\nraise RuntimeError('{code}/one.lock')",
    "a pid file that is somebody else's": "open('{home}/theirs', 'w').write('1')\nsys.exit('{home}/theirs exists')",
    "a locked file that is named for something else": "raise RuntimeError('\"{home}/x.db\" has no table y')",
    "a file that is somebody else's": "open('{home}/theirs.pid', 'x')",
    "another's lock": "X = open('{home}/theirs.lock', 'w'); fcntl.flock(X, fcntl.LOCK_EX | fcntl.LOCK_NB)",
    "another's port": "X = socket.create_server(('127.0.0.1', {theirs}))",
    "its own port": "X = socket.create_server(('127.0.0.1', {free})); Y = socket.create_server(('127.0.0.1', {free}))",
}


@pytest.mark.parametrize("other", OTHERS)
def test_an_end_that_is_not_for_what_the_server_that_serves_has_is_told_as_what_it_is(holder, other):
    home = holder.words["home"]
    with contextlib.ExitStack() as stack:
        theirs = stack.enter_context(socket.create_server(("127.0.0.1", free_port())))
        lock = stack.enter_context(Path(home, "theirs.lock").open("w"))
        fcntl.flock(lock, fcntl.LOCK_EX)
        Path(home, "theirs.pid").touch()
        words = {
            **{kind: line for kind, (line, _, _) in HELD.items() if re.fullmatch("[a-z]+", kind)},
            **{name: f"{{{name}}}" for name in ("home", "code")},
            "theirs": theirs.getsockname()[1],
            "free": free_port(),
        }
        assert holder.refused(OTHERS[other].format(**words)) is None


def test_what_was_let_go_of_since_is_nobody_s_refusal(holder):
    """A pid file that somebody else has made in its place meanwhile, and a lock that is free again."""
    path = holder.it.code / "one.pid"
    kept = path.rename(holder.it.code / "kept.pid")
    try:
        path.touch()
        assert holder.refused(HELD["new file"][0]) is None
        assert not holder.it.control.ask(do="holds", number=1, kind="made", name=str(path))["holds"]
    finally:
        kept.rename(path)
    assert holder.refused(HELD["new file"][0]) is not None


#: Code that lives on without what it is refused: in another process or thread, or while it waits.
LIVING_ON = {
    "port": ("try:\n    {port}\nexcept OSError:\n    pass", 5),
    "lock": ("try:\n    {flock}\nexcept OSError:\n    pass", 5),
    "wait": (
        "import threading\nX = open(HOME + '/y.lock', 'w')\n"
        "threading.Thread(target=lambda: fcntl.lockf(X, fcntl.LOCK_EX), daemon=True).start()",
        6,
    ),
    "socket": ("try:\n    {socket}\nexcept OSError:\n    pass", 5),
}


@pytest.mark.parametrize("kind", LIVING_ON)
def test_whoever_lives_on_without_what_it_is_refused_is_known_to_lack_it(holder, kind):
    code, line = LIVING_ON[kind]
    words = {kind: line for kind, (line, _, _) in HELD.items() if re.fullmatch("[a-z]+", kind)}
    holder.it.save("server.py", (BEGIN + code.format(**words) + APP).format(*holder.ports, **holder.words))
    number = holder.it.fork()
    try:
        holder.it.control.event("bound", number=number)
        lacking = wait_for(lambda: holder.it.control.ask(do="lacks", number=number)["lacks"], "it to be told")
        assert [each["place"] for each in lacking] == [holder.place(line)]
        assert holder.holds(lacking[0])
    finally:
        holder.it.control.ask(do="stop", number=number, grace=0)


def test_what_it_has_after_all_is_not_lacked(holder):
    """A lock and a port that others had for a while."""
    code = textwrap.dedent("""
        import time
        def get(take):
            while True:
                try:
                    return take()
                except OSError:
                    time.sleep(0.01)
        L = open(HOME + '/theirs.lock', 'w')
        def begin():
            get(lambda: fcntl.flock(L, fcntl.LOCK_EX | fcntl.LOCK_NB))
            fcntl.lockf(L, fcntl.LOCK_EX)
            global P
            P = get(lambda: socket.create_server(('127.0.0.1', {theirs})))
        import threading
        threading.Thread(target=begin, daemon=True).start()
        """)
    home = holder.words["home"]

    def lacking():
        return {each["kind"] for each in holder.it.control.ask(do="lacks", number=number)["lacks"]}

    with contextlib.ExitStack() as stack:
        theirs = stack.enter_context(socket.create_server(("127.0.0.1", free_port())))
        lock = stack.enter_context(Path(home, "theirs.lock").open("w"))
        fcntl.flock(lock, fcntl.LOCK_EX)
        fcntl.lockf(lock, fcntl.LOCK_EX)
        code = code.format(theirs=theirs.getsockname()[1])
        holder.it.save("server.py", (BEGIN + code + APP).format(*holder.ports, **holder.words))
        number = holder.it.fork()
        stack.callback(lambda: holder.it.control.ask(do="stop", number=number, grace=0))
        holder.it.control.event("bound", number=number)
        wait_for(lambda: lacking() == {"lock"}, "the lock to be lacking")
        fcntl.flock(lock, fcntl.LOCK_UN)
        fcntl.lockf(lock, fcntl.LOCK_UN)
        wait_for(lambda: lacking() == {"tcp"}, "the port to be lacking")
        theirs.close()
        wait_for(lambda: not lacking(), "nothing to be lacking")

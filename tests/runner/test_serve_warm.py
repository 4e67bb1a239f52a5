"""The warm master and its forks, on real Pythons and Gunicorns from the oldest on."""

import contextlib
import http.client
import json
import os
import signal

import pytest

from tests.runner.stacks import NEWEST, NO_ASGI, OLDEST, USUAL, UVICORN, python_of
from tests.runner.warm import ALIAS, VERSION, Control, warm
from tests.waiting import wait_for

#: Answers with what makes it this server and no other.
APP = """\
import json, os
import own
try:
    import library
    LIBRARY = library.FACTS
except ImportError:
    LIBRARY = None


def app(environ, start_response):
    facts = {"text": own.TEXT, "library": LIBRARY, "pid": os.getpid(), "prefix": environ["SCRIPT_NAME"]}
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(facts).encode()]
"""
OWN = "TEXT = 'one'\n"
LIBRARY = "import os\nFACTS = {'pid': os.getpid(), 'color': os.environ.get('COLOR')}\n"
FILES = {"site_app.py": APP, "own.py": OWN}
WSGI = ["wsgi", "site_app:app"]

ALL = [OLDEST, UVICORN, NO_ASGI, USUAL, NEWEST]


@pytest.fixture
def start(runner, tmp_path):
    """Start ``wsgi: site_app:app``, or another command, under the runner."""

    @contextlib.contextmanager
    def start(stack=USUAL, files=None, libraries=None, command=WSGI, **settings):
        python = python_of(stack)
        with warm(
            runner, tmp_path, command, python, files or FILES, libraries or {"library.py": LIBRARY}, **settings
        ) as it:
            yield it

    return start


@pytest.mark.parametrize("stack", ALL, ids=str)
def test_a_fork_imports_the_projects_code_anew_and_the_libraries_not_again(start, stack):
    with start(stack) as it:
        first = it.get(1).json()
        assert first["text"] == "one"
        assert "library" in it.warm_up()["modules"]
        it.save("own.py", "TEXT = 'two'\n")
        second = it.next().json()
        it.save("own.py", "TEXT = 'three'\n")
        third = it.next().json()
        assert [second["text"], third["text"]] == ["two", "three"]
        assert second["library"]["pid"] == third["library"]["pid"] != first["library"]["pid"]
        assert it.get(1).json() == first, "the old server still answers"


@pytest.mark.parametrize("stack", [OLDEST, USUAL], ids=str)
def test_r5_a_fork_serves_versions_and_aliases_as_its_first_server_does(start, stack):
    """R5: under the version's path and under an alias."""
    with start(stack) as it:
        it.warm_up()
        number = it.fork()
        assert it.get(number).json()["prefix"] == VERSION
        assert it.get(number, ALIAS).json()["prefix"] == ALIAS


def test_an_asgi_callable_is_forked_too(start):
    app = (
        "import own\n"
        "async def app(scope, receive, send):\n"
        "    if scope['type'] != 'http':\n"
        "        return\n"
        "    await send({'type': 'http.response.start', 'status': 200, 'headers': []})\n"
        "    await send({'type': 'http.response.body', 'body': (scope['root_path'] + own.TEXT).encode()})\n"
    )
    with start(files={"site_app.py": app, "own.py": OWN}) as it:
        it.warm_up()
        it.save("own.py", "TEXT = 'two'\n")
        assert it.next().body == f"{VERSION}two".encode()
        # How many requests it answers at once is nobody's to say.
        assert [event for event in it.control.events if event["event"] == "serves"] == []


@pytest.mark.parametrize("stack", [OLDEST, USUAL], ids=str)
def test_it_is_told_how_many_requests_are_answered_at_once(start, stack):
    """By Gunicorn's own workers, as the user has set them; of each server anew."""
    settings = "workers = 2\nthreads = 3\n"
    with start(stack, files={**FILES, "gunicorn.conf.py": settings}) as it:
        it.warm_up()
        told = it.control.event("serves", number=1)
        assert (told["workers"], told["threads"]) == (2, 3)
        it.save("gunicorn.conf.py", "")
        number = it.fork()
        told = it.control.event("serves", number=number)
        assert (told["workers"], told["threads"]) == (1, 1)


def test_a_server_that_was_replaced_ends_when_it_is_told_to_and_says_so(start):
    with start() as it:
        it.warm_up()
        number = it.fork()
        it.get(number)
        it.serve(number)
        it.control.ask(do="stop", number=1, grace=30)
        assert it.control.event("ended", number=1)["code"] == 0
        with pytest.raises(ConnectionRefusedError):
            it.server.get(VERSION, port=it.ports[1])
        assert it.get(number).status == 200


def test_a_reload_that_goes_well_prints_nothing(start):
    with start() as it:
        it.server.wait_for_line("Booting worker")
        it.warm_up()
        number = it.fork()
        it.get(number)
        it.serve(number)
        it.control.ask(do="stop", number=1, grace=30)
        it.control.event("ended", number=1)
        it.server.process.terminate()
        before = list(it.server.output)
        it.server.wait()
        assert it.server.output == [*before, "(the end)"]


@pytest.mark.parametrize("stack", [OLDEST, USUAL], ids=str)
@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("TEXT = = 1\n", "SyntaxError"),
        ("import nothing_of_this_name\n", "nothing_of_this_name"),
        ("1 / 0\n", "ZeroDivision"),
    ],
)
def test_code_that_cannot_be_loaded_is_told_and_the_old_server_answers_on(start, stack, text, error):
    with start(stack) as it:
        it.warm_up()
        it.save("own.py", text)
        number = it.fork()
        told = it.control.event("failed", number=number)["text"]
        assert error in told
        assert "own.py" in told
        assert it.control.event("ended", number=number)["code"] == 3
        assert it.get(1).json()["text"] == "one"
        it.save("own.py", OWN)
        assert it.next().json()["text"] == "one"


@pytest.mark.parametrize("stack", [OLDEST, USUAL], ids=str)
def test_a_worker_that_ends_the_process_at_its_start_is_no_endless_loop(start, stack):
    with start(stack) as it:
        it.warm_up()
        it.save("own.py", "import os\nos._exit(7)\n")
        number = it.fork()
        assert it.control.event("ended", number=number)["code"] == 3
        assert it.get(1).status == 200


def test_where_code_hangs_can_be_asked(start):
    with start() as it:
        it.warm_up()
        it.save("own.py", "import threading\n\nthreading.Event().wait()\n")
        number = it.fork()

        def hangs():
            stacks = it.control.ask(do="where", number=number)["stacks"]
            return stacks if "own.py" in stacks else None

        assert f'File "{it.code}/own.py", line 3 in <module>' in wait_for(hangs, "the hanging line")
        it.control.ask(do="stop", number=number, grace=0)
        it.control.event("ended", number=number)
        assert it.get(1).status == 200


def test_to_ask_where_code_is_ends_no_program_that_it_started(start):
    """What it has started has no handler for the signal that asks."""
    with start() as it:
        it.warm_up()
        it.save("own.py", "import subprocess\n\nsubprocess.run(['sleep', '600'])\n")
        number = it.fork()

        def waits():
            stacks = it.control.ask(do="where", number=number)["stacks"]
            return stacks if "own.py" in stacks else None

        for _ in range(2):
            assert f'File "{it.code}/own.py", line 3 in <module>' in wait_for(waits, "the line that waits")
        it.control.ask(do="stop", number=number, grace=0)
        it.control.event("ended", number=number)


# What cannot be forked.


@pytest.mark.parametrize("stack", [OLDEST, USUAL], ids=str)
def test_a_library_that_starts_a_thread_is_left_to_the_servers(start, stack):
    library = LIBRARY + "import threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()\n"
    with start(stack, libraries={"library.py": library, "harmless.py": "X = 1\n"}) as it:
        assert "starts threads" in it.warm_up()["denied"]["library"]
        first, second = it.next().json(), it.next().json()
        assert first["library"]["pid"] != second["library"]["pid"]


def test_a_library_that_is_known_not_to_bear_a_fork_is_not_tried(start):
    app = APP.replace("import library", "import polars as library")
    with start(files={**FILES, "site_app.py": app}, libraries={"polars.py": LIBRARY}) as it:
        assert "polars" in it.warm_up()["denied"]
        first, second = it.next().json(), it.next().json()
        assert first["library"]["pid"] != second["library"]["pid"]


def test_a_library_that_needs_such_a_one_is_left_as_well_and_never_told_that_it_is_missing(start):
    library = (
        "try:\n    import polars\n    FACTS = {'found': True}\nexcept ImportError:\n    FACTS = {'found': False}\n"
    )
    with start(libraries={"polars.py": "", "library.py": library}) as it:
        assert "imports polars" in it.warm_up()["denied"]["library"]
        assert it.next().json()["library"] == {"found": True}


def test_a_library_that_ends_the_process_that_imports_it_is_found_out(start):
    library = LIBRARY + "import serve_warm_child\nif serve_warm_child.current is None:\n    os.abort()\n"
    with start(libraries={"library.py": library}) as it:
        assert "ends the process" in it.warm_up()["denied"]["library"]
        first, second = it.next().json(), it.next().json()
        assert first["library"]["pid"] != second["library"]["pid"]
        assert it.get(1).status == 200, "the old server lives on"


def test_a_library_is_imported_under_the_environment_that_the_code_makes(start):
    own = "import os\nos.environ['COLOR'] = 'red'\nTEXT = 'one'\n"
    with start(files={**FILES, "own.py": own}) as it:
        it.warm_up()
        warm_one = it.next().json()
        assert warm_one["library"]["color"] == "red"
        assert it.next().json()["library"] == warm_one["library"], "it is imported once"
        it.save("own.py", own.replace("red", "blue"))
        assert _until(it, lambda facts: facts["library"]["color"] == "blue")
        it.save("own.py", OWN)
        assert _until(it, lambda facts: facts["library"]["color"] is None)


def _until(it, true_of):
    """Fork once; the server may be begun anew by the runner before it answers for good."""
    number = it.fork()

    def asked():
        with contextlib.suppress(OSError, http.client.HTTPException, json.JSONDecodeError):
            return true_of(it.get(number).json())

    found = wait_for(asked, "the code's own environment")
    it.serve(number)
    return found


def test_a_variable_that_is_never_the_same_costs_two_cold_starts_and_no_more(start):
    own = "import os, time\nos.environ['STARTED'] = str(time.time())\nTEXT = 'one'\n"
    with start(files={**FILES, "own.py": own}) as it:
        it.warm_up()
        for _ in range(3):
            _until(it, bool)
        first, second = it.next().json(), it.next().json()
        assert first["library"]["pid"] == second["library"]["pid"]


def test_a_module_of_the_project_hides_a_library_of_its_name(start):
    with start() as it:
        it.warm_up()
        assert it.next().json()["library"]["color"] is None
        it.save("library.py", "FACTS = 'the own one'\n")
        assert it.next().json()["library"] == "the own one"
        (it.code / "library.py").unlink()
        assert it.next().json()["library"]["color"] is None


def test_what_a_run_has_learnt_the_next_one_begins_with(start):
    with start(modules=["library", "gone_since", "json"], denied={"bad": "starts threads"}) as it:
        first = it.get(1).json()
        it.warm_up()
        second = it.next().json()
        assert first["library"]["pid"] == second["library"]["pid"]


# What stays loaded.

LOADER = "import os\n\n\ndef load():\n    return {'pid': os.getpid()}\n"
LOADING = APP.replace("import own\n", "import own, loader\nMODEL = loader.load()\n").replace(
    '"pid": os.getpid()', '"model": MODEL'
)


@pytest.mark.parametrize("stack", [OLDEST, USUAL], ids=str)
def test_what_a_loader_returned_is_kept_until_its_module_changes(start, stack):
    with start(stack, files={**FILES, "site_app.py": LOADING, "loader.py": LOADER}, keep=["loader:load"]) as it:
        assert it.control.event("kept")["loader"] == "loader:load"
        first = it.get(1).json()["model"]
        it.warm_up()
        it.save("own.py", "TEXT = 'two'\n")
        second = it.next().json()
        assert (second["text"], second["model"]) == ("two", first)
        it.save("loader.py", LOADER + "# edited\n")
        third = it.next().json()["model"]
        assert third != first
        assert it.next().json()["model"] == third


def test_a_loader_that_fails_is_told_and_tried_again_with_the_next_code(start):
    files = {**FILES, "site_app.py": LOADING, "loader.py": LOADER}
    with start(files=files, keep=["loader:load"]) as it:
        it.warm_up()
        it.save("loader.py", LOADER.replace("return", "raise OSError('no file') or"))
        number = it.fork()
        assert "no file" in it.control.event("unkept")["why"]
        it.control.event("ended", number=number)
        it.save("loader.py", LOADER)
        it.control.events.clear()
        assert it.next().json()["model"] == it.next().json()["model"]


def test_a_loader_that_starts_a_thread_is_left_to_the_servers(start):
    loader = LOADER.replace(
        "    return",
        "    import threading\n    threading.Thread(target=threading.Event().wait, daemon=True).start()\n    return",
    )
    with start(files={**FILES, "site_app.py": LOADING, "loader.py": loader}, keep=["loader:load"]) as it:
        assert "starts threads" in it.control.event("unkept")["why"]
        it.warm_up()
        assert it.next().json()["model"] != it.next().json()["model"]


# Files.


@pytest.mark.parametrize("stack", [OLDEST, USUAL], ids=str)
def test_a_file_of_the_same_size_in_the_same_second_is_not_taken_for_the_one_before(start, stack):
    with start(stack) as it:
        it.warm_up()
        for text in ("aaa", "bbb", "ccc", "ddd"):
            it.save("own.py", f"TEXT = '{text}'\n")
            assert it.next().json()["text"] == text


def test_files_come_and_go_and_change_into_directories(start):
    with start() as it:
        (it.staging / "x").write_text("x")
        entry = {"mode": 0o755, "blob": "x"}
        write = it.control.ask
        assert write(do="write", written=[{"path": "a/b/c.txt", **entry}, {"path": "l", "link": "a"}], removed=[]) == {
            "id": 2
        }
        assert (it.code / "l" / "b" / "c.txt").read_text() == "x"
        assert os.access(it.code / "a/b/c.txt", os.X_OK)
        write(do="write", written=[{"path": "a", **entry}], removed=["a/b/c.txt", "l"])
        assert (it.code / "a").read_text() == "x"
        assert not (it.code / "l").exists()
        write(do="write", written=[{"path": "a/again.txt", **entry}], removed=["a"])
        assert (it.code / "a" / "again.txt").read_text() == "x"
        write(do="write", written=[], removed=["a/again.txt"])
        assert not (it.code / "a").exists()


def test_a_file_that_was_elsewhere_is_not_copied(start):
    """As many at once are when their directory was renamed."""
    with start() as it:
        for name in ("x", "y"):
            (it.staging / name).write_text(name)
        entry = {"mode": 0o644, "blob": "x"}
        write = it.control.ask
        assert "error" not in write(do="write", written=[{"path": "old/a.py", **entry}], removed=[])
        before = (it.code / "old/a.py").stat().st_ino
        moved = [{"path": "new/a.py", "was": "old/a.py", **entry}]
        assert "error" not in write(do="write", written=moved, removed=["old/a.py"])
        assert (it.code / "new/a.py").stat().st_ino == before
        assert not (it.code / "old").exists()
        (it.code / "new/a.py").write_text("an app's own")
        back = [{"path": "old/a.py", "was": "new/a.py", **entry}, {"path": "b.py", "was": "gone.py", **entry}]
        assert "error" not in write(do="write", written=back, removed=["new/a.py", "gone.py"])
        assert [(it.code / path).read_text() for path in ("old/a.py", "b.py")] == ["x", "x"]


def test_a_module_by_a_link_that_leads_elsewhere_now_is_compiled_anew(start):
    """Though the other file is of the same size and second; also by a link to that link."""
    with start() as it:
        for name in ("x", "y"):
            (it.staging / name).write_text(f"TEXT = '{name}'\n")
        files = [{"path": f"{name}.py", "mode": 0o644, "blob": name} for name in ("x", "y")]
        links = [{"path": "by.py", "link": "x.py"}, {"path": "own.py", "link": "by.py"}]
        outside = it.staging / "y"
        os.utime(outside, (1, 1))
        it.control.ask(do="write", written=[*files, *links, {"path": "out.py", "link": str(outside)}], removed=[])
        assert it.next().json()["text"] == "x"
        assert "error" not in it.control.ask(do="write", written=[{"path": "by.py", "link": "y.py"}], removed=[])
        assert it.next().json()["text"] == "y"
        assert outside.stat().st_mtime == 1


def test_where_one_file_cannot_be_written_none_is(start):
    with start() as it:
        (it.staging / "x").write_text("TEXT = 'x'\n")
        written = [
            {"path": "own.py", "mode": 0o644, "blob": "x"},
            {"path": "other.py", "mode": 0o644, "blob": "missing"},
        ]
        assert it.control.ask(do="write", written=written, removed=["site_app.py"])["error"]
        assert sorted(path.name for path in it.code.glob("*.py*")) == ["own.py", "site_app.py"]
        assert (it.code / "own.py").read_text() == OWN


def test_a_package_that_is_removed_cannot_be_imported_any_more(start):
    app = APP.replace(
        "import own\n",
        "import own\ntry:\n    import package\n    own.TEXT = package.__file__\n"
        "except ImportError:\n    own.TEXT = 'gone'\n",
    )
    with start(files={**FILES, "site_app.py": app, "package/__init__.py": ""}) as it:
        it.warm_up()
        assert it.next().json()["text"].endswith("package/__init__.py")
        it.control.ask(do="write", written=[], removed=["package/__init__.py"])
        assert it.next().json()["text"] == "gone"


# Ends.


def test_k2_the_container_ends_with_the_server_that_serves_and_with_its_code(start):
    """K2: whoever starts containers anew sees the exit that the server alone would have had."""
    app = APP.replace("start_response(", "environ['QUERY_STRING'] and os.kill(os.getppid(), 9)\n    start_response(")
    with start(files={**FILES, "site_app.py": app}) as it:
        it.warm_up()
        number = it.fork()
        it.get(number)
        it.serve(number)
        with contextlib.suppress(OSError, http.client.HTTPException):
            it.server.get(VERSION, "/?end", port=it.ports[number])
        assert it.server.wait() == 128 + signal.SIGKILL


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_reaches_every_server_and_the_exit_code_is_the_serving_ones(start, number):
    with start() as it:
        it.warm_up()
        it.get(it.fork())
        it.server.process.send_signal(number)
        assert it.server.wait() == 0


def test_nobody_without_the_token_is_heard(start):
    with start() as it:
        port = json.loads((it.code.parent / "runner" / "serve_warm.json").read_text())["control"]
        with pytest.raises((AssertionError, ConnectionError), match=r"hung up|reset|Broken pipe"):
            Control(port, "another token")
        wait_for(lambda: it.control.ask(do="where", number=1)["stacks"], "the connection to be heard still")

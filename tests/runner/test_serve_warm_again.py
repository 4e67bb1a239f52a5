"""What code finds in a forked server, and what it does to start itself or others again, is as without a runner."""

import contextlib
import json
import subprocess

import pytest

from tests.runner.stacks import NEWEST, OLDEST, USUAL, UVICORN, python_of
from tests.runner.warm import VERSION, warm

#: Answers by HTTP with what a process can know of how it was started.
FACTS = """\
import http.server, json, os, signal, sys

def seen():
    main = vars(sys.modules["__main__"])
    return {
        "argv": sys.argv,
        "orig_argv": getattr(sys, "orig_argv", None),
        "executable": sys.executable,
        "flags": repr(sys.flags),
        "path": sys.path,
        "directory": os.getcwd(),
        "streams": [(s.name, s.encoding, s.errors, s.line_buffering, type(s.buffer).__name__) for s in STREAMS],
        "kept": [s is t for s, t in zip(STREAMS, (sys.__stdin__, sys.__stdout__, sys.__stderr__))],
        "signals": {str(n): repr(signal.getsignal(n)) for n in (2, 13, 15, 1, 17)},
        "main": {name: repr(main[name]).split(" at 0x")[0] for name in sorted(main) if name.startswith("__")},
        "library": __import__("library").ARGV,
    }


STREAMS = (sys.stdin, sys.stdout, sys.stderr)


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps(seen()).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    if os.environ.get("ALONE"):
        print(json.dumps(seen()))
    else:
        http.server.HTTPServer(("0.0.0.0", int(os.environ["VALOHAI_PORT"])), Handler).serve_forever()
"""
LIBRARY = "import sys\nARGV = list(sys.argv)\n"


@pytest.fixture
def start(runner, tmp_path):
    """Start a command under the runner; a first word ``python`` is the stack's."""

    @contextlib.contextmanager
    def start(command, files, stack=USUAL, libraries=(), **settings):
        python = python_of(stack)
        words = [str(python) if word == "python" else word for word in command]
        with warm(runner, tmp_path, words, python, files, libraries or {"library.py": LIBRARY}, **settings) as it:
            yield it

    return start


@pytest.mark.parametrize("stack", [OLDEST, UVICORN, USUAL, NEWEST], ids=str)
@pytest.mark.parametrize(
    "command",
    [
        ["python", "facts.py", "--flag", "x"],
        ["python", "-u", "facts.py"],
        ["python", "-m", "facts", "--flag"],
        ["python", "-m", "package"],
        ["./facts-script", "x"],
    ],
    ids=lambda words: " ".join(words[1:] or words),
)
def test_a_fork_finds_what_a_process_of_its_own_would(start, stack, command):
    python = python_of(stack)
    script = f"#!{python}\n{FACTS}"
    files = {"facts.py": FACTS, "facts-script": script, "package/__init__.py": "", "package/__main__.py": FACTS}
    with start(["command", *command], files, stack) as it:
        it.warm_up()
        number = it.fork()
        found = it.get(number).json()
        alone = subprocess.run(
            [str(python) if word == "python" else word for word in command],
            cwd=it.code,
            env={**it.server.environment, "ALONE": "1"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=True,
            text=True,
        )
        expected = json.loads(alone.stdout)
        if "-m" in command:  # where that leads is known to nobody before it runs
            expected["library"][0] = "-m"
        assert found == expected


# Processes that the code starts.

#: Has a process of its own kind do some work, by each way that the standard library has.
SPAWNING = """\
import concurrent.futures, json, multiprocessing, sys
import work


def results(method):
    context = multiprocessing.get_context(method)
    pool = context.Pool(1)
    pooled = pool.apply(work.double, (2,))
    pool.close()  # to be terminated is what Gunicorn's workers, and so their forks, do not hear of
    pool.join()
    if sys.version_info < (3, 7):
        return [pooled, pooled]
    with concurrent.futures.ProcessPoolExecutor(1, mp_context=context) as pool:
        return [pooled, pool.submit(work.double, 2).result()]


def app(environ, start_response):
    answer = {method: results(method) for method in ("spawn", "forkserver", "fork")}
    answer["main"] = getattr(sys.modules["__main__"], "__file__", None)
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(answer).encode()]


if __name__ == "__main__":
    import os
    from wsgiref.simple_server import make_server

    make_server("0.0.0.0", int(os.environ["VALOHAI_PORT"]), app).serve_forever()
"""
WORK = "def double(number):\n    return 2 * number\n"
ALL_DONE = {"spawn": [4, 4], "forkserver": [4, 4], "fork": [4, 4]}


@pytest.mark.parametrize("stack", [OLDEST, UVICORN, USUAL, NEWEST], ids=str)
@pytest.mark.parametrize("command", [["wsgi", "spawning:app"], ["command", "python", "spawning.py"]], ids=str)
def test_processes_that_are_spawned_import_what_they_would_without_the_runner(start, stack, command):
    with start(command, {"spawning.py": SPAWNING, "work.py": WORK}, stack) as it:
        it.warm_up()
        answer = it.next().json()
        main = python_of(stack).parent / "gunicorn" if command[0] == "wsgi" else it.code / "spawning.py"
        assert it.code / answer.pop("main") == main
        assert answer == ALL_DONE


@pytest.mark.parametrize("stack", [OLDEST, USUAL], ids=str)
def test_processes_are_spawned_without_a_warm_master_too(serve, tmp_path, stack):
    """As ``vhlocal build`` and ``--no-reload`` serve."""
    (tmp_path / "spawning.py").write_text(SPAWNING)
    (tmp_path / "work.py").write_text(WORK)
    with serve(stack, "spawning:app", tmp_path) as server:
        answer = server.get(VERSION).json()
        assert answer.pop("main") == str(python_of(stack).parent / "gunicorn")
        assert answer == ALL_DONE

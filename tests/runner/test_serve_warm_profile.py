"""What the runner measures of a start, on real Pythons and Gunicorns from the oldest on."""

import contextlib
import importlib.util
import sys
import time

import pytest

from tests.runner.stacks import NEWEST, OLDEST, USUAL, python_of
from tests.runner.warm import warm
from vhlocal.runner import serve_warm_profile

SLOW, SLOWER = 0.1, 0.2

APP = """\
import library
import own


def app(environ, start_response):
    import late
    start_response("200 OK", [("Content-Type", "application/json")])
    return [str(library.PID).encode()]
"""
SCRIPT = """\
import http.server, os
import library
import own


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        import late
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"{}")


http.server.HTTPServer(("0.0.0.0", int(os.environ["VALOHAI_PORT"])), Handler).serve_forever()
"""
FILES = {
    "site_app.py": APP,
    "script.py": SCRIPT,
    "own.py": f"import time\ntime.sleep({SLOWER})\n",
    "broken.py": "import breaks\n",
    "breaks.py": "1 / 0\n",
}
LIBRARIES = {
    "library/__init__.py": f"import os, time\nfrom library import inner\nPID = os.getpid()\ntime.sleep({SLOW})\n",
    "library/inner.py": f"import time\ntime.sleep({SLOWER})\n",
    "late.py": "",
}


@pytest.fixture
def start(runner, tmp_path):
    @contextlib.contextmanager
    def start(stack, command, **settings):
        with warm(runner, tmp_path, command, python_of(stack), FILES, LIBRARIES, **settings) as it:
            yield it

    return start


def command_of(stack, kind):
    return ["wsgi", "site_app:app"] if kind == "wsgi" else ["command", str(python_of(stack)), "script.py"]


@pytest.mark.parametrize("kind", ["wsgi", "script"])
@pytest.mark.parametrize("stack", [OLDEST, USUAL, NEWEST], ids=str)
def test_each_import_is_measured_by_itself_and_with_what_it_imports(start, stack, kind):
    with start(stack, command_of(stack, kind), profile=True) as it:
        it.get(1)
        birth = it.control.ask(do="birth", number=1)
        before, since = ({name: facts for name, *facts in part} for part in birth["imports"])
        by_itself, with_others, importer, mine = before["library"]
        assert by_itself >= SLOW
        assert with_others - by_itself == pytest.approx(before["library.inner"][1], abs=1e-3)
        assert not mine
        assert importer == ("site_app" if kind == "wsgi" else "")
        assert before["library.inner"][2] == "library"
        assert before["library.inner"][0] >= SLOWER
        assert before["own"][3] is True
        assert "late" in since and "late" not in before
        assert birth["forked"] > birth["loaded"] > 0
        assert birth["forked"] - birth["loaded"] >= SLOW + 2 * SLOWER


def test_nothing_is_imported_beforehand_for_a_start_that_is_measured(start):
    """It is for the servers after it."""
    with start(USUAL, ["wsgi", "site_app:app"], profile=True, modules=["library"]) as it:
        assert it.warm_up()["modules"].count("library") == 1
        assert "library" in [name for name, *_ in it.control.ask(do="birth", number=1)["imports"][0]]
        first, second, third = it.get(1).json(), it.next().json(), it.next().json()
        assert first != second == third, "the servers after it find it imported"
        assert it.control.ask(do="birth", number=it.number)["imports"] == [[], []]


def test_without_it_only_the_moments_are_told(start):
    with start(USUAL, ["wsgi", "site_app:app"]) as it:
        it.get(1)
        birth = it.control.ask(do="birth", number=1)
        assert birth["imports"] == [[], []]
        assert birth["forked"] > birth["loaded"] > 0


@pytest.mark.parametrize("profile", [True, False])
def test_a_traceback_is_what_it_is_without(runner, tmp_path, profile):
    """Neither the runner's frames stand in it nor more of Python's own."""
    python = python_of(USUAL)
    with warm(runner, tmp_path, ["wsgi", "broken:app"], python, FILES, LIBRARIES, profile=profile) as it:
        it.server.wait_for_line("could not be loaded")
    frames = [line.strip() for line in it.server.output if line.strip().startswith("File ")]
    assert [frame.rpartition("/")[2] for frame in frames] == [
        'broken.py", line 1, in <module>',
        'breaks.py", line 1, in <module>',
    ]


class Finder:
    """Has each module of the path measured."""

    def __init__(self, stopwatch):
        self.stopwatch = stopwatch

    def find_spec(self, name, path=None, target=None):
        began = time.perf_counter()
        for finder in sys.meta_path:
            spec = None if finder is self else finder.find_spec(name, path, target)
            if spec is not None:
                self.stopwatch.measure(spec, began, False)
                return spec
        return None


@pytest.fixture
def measured(tmp_path, monkeypatch):
    """What is told of imports from a directory, and the directory."""
    told = []
    finder = Finder(serve_warm_profile.Stopwatch(told.append, 500))
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "meta_path", [finder, *sys.meta_path])
    return told, tmp_path


def test_a_module_is_left_as_python_itself_leaves_it(measured):
    told, directory = measured
    (directory / "left_as_it_is.py").write_text("STATE = __spec__._initializing\n")
    module = importlib.import_module("left_as_it_is")
    assert module.STATE is True
    assert type(module.__spec__) is type(sys.__spec__)
    assert not [name for name in vars(module.__spec__) if "vhlocal" in name]
    assert told[0][0][0] == "left_as_it_is"


def test_an_import_that_fails_has_ended(measured):
    told, directory = measured
    (directory / "that_fails.py").write_text("1 / 0\n")
    (directory / "that_bears_it.py").write_text("try:\n    import that_fails\nexcept ZeroDivisionError:\n    pass\n")
    importlib.import_module("that_bears_it")
    assert [(name, importer) for name, _, _, importer, _ in told[0]] == [
        ("that_fails", "that_bears_it"),
        ("that_bears_it", ""),
    ]


def test_an_import_that_never_began_does_no_harm(measured):
    """Whoever finds a module need not import it."""
    told, directory = measured
    (directory / "never_begun.py").write_text("")
    spec = importlib.util.find_spec("never_begun")
    setattr(spec, "_initializing", False)  # noqa: B010 - of no public module
    assert type(spec) is type(sys.__spec__)
    assert told == []


def test_many_are_told_in_pieces(measured):
    told, directory = measured
    for number in range(30):
        (directory / f"part_{number}.py").write_text("")
    (directory / "of_parts.py").write_text("".join(f"import part_{number}\n" for number in range(30)))
    importlib.import_module("of_parts")
    assert len(told) > 1
    assert sum(len(piece) for piece in told) == 31

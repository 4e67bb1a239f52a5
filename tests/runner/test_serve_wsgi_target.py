"""How a target is found, which kind it is, and what is printed when it cannot be served."""

import pytest

from tests.runner.served import VERSION
from tests.runner.stacks import NEWEST, OLDEST, USUAL

BOTH = pytest.mark.parametrize("stack", [OLDEST, NEWEST], ids=str)

SITE = """
def named(name):
    def site(environ, start_response):
        start_response("200 OK", [("Content-Length", str(len(name)))])
        return [name.encode()]
    return site
"""


def write(directory, files):
    for name, text in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return directory


@BOTH
@pytest.mark.parametrize(
    ("target", "files", "expected"),
    [
        ("server:site", {"server.py": "from site_of import *\nsite = named('site')"}, "site"),
        ("server:named('made')", {"server.py": "from site_of import *"}, "made"),
        ("server", {"server.py": "from site_of import *\napp = named('app')\napplication = named('first')"}, "first"),
        ("server", {"server.py": "from site_of import *\napp = named('app')"}, "app"),
        ("server.site", {"server.py": "from site_of import *\nsite = named('attribute')"}, "attribute"),
        ("pack.server", {"pack/server.py": "from site_of import *\napp = named('module')"}, "module"),
        ("pack.server.site", {"pack/server.py": "from site_of import *\nsite = named('deep')"}, "deep"),
        (
            "pack.app",
            {"pack/__init__.py": "app = None", "pack/app.py": "from site_of import *\napp = named('in')"},
            "in",
        ),
    ],
)
def test_forms_of_a_target_r4(serve, tmp_path, stack, target, files, expected):
    """R4: with a callable, a factory, a bare module, and the page's ``module.app``."""
    write(tmp_path, {"site_of.py": SITE, **files})
    with serve(stack, target, tmp_path) as server:
        assert server.get(VERSION, "/").body.decode() == expected


def test_a_bare_app_is_served_and_reported_r4(serve, tmp_path):
    """R4: Gunicorn alone would not find ``app``, and the log says so."""
    write(tmp_path, {"server.py": SITE + "app = named('app')"})
    with serve(USUAL, "server", tmp_path) as server:
        line = server.wait_for_line("Gunicorn alone would not find it")
    assert "write server:app" in line


@BOTH
@pytest.mark.parametrize(
    ("target", "text", "reason", "trace"),
    [
        ("server:app", "\nimport absent_library", "No module named 'absent_library'", 'server.py", line 2'),
        ("server.app", "\nimport absent_library", "No module named 'absent_library'", 'server.py", line 2'),
        ("server:app", "\n1 / 0", "ZeroDivisionError: division by zero", 'server.py", line 2'),
        ("server:app", "\ndef broken(:", "SyntaxError: invalid syntax", 'server.py", line 2'),
        (
            "server:app",
            "import sys; sys.exit(0)",
            "the code ended the process while it was imported (exit 0)",
            "line 1",
        ),
        ("server:make()", "def make():\n    return {}['x']", "KeyError: 'x'", 'server.py", line 2'),
        ("server:app", "", "Failed to find attribute 'app' in 'server'", ""),
        ("server", "", "server has neither `application` nor `app`; write server:NAME", ""),
        ("server.app", "", "there is no module server.app, and server has no `app`", ""),
        ("server.app", "app = 1", "`app` of server is not callable", ""),
        ("server:app", "app = 1", "Application object must be callable.", ""),
        ("absent:app", "", "No module named 'absent'", ""),
        ("absent.app", "", "No module named 'absent'", ""),
        ("server.py:app", "", "it names a file; write the module instead: server:app", ""),
    ],
)
def test_what_cannot_be_loaded_is_explained_r4(serve, tmp_path, stack, target, text, reason, trace):
    """R4: the user's own traceback, then one line with the reason, and exit 3."""
    write(tmp_path, {"server.py": text})
    with serve(stack, target, tmp_path, wait=False) as server:
        line = server.wait_for_line(f"wsgi: {target} could not be loaded: ")
        assert reason in line
        assert server.wait() == 3
    printed = "\n".join(server.output)
    assert trace in printed
    assert ("Traceback" in printed) == (bool(trace) and "SyntaxError" not in reason)
    assert "serve_wsgi" not in printed.replace("serve_wsgi_worker.SyncOrAsgi", "")
    assert "importlib" not in printed


def test_a_failed_preload_ends_at_once_too_r4(serve, tmp_path):
    """R4: with the user's ``preload_app`` the master imports, and the message is the same."""
    write(tmp_path, {"server.py": "import absent_library", "gunicorn.conf.py": "preload_app = True"})
    with serve(USUAL, "server:app", tmp_path, wait=False) as server:
        server.wait_for_line("wsgi: server:app could not be loaded: ModuleNotFoundError")
        assert server.wait() == 3


@pytest.mark.parametrize("target", ["--help", ""])
def test_what_is_no_target_is_refused(serve, tmp_path, target):
    with serve(USUAL, target, tmp_path, wait=False) as server:
        assert server.wait() != 0


def test_a_callable_of_three_arguments_is_asgi_r5(serve):
    """R5: a function that returns a coroutine is recognised by its arguments."""
    with serve(USUAL, "bare_site:plain_asgi") as server:
        assert server.get(VERSION, "/x").json() == {"root_path": VERSION, "path": VERSION + "/x"}


def test_a_factory_with_arguments_r4(serve):
    """R4: Gunicorn's factory calls work, with literals as arguments."""
    with serve(USUAL, "bare_site:make('hello', loud=True)") as server:
        assert server.get(VERSION, "/").body == b"HELLO"

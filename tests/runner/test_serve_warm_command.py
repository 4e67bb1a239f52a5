"""Which commands are Python that can be forked: scripts as installers write them."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.runner.stacks import interpreter
from tests.runner.warm import warm
from vhlocal.runner import serve_warm_command

#: A package with a command that serves what the code's directory has to say.
SERVED = """\
import os, sys, wsgiref.simple_server


def main():
    sys.path.insert(0, os.getcwd())
    from own import TEXT

    def app(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [(TEXT + " " + sys.argv[0]).encode()]

    wsgiref.simple_server.make_server("127.0.0.1", int(os.environ["VALOHAI_PORT"]), app).serve_forever()
"""
WHEEL = {
    "served.py": SERVED,
    "served-1.dist-info/METADATA": "Metadata-Version: 2.1\nName: served\nVersion: 1\n",
    "served-1.dist-info/WHEEL": "Wheel-Version: 1.0\nGenerator: by hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    "served-1.dist-info/entry_points.txt": "[console_scripts]\nserved = served:main\n",
    "served-1.dist-info/RECORD": "",
}

#: Longer than what Linux takes as a first line.
LONG = "x" * 130


@pytest.fixture
def installed(tmp_path):
    """Have ``pip`` or ``uv`` install the package into an environment of this name, and return its command."""

    def install(by, name, *options):
        wheel, home = tmp_path / "served-1-py3-none-any.whl", tmp_path / name
        with zipfile.ZipFile(wheel, "w") as archive:
            for path, text in WHEEL.items():
                archive.writestr(path, text)
        python = home / "bin" / "python"
        run = [sys.executable, "-m"]
        subprocess.run([*run, "uv", "-q", "venv", "-p", interpreter("3.11"), *options, home], check=True)
        into = ["uv", "-q", "pip", "install", "--python"] if by == "uv" else ["pip", "-q", "--python"]
        rest = [wheel, "--no-index", "--no-deps"]
        subprocess.run([*run, *into, python, *([] if by == "uv" else ["install"]), *rest], check=True)
        return home / "bin" / "served"

    return install


@pytest.mark.parametrize(
    ("by", "name", "options"),
    [
        ("uv", "short", ()),
        ("uv", LONG, ()),
        ("uv", "with a space", ()),
        ("uv", "moved 'about'", ("--relocatable",)),
        ("pip", LONG, ()),
        ("pip", "with a space", ()),
    ],
    ids=["uv", "uv-long", "uv-space", "uv-relocatable", "pip-long", "pip-space"],
)
def test_a_script_that_an_installer_has_written_is_its_environment_s_python(installed, by, name, options):
    script = installed(by, name, *options)
    begin = "#!" if name == "short" else "#!/bin/sh\n'''exec' "
    assert script.read_text().startswith(begin)
    main = serve_warm_command.main_of([str(script), "--port", "1"])
    assert (main.kind, main.target, main.arguments) == ("file", str(script), ["--port", "1"])
    assert Path(main.interpreter).parent == script.parent, "its own environment's, not what that leads to"
    assert main.words == [main.interpreter, str(script), "--port", "1"]


PYTHON = sys.executable


@pytest.mark.parametrize(
    ("text", "python"),
    [
        (f"#!/bin/sh\n'''exec' \"{PYTHON}\" \"$0\" \"$@\" #'''\n", True),
        (f"#!/bin/sh\n'''exec' {PYTHON} -E \"$0\" \"$@\"\n' '''\n", False),
        (f'#!/bin/sh\nexec {PYTHON} "$0" "$@"\n', False),
        (f"#!/bin/sh\n'''exec' {PYTHON} other.py \"$@\"\n' '''\n", False),
        ("#!/bin/sh\n'''exec' /bin/cat \"$0\" \"$@\"\n' '''\n", False),
        ("#!/bin/sh\n'''exec' /nowhere/bin/python \"$0\" \"$@\"\n' '''\n", False),
        (f"#!/bin/sh\n'''exec' \"{PYTHON} \"$0\" \"$@\n", False),
        ("#!/bin/sh\necho one\n", False),
        ("#!/bin/sh", False),
    ],
    ids=["conda", "options", "shell", "another script", "no Python", "gone", "unclosed", "script", "one line"],
)
def test_only_a_shell_that_becomes_python_without_a_word_more_is_python(tmp_path, text, python):
    """As conda writes it where its prefix is long; and what merely looks like it."""
    script = tmp_path / "served"
    script.write_text(text)
    script.chmod(0o755)
    main = serve_warm_command.main_of([str(script)])
    assert (main is not None) is python
    if main is not None:
        assert main.interpreter == PYTHON


def test_the_command_of_an_environment_with_a_long_path_is_forked_and_led_to_its_port(runner, tmp_path, installed):
    script = installed("uv", LONG)
    files = {"own.py": "TEXT = 'one'\n"}
    place = tmp_path / "place"
    with warm(runner, place, ["command", str(script)], interpreter("3.11"), files) as it:
        assert it.get(1).body.decode() == f"one {script}"
        it.serve(1)
        it.save("own.py", "TEXT = 'two'\n")
        assert it.next().body.decode() == f"two {script}"

"""Which commands the runner can start, checked against a real shell."""

import subprocess
import sys

import pytest

from vhlocal.model import Endpoint
from vhlocal.reload.command import warm_command

#: Stands for the runner: prints what it was asked to start.
RUNNER = "import os, sys\nprint(sys.argv[1:], os.environ.get('COLOR'), os.path.basename(os.getcwd()))\n"


@pytest.fixture
def place(tmp_path):
    (tmp_path / "bin").mkdir()
    (tmp_path / "src").mkdir()
    (tmp_path / "bin" / "python").symlink_to(sys.executable)
    (tmp_path / "serve_warm.py").write_text(RUNNER)
    return tmp_path


def run(place, *lines, path="bin"):
    command = warm_command(Endpoint("e", "image", 8000, server_command=lines))
    assert command is not None
    shell = [part.replace("/valohai/runner/", f"{place}/") for part in command]
    environment = {"PATH": f"{place / path}:/usr/bin:/bin", "HOME": str(place), "VALOHAI_PORT": "8000"}
    return subprocess.run(shell, cwd=place, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("line", "started"),
    [
        ("python serve.py", "['command', 'python', 'serve.py'] None"),
        ("exec python serve.py", "['command', 'python', 'serve.py'] None"),
        ("COLOR=green python serve.py", "['command', 'python', 'serve.py'] green"),
        ("COLOR='a b' exec python serve.py", "['command', 'python', 'serve.py'] a b"),
        ("python serve.py --port $VALOHAI_PORT", "['command', 'python', 'serve.py', '--port', '8000'] None"),
        ("python -c 'print(1); print(\"x\")'", "['command', 'python', '-c', 'print(1); print(\"x\")'] None"),
        ("cd src && python main.py", "['command', 'python', 'main.py'] None src"),
        ("true; python main.py", "['command', 'python', 'main.py'] None"),
    ],
)
def test_r2_the_shell_does_its_part_and_the_runner_gets_the_rest(place, line, started):
    """R2: variables, quotes and earlier commands are the shell's."""
    assert run(place, line).stdout.startswith(started)


def test_r2_a_home_directory_is_found_by_the_shell(place):
    """R2, B3: ``~`` is the shell's."""
    assert f"'{place}/.local/bin/uvicorn'" in run(place, "~/.local/bin/uvicorn m:app").stdout


def test_r2_the_first_failing_line_ends_it(place):
    """R2: of several lines."""
    done = run(place, "echo before", "false", "python serve.py")
    assert (done.stdout, done.returncode) == ("before\n", 1)


def test_an_image_without_python_runs_the_command_itself(place):
    (place / "none").mkdir()
    for tool in ("sh", "echo"):
        (place / "none" / tool).symlink_to(f"/bin/{tool}")
    shell = [part for part in warm_command(Endpoint("e", "i", 8000, server_command=("echo plain",))) or ()]
    done = subprocess.run(shell, env={"PATH": str(place / "none")}, capture_output=True, text=True, check=False)
    assert done.stdout == "plain\n"


@pytest.mark.parametrize(
    "line",
    [
        "python serve.py | tee log",
        "python serve.py &",
        "python serve.py > log",
        "(python serve.py)",
        "while true; do python serve.py; done",
        "if true; then python serve.py; fi",
        "python serve.py || true",
        "python $(echo serve.py)",
        "cd src",
        "A=1",
        "python serve.py  # the server",
    ],
)
def test_what_is_no_single_command_at_its_end_is_left_to_the_shell_alone(line):
    assert warm_command(Endpoint("e", "image", 8000, server_command=(line,))) is None


def test_r4_a_wsgi_endpoint_has_a_runner_always():
    """R4: Gunicorn is started by it."""
    command = warm_command(Endpoint("e", "image", 8000, wsgi="app:app"))
    assert command is not None
    assert command[-1].endswith("serve_warm.py wsgi app:app")
    assert command[0] == "sh"

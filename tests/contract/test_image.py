import subprocess

import pytest

from vhlocal.contract.image import (
    CODE_DIRECTORY,
    GUNICORN,
    METADATA_PATHS,
    requirements_file,
    requirements_install,
    server_command,
)
from vhlocal.model import Endpoint


def endpoint(*lines):
    return Endpoint("aa", "python:3.11", 8000, server_command=lines)


@pytest.mark.parametrize(
    ("packaged", "expected"),
    [
        (("app.py", "requirements.txt", "requirements-deployment.txt"), "requirements-deployment.txt"),
        (("requirements.txt", "sub/requirements-deployment.txt"), "requirements.txt"),
        (("app.py",), None),
    ],
)
def test_the_deployment_s_requirements_come_first(packaged, expected):
    """B2: requirements-deployment.txt, or requirements.txt where the first is absent."""
    assert requirements_file(packaged) == expected


def test_requirements_are_installed_for_the_user():
    """B2: pip install --user."""
    assert str(requirements_install("my requirements.txt")) == "pip install --user -r 'my requirements.txt'"


def test_the_code_s_directory_holds_one_copy_of_the_metadata():
    """B6, B7: both documented paths."""
    assert CODE_DIRECTORY == "/valohai/code"
    assert METADATA_PATHS == ("/valohai/code/valohai-metadata.json", "/valohai/valohai-metadata.json")


@pytest.mark.parametrize(
    ("lines", "output", "code"),
    [
        (("echo one; echo two",), "one\ntwo\n", 0),
        (("echo one", "echo two"), "one\ntwo\n", 0),
        (("echo one", "false", "echo two"), "one\n", 1),
        (("cd /", "pwd"), "/\n", 0),
        (("echo one\nfalse\necho two",), "one\ntwo\n", 0),
        (("definitely-not-a-command",), "", 127),
    ],
)
def test_the_lines_run_in_one_shell_and_the_first_failure_ends_them(lines, output, code):
    """R2: a string or a list of lines, run by a shell; B3: a command that is not found is 127."""
    result = subprocess.run(server_command(endpoint(*lines)), capture_output=True, text=True, check=False)
    assert (result.stdout, result.returncode) == (output, code)


def test_wsgi_is_served_by_the_runner_under_either_name_of_python():
    """R4: production sets up Gunicorn."""
    command = server_command(Endpoint("aa", "python:3.11", 8000, wsgi="my app:app"))
    assert command[:2] == ["sh", "-c"]
    assert "python3" in command[2]
    assert command[2].endswith("/valohai/runner/serve_wsgi.py 'my app:app'")


def test_gunicorn_is_installed_only_where_it_is_missing():
    """R4: an image or requirements that bring Gunicorn keep theirs."""
    line = str(GUNICORN).replace("pip install --user gunicorn", "echo missing").replace("gunicorn", "json")
    assert subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=True).stdout == ""
    line = line.replace("json", "no_such_module")
    assert subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=True).stdout == "missing\n"

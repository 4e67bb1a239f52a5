"""What people type first: no command at all, a wrong one, the URL of an endpoint, all runs, completion."""

from __future__ import annotations

import json
import signal
import subprocess

import pytest

from tests.cli.projects import plain
from tests.command import COMMAND, Running
from tests.test_schemas import validator
from tests.waiting import free_port, wait_for


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("chekc", "check"), ("stop", "down"), ("serve", "up"), ("status", "ps"), ("list", "ls"), ("doctor", "check")],
)
def test_a_command_that_there_is_not_is_refused_with_the_one_that_is_meant(vhlocal, typed, meant):
    done = vhlocal(typed)
    assert done.returncode == 2
    assert done.stderr.endswith(f"Error: No such command '{typed}'. Did you mean `{meant}`?\n")


@pytest.mark.parametrize(("typed", "meant"), [("rm", "remove"), ("ls", "list"), ("ad", "add")])
def test_a_command_of_version_that_there_is_not_is_refused_with_the_one_that_is_meant(vhlocal, typed, meant):
    done = vhlocal("version", typed)
    assert done.returncode == 2
    assert done.stderr.endswith(f"Error: No such command '{typed}'. Did you mean `{meant}`?\n")


def test_a_command_like_none_is_refused(vhlocal):
    done = vhlocal("frobnicate")
    assert (done.returncode, done.stderr.splitlines()[-1]) == (2, "Error: No such command 'frobnicate'.")


def test_vhlocal_alone_tells_the_next_step(vhlocal, project, tmp_path):
    outside = vhlocal(cwd=tmp_path)
    assert (outside.returncode, outside.stderr) == (0, "")
    assert outside.stdout.startswith("No valohai.yaml in this directory or above.")
    assert "  - endpoint:\n      name: greet\n" in outside.stdout
    directory = project(plain(**{"src/api.py": ""}))
    inside = vhlocal(cwd=directory / "src")
    assert (inside.returncode, inside.stderr) == (0, "")
    assert inside.stdout.startswith(f"Project: {directory}\n\n  vhlocal up ")
    assert inside.stdout.endswith("\nAll commands: vhlocal --help\n")


def test_commands_find_the_project_above_and_name_it(vhlocal, project):
    directory = project(plain(**{"src/api.py": ""}))
    done = vhlocal("check", "--json", cwd=directory / "src")
    assert (done.returncode, done.stderr) == (0, f"Project: {directory}\n")
    assert json.loads(done.stdout)["findings"] == []
    there = vhlocal("check", cwd=directory)
    assert (there.returncode, there.stderr) == (0, "")


def test_a_directory_that_is_named_is_taken_as_it_is(vhlocal, project):
    directory = project(plain(**{"src/api.py": ""}))
    done = vhlocal("check", "-C", str(directory / "src"))
    assert done.returncode == 2
    assert f"there is no valohai.yaml in {directory}/src\n" in done.stderr


def test_a_run_is_found_by_its_url_and_in_the_list_of_all(vhlocal, project, tmp_path):
    directory = project(plain(**{"src/api.py": ""}))
    assert vhlocal("ls").stdout == "Nothing is running\n"
    assert json.loads(vhlocal("ls", "--json").stdout) == {"shape": 1, "runs": []}
    run = Running(vhlocal, directory, free_port(), ("--runtime", "process"), tmp_path / "up.log")
    try:
        run.wait_for_state("ready")
        wait_for(lambda: vhlocal.record(directory).ready, "the run to be called ready", 60)
        _, *rows = vhlocal("ls").stdout.splitlines()
        assert [row.split() for row in rows] == [[str(directory), run.base_url, run_version(vhlocal), "ready"]]
        printed = json.loads(vhlocal("ls", "--json").stdout)
        validator("runs").validate(printed)
        (listed,) = printed["runs"]
        assert (listed["directory"], listed["pid"]) == (str(directory), run.process.pid)
        assert "token" not in listed
        inside = directory / "src"
        assert vhlocal("url", "plain", cwd=inside).stdout == run.url("plain").rstrip("/") + "\n"
        assert vhlocal("url", "--alias", "dev", cwd=inside).stdout == run.url("plain", "dev").rstrip("/") + "\n"
        called = vhlocal("call", cwd=inside)
        assert called.stdout == vhlocal("call", "plain", cwd=inside).stdout
        assert "\n200 OK · " in called.stderr
        for arguments, message in (
            (("plane",), "no endpoint `plane` is running\n  hint: did you mean `plain`?"),
            (
                ("plain", "--alias", "deb"),
                f"`plain` is not served under `deb`\n  hint: did you mean `dev`? There are {run_version(vhlocal)}, dev",
            ),
        ):
            wrong = vhlocal("url", *arguments, cwd=directory)
            assert (wrong.returncode, wrong.stdout, wrong.stderr) == (2, "", f"error: {message}\n")
        told = json.loads(vhlocal("ps", "--json", cwd=directory).stdout)
        validator("endpoints").validate(told)
        assert (told["shape"], told["page"]) == (1, vhlocal("ps", "--link", cwd=directory).stdout.partition("#")[0])
        assert vhlocal(cwd=inside).stdout.startswith(
            f"Project: {directory}, running at {run.base_url}\n\n  vhlocal ps "
        )
        # The yaml may be broken or gone: what runs is found all the same.
        (directory / "valohai.yaml").unlink()
        assert vhlocal("down", cwd=inside).stdout == f"Stopped the run at {run.base_url}\n"
    finally:
        run.stop()


def run_version(vhlocal) -> str:
    """Return the version of the only run."""
    (listed,) = json.loads(vhlocal("ls", "--json").stdout)["runs"]
    return str(listed["version"])


def test_url_needs_a_run(vhlocal, project):
    directory = project(plain())
    done = vhlocal("url", cwd=directory)
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: nothing is running for the project in {directory}\n")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_a_script_of_its_own(vhlocal, shell):
    done = vhlocal("completion", shell)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"_VHLOCAL_COMPLETE={shell}_complete" in done.stdout


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (("vhlocal", "co"), ["plain,completion"]),
        (("vhlocal", "logs", "pl"), ["plain,plain"]),
        (("vhlocal", "url", "--al"), ["plain,--alias"]),
    ],
)
def test_commands_endpoints_and_options_are_completed(vhlocal, project, words, found):
    """As bash asks: the first word of each line is the kind, the second what is completed."""
    asked = {
        "_VHLOCAL_COMPLETE": "bash_complete",
        "COMP_WORDS": " ".join(words),
        "COMP_CWORD": str(len(words) - 1),
    }
    done = vhlocal(cwd=project(plain()), environment=asked)
    assert (done.returncode, done.stdout.splitlines(), done.stderr) == (0, found, "")


def test_a_look_that_is_broken_off_is_no_sound_project(vhlocal, project, tmp_path):
    """Exit code 130, and no report: what has not been examined is not `ok`."""
    directory = project(plain(**{"server.py": "import threading\nthreading.Event().wait()\n"}))
    out, err = tmp_path / "out", tmp_path / "err"
    with out.open("wb") as stdout, err.open("wb") as stderr:
        process = subprocess.Popen(
            [*COMMAND, "check", "--live", "--runtime", "process", "-C", str(directory)],
            env=vhlocal.environment,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
        )
    try:
        wait_for(lambda: vhlocal.endpoints(directory).get("plain", {}).get("state") == "starting", "the start", 60)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
    finally:
        process.kill()
    assert out.read_text() == ""
    assert "Traceback" not in err.read_text()


@pytest.mark.parametrize("option", ["--rate", "--seconds"])
def test_nan_is_no_rate_and_no_time(vhlocal, option):
    done = vhlocal("load", "any", option, "nan")
    assert done.returncode == 2
    assert f"Invalid value for '{option}': nan is not in the range " in done.stderr

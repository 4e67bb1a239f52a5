"""Commands that are forked do what those do that begin anew."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.command import COMMAND
from tests.forked import Forked, can_be_forked
from tests.session.conftest import process_run
from tests.waiting import LONG

__all__ = ["process_run"]


def both(vhlocal, *arguments, **more):
    """Return what a command does that is forked, and what it does if it begins anew."""
    directory = more.pop("cwd", None)
    environment = {**vhlocal.environment, **more.pop("environment", {})}
    anew = subprocess.run(
        [*COMMAND, *arguments],
        cwd=directory,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LONG,
    )
    return vhlocal(*arguments, cwd=directory, environment=environment), anew


@pytest.mark.parametrize(
    "arguments", [("--version",), ("check",), ("up", "--no-such-option"), ("explain", "VH401"), ("ps", "--json")]
)
def test_it_prints_the_same_and_ends_with_the_same_code(vhlocal, tmp_path, arguments):
    forked, anew = both(vhlocal, *arguments, cwd=tmp_path, environment={"COLUMNS": "90", "NO_COLOR": "1"})
    assert (forked.returncode, forked.stdout, forked.stderr) == (anew.returncode, anew.stdout, anew.stderr)


def test_it_has_the_files_and_the_directory_that_it_is_given_and_no_more(process_run, project, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    yaml = "- endpoint:\n    name: words\n    image: python:3.11-slim\n    wsgi: server:app\n"
    app = "def app(_, start_response):\n    start_response('200 OK', [])\n    return []\n"
    files = {"valohai.yaml": yaml, "server.py": app}
    with socket.socket() as ours:
        run = process_run(project(files))
        kept = Path("/proc/self/fd", str(ours.fileno())).readlink()
    process = Path("/proc", str(run.process.pid))
    assert process.joinpath("cwd").readlink() == tmp_path
    streams = [str(process.joinpath("fd", number).readlink()) for number in "012"]
    assert streams == [os.devnull, str(run.log), str(run.log)]
    theirs = {link.readlink() for link in process.joinpath("fd").iterdir() if link.is_symlink()}
    assert kept not in theirs


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_how_a_signal_ends_it_is_reported_as_of_any_process(vhlocal, number):
    read, full = os.pipe()
    try:
        os.set_blocking(full, False)
        with contextlib.suppress(BlockingIOError):
            while True:
                os.write(full, bytes(4096))
        os.set_blocking(full, True)
        command = Forked(("--version",), vhlocal.environment, full, full)
        with pytest.raises(subprocess.TimeoutExpired):
            command.wait(0.1)  # it cannot print
        command.send_signal(number)
        assert command.wait(LONG) == -number
        assert command.poll() == -number
    finally:
        os.close(read)
        os.close(full)


def test_what_python_reads_when_it_begins_is_not_changed_later():
    same = dict(os.environ)
    assert can_be_forked({**same, "NO_COLOR": "1"})
    assert not can_be_forked({**same, "PYTHONPATH": sys.prefix})
    assert not can_be_forked({**same, "LC_ALL": "C.UTF-8.other"})

"""A project that was merely cloned: what it names is inside of it, or its user has said so."""

from __future__ import annotations

import subprocess

import pytest

from tests.cli.projects import plain
from tests.cli.test_terminal import Screen

OUTSIDE = {"vhlocal.yaml": "env-file: ../outside.env\n"}


@pytest.fixture
def directory(project, tmp_path):
    made = project(plain() | OUTSIDE)
    (made.parent / "outside.env").write_text("COLOUR=green\n")
    return made


def test_without_a_terminal_a_file_outside_is_refused_and_not_read(directory, vhlocal):
    for command in (["up", "--explain-settings"], ["check"], ["build"], ["up"]):
        done = vhlocal(*command, "-C", str(directory))
        assert done.returncode == 2, (command, done.stdout, done.stderr)
        assert "this project uses a file outside its directory: `env-file` is " in done.stderr
        assert "vhlocal.yaml:1" in done.stderr
        assert "green" not in done.stdout + done.stderr
    done = vhlocal(
        "up", "--explain-settings", "--env-file", str(directory.parent / "outside.env"), "-C", str(directory)
    )
    assert (done.returncode, "green" in done.stdout) == (0, True)


def test_on_a_terminal_the_question_comes_once(directory, vhlocal):
    for answer, code in ((b"n\r", 2), (b"y\r", 0)):
        screen = Screen(vhlocal, "up", "--explain-settings", "-C", str(directory))
        assert "outside.env" in screen.read_until("[y/N]")
        screen.press(answer)
        assert ("green" in screen.read_until(None)) == (code == 0)
        assert screen.process.wait(120) == code
    done = vhlocal("up", "--explain-settings", "-C", str(directory))
    assert (done.returncode, "green" in done.stdout) == (0, True)
    (directory / "vhlocal.yaml").write_text("env-file: /proc/self/environ\n")
    assert vhlocal("up", "--explain-settings", "-C", str(directory)).returncode == 2


def test_a_name_cannot_forge_the_question(directory, vhlocal):
    (directory / "vhlocal.yaml").write_text('env-file: "../a\\nThis project is fine. \\e[2K"\n')
    screen = Screen(vhlocal, "up", "--explain-settings", "-C", str(directory))
    shown = screen.read_until("[y/N]")
    assert "\x1b[2K" not in shown
    assert not any(line.startswith("This project is fine") for line in shown.splitlines())
    screen.press(b"n\r")
    screen.read_until(None)
    assert screen.process.wait(120) == 2


def test_no_program_that_a_repository_names_runs_for_a_look_at_it(directory, vhlocal, tmp_path):
    ran = tmp_path / "ran"
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\ntouch {ran}\n")
    program.chmod(0o755)
    subprocess.run(["git", "init", "-q", str(directory)], check=True)
    for name in ("core.fsmonitor", "filter.x.clean", "filter.x.process", "core.sshCommand", "diff.external"):
        subprocess.run(["git", "-C", str(directory), "config", name, str(program)], check=True)
    (directory / ".gitattributes").write_text("* filter=x\n")
    (directory / "vhlocal.yaml").unlink()
    assert vhlocal("check", "-C", str(directory)).returncode in (0, 6)
    assert not ran.exists()

"""What a person sees on a terminal, and what a file or a pipe gets instead."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
import time

from tests.cli.projects import plain
from tests.command import COMMAND
from tests.engine_fixtures import containers_of
from tests.session.edited import endpoint

CTRL_C = b"\x03"
ESCAPE = "\x1b["
CURSOR_UP = re.compile(r"\x1b\[\d*A")
FAILING = {"requirements.txt": "./local\n", "local/setup.py": "raise SystemExit('no wheel today')\n"}


class Screen:
    """A command on a terminal of its own."""

    def __init__(self, vhlocal, *arguments, environment=None):
        ours, theirs = pty.openpty()
        settings = {"TERM": "xterm-256color", "COLUMNS": "200", "LINES": "50", **(environment or {})}
        inherited = {name: value for name, value in vhlocal.environment.items() if name not in {"NO_COLOR", "CI"}}
        self.process = subprocess.Popen(
            ["setsid", "--ctty", *COMMAND, *arguments],
            env={**inherited, **settings},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
        )
        os.close(theirs)
        self._ours = ours
        self._deadline = time.monotonic() + 300
        self.text = ""

    def read_until(self, wanted: str | None) -> str:
        """Read until a text appears, or to the end, and return all that was shown so far."""
        while wanted is None or wanted not in self.text:
            assert time.monotonic() < self._deadline, self.text
            if not select.select([self._ours], [], [], 1)[0]:
                continue
            try:
                chunk = os.read(self._ours, 65536)
            except OSError:  # That is how Linux tells that nobody holds the other side any more.
                chunk = b""
            if not chunk:
                assert wanted is None, f"{wanted!r} never came:\n{self.text}"
                break
            self.text += chunk.decode(errors="replace")
        return self.text

    def press(self, key: bytes) -> None:
        """Press a key."""
        os.write(self._ours, key)

    def close(self) -> None:
        """Close the window."""
        os.close(self._ours)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        self.read_until(None)
        self.process.wait(120)
        self.close()


def test_a_terminal_gets_colours_and_moving_progress_that_folds_away(project, vhlocal, engine, base_image, one_off):
    directory = project(plain() | one_off)
    with Screen(vhlocal, "up", "-C", str(directory), "--port", "0") as screen:
        shown = screen.read_until("Ctrl-C stops")
    assert ESCAPE in shown
    assert "requirements.txt for plain (first build)" in shown
    assert "Processing ./local" in shown
    assert CURSOR_UP.search(shown), "nothing was drawn again in its place"
    after = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.rpartition("\x1b[2K")[2])
    assert "Processing" not in after
    assert "requirements.txt done in " in after


def test_a_failed_build_is_shown_whole_on_a_terminal(project, vhlocal, engine, base_image):
    """In CI, where the first failure ends the run: on a terminal of a person's it would not."""
    directory = project(plain() | FAILING)
    with Screen(vhlocal, "up", "-C", str(directory), "--port", "0", environment={"CI": "true"}) as screen:
        shown = screen.read_until(None)
        assert screen.process.wait(120) == 4
    after = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.rpartition("\x1b[2K")[2])
    assert "Processing ./local" in after
    assert "no wheel today" in after
    assert "requirements.txt failed" in after


def test_on_a_persons_terminal_an_endpoint_that_does_not_start_ends_no_run(project, vhlocal):
    broken = endpoint("broken", "server-command: python broken.py")
    directory = project(plain(broken, **{"broken.py": "1 / 0\n"}))
    with Screen(vhlocal, "up", "-C", str(directory), "--port", "0", "--runtime", "process") as screen:
        shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", screen.read_until("Ctrl-C stops"))
    assert "ready: 1 of 2 endpoints in " in shown
    assert "division by zero" in shown


def test_the_terminal_key_for_interrupt_ends_a_run(project, vhlocal, engine, base_image):
    with Screen(vhlocal, "up", "-C", str(project(plain())), "--port", "0") as screen:
        screen.read_until("Ctrl-C stops")
        screen.press(CTRL_C)
        assert "Stopping (Ctrl-C)" in screen.read_until(None)
        assert screen.process.wait(120) == 0


def test_a_run_ends_with_its_window(project, vhlocal, engine, base_image):
    directory = project(plain())
    screen = Screen(vhlocal, "up", "-C", str(directory), "--port", "0")
    screen.read_until("Ctrl-C stops")
    screen.close()
    assert screen.process.wait(120) == 0
    assert containers_of(engine, directory) == []


def test_no_color_is_honoured_on_a_terminal(project, vhlocal, engine, base_image):
    with Screen(vhlocal, "up", "-C", str(project(plain())), "--port", "0", environment={"NO_COLOR": "1"}) as screen:
        shown = screen.read_until("Ctrl-C stops")
    assert re.search(r"\x1b\[[0-9;]*3[0-7]m", shown) is None


def test_a_file_gets_plain_lines(project, starting, one_off):
    directory = project(plain() | one_off)
    with starting(directory, "--port", "0", environment={"TERM": "xterm-256color"}) as run:
        run.wait_for_output("ready: in ")
        said = run.output()
    assert "\x1b" not in said
    assert "\r" not in said
    assert "build: requirements.txt for plain (" in said
    assert "build: requirements.txt done in " in said
    assert "Ctrl-C" not in said


def test_an_error_in_a_file_is_plain(project, failing):
    assert "\x1b" not in failing(project({"valohai.yaml": "- endpoint: {}\n"}), code=2)


def test_a_reader_that_has_enough_is_no_error(project, starting, vhlocal):
    directory = project(plain())
    with starting(directory, "--port", "0", "-v") as run:
        run.wait_for_state("ready")
        run.wait_for_output("plain | ")
        for arguments in (("ps",), ("ps", "--json"), ("logs",), ("logs", "-f"), ("check",)):
            read, write = os.pipe()
            os.close(read)
            process = subprocess.Popen(
                [*COMMAND, *arguments, "-C", str(directory)],
                env=vhlocal.environment,
                stdout=write,
                stderr=subprocess.PIPE,
                text=True,
            )
            os.close(write)
            _, said = process.communicate(timeout=120)
            assert (arguments, process.returncode, said) == (arguments, 0, "")


def test_a_run_ends_with_the_reader_of_its_output(project, vhlocal, engine, base_image):
    """As in ``vhlocal up | head``: it ends clean."""
    directory = project(plain())
    read, write = os.pipe()
    process = subprocess.Popen(
        [*COMMAND, "up", "-C", str(directory), "--port", "0"],
        env=vhlocal.environment,
        stdout=write,
        stderr=subprocess.PIPE,
        text=True,
    )
    os.close(write)
    os.close(read)
    try:
        _, said = process.communicate(timeout=120)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    assert (process.returncode, said) == (0, "")
    assert containers_of(engine, directory) == []

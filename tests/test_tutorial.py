"""The tutorial works: its files are written and its commands run, in its order, and they print what it says."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.session.conftest import NO_ENGINE
from tests.waiting import free_port, wait_for

PAGE = Path(__file__).parent.parent / "docs" / "tutorial.md"
_BLOCK = re.compile(r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```$', re.MULTILINE | re.DOTALL)

pytestmark = pytest.mark.builds


class Reader:
    """Somebody who does what the tutorial says, in the folder that the last ``cd`` named."""

    def __init__(self, vhlocal, directory: Path) -> None:
        self.directory = directory
        programs = f"{Path(sys.executable).parent}:{vhlocal.environment['PATH']}"
        self.environment = {**vhlocal.environment, **NO_ENGINE, "VHLOCAL_PORT": str(free_port()), "PATH": programs}
        self.terminal = directory / "terminal-1"
        self.up: subprocess.Popen[bytes] | None = None

    def shell(self, commands: str) -> tuple[int, str]:
        """Run commands; return the exit code, and what they printed on standard output."""
        done = subprocess.run(
            ["sh", "-ec", commands],
            cwd=self.directory,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=300,
        )
        for command in commands.splitlines():
            if command.startswith("cd "):
                self.directory /= command.removeprefix("cd ")
        return done.returncode, done.stdout

    def serve(self, command: str) -> None:
        """Run the command of the first terminal, and wait until all answers."""
        with self.terminal.open("wb") as output:
            self.up = subprocess.Popen(
                ["sh", "-c", f"exec {command}"],
                cwd=self.directory,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        wait_for(lambda: "ready: in " in self.terminal.read_text() or self.ended, "the endpoint", 300)
        assert not self.ended, self.terminal.read_text()

    @property
    def ended(self) -> bool:
        """Whether the first terminal's command has ended."""
        return self.up is not None and self.up.poll() is not None

    def see(self, commands: str, expected: str) -> None:
        """Run commands until they print what is expected: a save is live after a moment."""
        seen: list[tuple[int, str]] = []

        def look() -> bool:
            seen.append(self.shell(commands))
            return seen[-1] == (0, expected)

        try:
            wait_for(look, "what the tutorial shows", 60)
        except AssertionError:
            assert seen[-1] == (0, expected), self.terminal.read_text()
            raise


def test_each_step_does_what_it_says(vhlocal, tmp_path):
    blocks = [match.groups(default="") for match in _BLOCK.finditer(PAGE.read_text())]
    reader = Reader(vhlocal, tmp_path)
    done = []
    try:
        for (kind, title, text), after in zip(blocks, [*blocks[1:], ("", "", "")], strict=True):
            done.append(step := _step(kind, title, after))
            if step == "write":
                (reader.directory / title).write_text(text)
            elif step == "serve":
                reader.serve(text)
            elif step == "see":
                reader.see(text, after[2])
            elif step == "run":
                expected = int(title.removeprefix("exit code ") or 0)
                code, printed = reader.shell(text)
                assert code == expected, printed
        assert reader.up is not None
        assert reader.up.wait(60) == 0, reader.terminal.read_text()
    finally:
        if reader.up is not None and not reader.ended:
            reader.shell("vhlocal down")
            reader.up.kill()
    assert {step: done.count(step) for step in dict.fromkeys(done)} == {
        "run": 4,
        "write": 7,
        "serve": 1,
        "see": 3,
        "shown": 3,
    }


def _step(kind: str, title: str, after: tuple[str, ...]) -> str:
    """Return what a reader does at a block: what follows commands without a title is what they print."""
    if kind != "sh":
        return "write" if title else "shown"
    if title.startswith("Terminal"):
        return "serve"
    return "see" if after[0] not in ("", "sh") and not after[1] else "run"

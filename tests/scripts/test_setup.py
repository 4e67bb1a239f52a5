"""The scripts that prepare a machine, run as a person runs them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent


def run(
    *command: str | Path, cwd: Path = ROOT, environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a script with nothing on stdin and ``environment`` over the caller's own."""
    return subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env={**os.environ, **(environment or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )


def test_setup_says_nothing_where_all_is_there(base_image, tmp_path):
    done = run(ROOT / "scripts/setup", cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_setup_stops_with_what_is_missing_where_the_named_engine_does_not_answer(tmp_path):
    address = f"unix://{tmp_path}/nothing.sock"
    done = run(sys.executable, ROOT / "scripts/engine.py", environment={"DOCKER_HOST": address})
    assert done.returncode == 1
    assert address in done.stderr
    assert "unset DOCKER_HOST" in done.stderr
    assert "Traceback" not in done.stderr


def test_find_python_prints_an_interpreter_of_the_first_version_that_is_there():
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    done = run(ROOT / "scripts/find-python", "4.0", here)
    said = run(done.stdout.strip(), "--version").stdout
    assert said.startswith(f"Python {here}.")


def test_find_python_says_which_versions_it_looked_for():
    done = run(ROOT / "scripts/find-python", "4.0", "4.1")
    assert done.returncode == 1
    assert "4.0 or 4.1" in done.stderr


@pytest.mark.parametrize(
    "script", sorted(path for path in (ROOT / "scripts").iterdir() if not path.suffix), ids=lambda path: path.name
)
def test_scripts_are_executable_and_posix_shell(script):
    assert os.access(script, os.X_OK)
    assert run("sh", "-n", script).returncode == 0

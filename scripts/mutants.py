"""Mutation testing of the code that production's rules and verdicts stand on, in a copy of the project."""

from __future__ import annotations

import argparse
import filecmp
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from engine import run, say
from pythons import needed

ROOT = Path(__file__).resolve().parent.parent
HOME = ROOT / "build" / "mutants"
COPY = HOME / "copy"
ENVIRONMENT = HOME / "environment"
TOOL = "mutmut>=3.8"

#: Whose code is changed, and which tests have to notice: those of pure functions, since each change runs them.
SETTINGS = """\
[mutmut]
source_paths =
    vhlocal
only_mutate =
    vhlocal/contract/*.py
    vhlocal/gateway/head.py
    vhlocal/comparison/*.py
pytest_add_cli_args_test_selection =
    tests/contract
    tests/gateway/test_head.py
    tests/comparison
pytest_add_cli_args =
    -p
    no:cacheprovider
"""


#: Added to the tests' settings: each change is tried in a fork of a process that has run all tests already, and what
#: functions remember from then would hide it. They are looked for in their modules: the tool hides what is there
#: before the fork from the garbage collector.
FORGETTING = """

import functools
import sys


def pytest_sessionstart():
    for name in [name for name in sys.modules if name.startswith("vhlocal")]:
        for found in vars(sys.modules[name]).values():
            if isinstance(found, functools._lru_cache_wrapper):
                found.cache_clear()
"""


def python() -> Path:
    """Return the Python of an environment with the tool; it is made where it is not there yet."""
    found = ENVIRONMENT / "bin" / "python"
    if not found.exists():
        say("Making an environment with mutmut")
        uv = str(Path(sys.executable).with_name("uv"))
        run(uv, "venv", "-q", "--no-project", "--clear", "--python", sys.executable, str(ENVIRONMENT))
        run(uv, "pip", "install", "-q", "--python", str(found), TOOL, *needed())
    return found


def copy() -> None:
    """Bring the copy up to date; files that are as they were are left alone, and so is what is known of them."""
    paths = run("git", "-C", str(ROOT), "ls-files", "-z").rstrip("\0").split("\0")
    for path in filter(lambda path: (ROOT / path).is_file(), paths):
        source, target = ROOT / path, COPY / path
        if not target.exists() or not filecmp.cmp(source, target, shallow=False):
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
    with (COPY / "tests" / "conftest.py").open("a") as conftest:
        conftest.write(FORGETTING)
    (COPY / "setup.cfg").write_text(SETTINGS)


def tried(tool: list[str], names: list[str], minutes: float) -> None:
    """Try mutants until all are, or for so many minutes."""
    trial = subprocess.Popen([*tool, "run", *names], cwd=COPY, start_new_session=True)
    try:
        trial.wait(minutes * 60)
    except (subprocess.TimeoutExpired, KeyboardInterrupt):
        os.killpg(trial.pid, signal.SIGTERM)
        trial.wait()
        say("Stopped; run it again to go on")


def survivors(tool: list[str]) -> list[str]:
    """Return the names of the changes that no test noticed, or that none runs into."""
    told = subprocess.run([*tool, "results"], cwd=COPY, stdout=subprocess.PIPE, text=True, check=True).stdout
    states = [line.strip().partition(": ")[::2] for line in told.splitlines()]
    return [name for name, state in states if state in {"survived", "no tests"}]


def main(arguments: list[str]) -> int:
    """Try mutants, and print what survived as differences."""
    parser = argparse.ArgumentParser(prog="scripts/mutants")
    parser.add_argument("--minutes", type=float, default=60.0, help="how long they are tried (60)")
    parser.add_argument("names", nargs="*", help="patterns of mutants' names; all without")
    given = parser.parse_args(arguments)
    tool = [str(python()), "-m", "mutmut"]
    copy()
    tried(tool, given.names, given.minutes)
    left = survivors(tool)
    for name in left:
        subprocess.run([*tool, "show", name], cwd=COPY, check=False)
    print(f"{len(left)} changes were noticed by no test", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

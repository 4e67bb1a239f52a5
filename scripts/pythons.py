"""Run the tests that depend on the Python on every supported one that .venv does not have, side by side."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib import metadata
from pathlib import Path

from engine import Missing, run, say
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENTS = ROOT / "build" / "pythons"
VERSIONS = ("3.10", "3.11", "3.12", "3.13")

#: Most of what is left to other Pythons waits longer than it works: three at a time, of each.
TESTS = ("--another-python", "-p", "no:cacheprovider", "-n", "3")


def others() -> list[str]:
    """Return the supported versions that this Python is none of."""
    return [version for version in VERSIONS if version != "{}.{}".format(*sys.version_info)]


def environment(version: str) -> Path:
    """Return a version's environment, with what vhlocal and its tests need; it is made where it is not there yet."""
    directory = ENVIRONMENTS / version
    wanted, installed = ROOT / "pyproject.toml", directory / "installed-from"
    if not installed.exists() or installed.read_bytes() != wanted.read_bytes():
        say(f"Making an environment of Python {version}")
        python = run(str(ROOT / "scripts" / "find-python"), version).strip()
        # uv needs a seventh of pip's time, and has one cache for all versions.
        uv = str(Path(sys.executable).with_name("uv"))
        run(uv, "venv", "-q", "--no-project", "--clear", "--python", python, str(directory))
        run(uv, "pip", "install", "-q", "--python", str(directory / "bin" / "python"), *needed())
        # Not installed: three builds at once would write into the same directories of the project.
        (directory / "lib" / f"python{version}" / "site-packages" / "vhlocal.pth").write_text(f"{ROOT}\n")
        installed.write_bytes(wanted.read_bytes())
    return directory


def needed() -> list[str]:
    """Return the requirements of vhlocal and of its tests, as its installation in .venv tells them."""
    found = [Requirement(text) for text in metadata.requires("vhlocal") or ()]
    return [
        f"{each.name}{each.specifier}" for each in found if not each.marker or each.marker.evaluate({"extra": "test"})
    ]


def tested(version: str, arguments: list[str]) -> tuple[int, str]:
    """Run the tests on a version; return pytest's exit code, and all that it printed."""
    try:
        python = environment(version) / "bin" / "python"
    except Missing as missing:
        return 1, str(missing)
    # Compiled once: the workers, which begin at the same time, would each compile all of it.
    pytest(python, *TESTS, *arguments, "-n", "0", "--collect-only")
    done = pytest(python, *TESTS, *arguments)
    return done.returncode, done.stdout


def pytest(python: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run pytest under a Python; what it prints is all in ``stdout``."""
    command = [str(python), "-m", "pytest", *arguments]
    return subprocess.run(
        command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def report(outcomes: dict[str, tuple[int, str]]) -> list[str]:
    """Return what is told of exit codes and outputs by version: of what went well a last line, then all that failed."""
    told: list[str] = []
    for version, (code, output) in sorted(outcomes.items(), key=lambda each: each[1][0] != 0):
        lines = output.rstrip().splitlines()
        told += [f"==> Python {version}", *(lines if code else lines[-1:])]
    return told


def main(arguments: list[str]) -> int:
    """Run all, say how that went, and return the worst exit code."""
    versions = others()
    say(f"Tests that depend on the Python, on {', '.join(versions)} side by side")
    with ThreadPoolExecutor(len(versions)) as pool:
        outcomes = dict(zip(versions, pool.map(lambda version: tested(version, arguments), versions), strict=True))
    print("\n".join(report(outcomes)), flush=True)
    return max(code for code, _ in outcomes.values())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Which Python interpreters this machine has: the one that an endpoint's image names, if it is at hand."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from vhlocal.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_OFFICIAL = re.compile(r"python:(\d+\.\d+)(?:[.@-].*|(?:a|b|rc)\d+.*)?")

#: Seconds that a candidate may take to report what it is.
_PATIENCE = 20

#: Where interpreters are installed: the variable that names a manager's directory, its usual place below HOME, and
#: where in it each version has a directory.
_MANAGERS = (
    ("PYENV_ROOT", ".pyenv", "versions"),
    ("ASDF_DATA_DIR", ".asdf", "installs/python"),
    ("MISE_DATA_DIR", ".local/share/mise", "installs/python"),
)

#: Prints the interpreter that a virtual environment stands on, or the interpreter itself. Python 3.6 and newer.
_ASK = """
import os, sys
base, minor = getattr(sys, "real_prefix", sys.base_prefix), "python%d.%d" % sys.version_info[:2]
found = sys.executable if sys.prefix == base else os.path.join(base, "bin", minor)
print(found)
print("%d.%d.%d" % sys.version_info[:3])
"""


@dataclass(frozen=True)
class Python:
    """An interpreter that is no virtual environment's; ``version`` is the full one, such as 3.11.4."""

    path: Path
    version: str

    @property
    def minor(self) -> str:
        """The version without the patch level, such as 3.11."""
        return ".".join(self.version.split(".")[:2])

    @property
    def numbers(self) -> tuple[int, int]:
        """Major and minor version, to be compared."""
        major, minor = self.minor.split(".")
        return int(major), int(minor)


def wanted_version(image: str) -> str | None:
    """Return the Python version (``3.9``) that a reference to an official Python image names, or None."""
    named = _OFFICIAL.fullmatch(image.rpartition("/")[2])
    return named[1] if named else None


def running_python() -> Python:
    """Return the interpreter that runs vhlocal, or the one that its virtual environment was made with."""
    minor = "python{}.{}".format(*sys.version_info)
    outside = sys.prefix == sys.base_prefix
    found = [] if outside else [Path(sys.base_prefix, "bin", minor), Path(getattr(sys, "_base_executable", ""))]
    path = next((path for path in found if path.is_file()), Path(sys.executable))
    return Python(path, "{}.{}.{}".format(*sys.version_info))


def find_python(version: str | None, environ: Mapping[str, str]) -> Python | None:
    """Return the interpreter of a ``version`` (``3.9``), or None; for None the one that runs vhlocal.

    Looks on the PATH, then among pyenv's, asdf's and mise's, then asks uv, which downloads nothing. Every candidate is
    run, since one on the PATH may be a shim that leads nowhere.
    For the version that runs vhlocal no process is started.
    """
    running = running_python()
    if version in (None, running.minor):
        return running
    for candidate in _candidates(str(version), environ):
        python = _ask(candidate, environ)
        if python is not None and python.minor == version:
            return python
    return None


def _candidates(version: str, environ: Mapping[str, str]) -> Iterator[Path]:
    for directory in filter(None, environ.get("PATH", "").split(os.pathsep)):
        candidate = Path(directory, f"python{version}")
        if candidate.is_file() and os.access(candidate, os.X_OK):
            yield candidate
    yield from _of_managers(version, environ)
    yield from _of_uv(version, environ)


def _of_managers(version: str, environ: Mapping[str, str]) -> Iterator[Path]:
    """Yield what pyenv, asdf and mise have installed, each with its newest patch first."""
    named = re.compile(rf"{re.escape(version)}\.(\d+)")
    for variable, usual, below in _MANAGERS:
        root = Path(environ.get(variable) or Path(environ.get("HOME", "/"), usual))
        found = {int(match[1]): path for path in root.glob(f"{below}/*") if (match := named.fullmatch(path.name))}
        for patch in sorted(found, reverse=True):
            yield found[patch] / "bin" / f"python{version}"


def _of_uv(version: str, environ: Mapping[str, str]) -> Iterator[Path]:
    uv = shutil.which("uv", path=environ.get("PATH", ""))
    if uv is None:
        return
    found = _output([uv, "python", "find", "--no-config", "--no-python-downloads", "--system", version], environ)
    if found:
        yield Path(found[0])


def _ask(candidate: Path, environ: Mapping[str, str]) -> Python | None:
    match _output([str(candidate), "-I", "-c", _ASK], environ):
        case [path, version] if Path(path).is_file():
            return Python(Path(path), version)
    return None


def _output(command: list[str], environ: Mapping[str, str]) -> list[str]:
    """Return what a command prints, by lines; nothing where it fails."""
    try:
        done = subprocess.run(
            command,
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=_PATIENCE,
            check=True,
            encoding="utf-8",
            errors="surrogateescape",
        )
    except (OSError, ValueError, subprocess.SubprocessError):
        return []
    return done.stdout.splitlines()


class Pythons:
    """Interpreters by version, remembered in ``directory`` so that a later run need not look for them again."""

    def __init__(self, directory: Path, environ: Mapping[str, str]) -> None:
        self._directory = directory
        self._environ = environ

    def find(self, version: str) -> Python | None:
        """Return what ``find_python`` does; no process is started as long as what was found before is unchanged."""
        running = running_python()
        if version == running.minor:
            return running
        file = self._directory / f"python{version}.found"
        remembered = _remembered(file)
        if remembered is not None:
            return remembered
        python = find_python(version, self._environ)
        if python is not None:
            self._directory.mkdir(parents=True, exist_ok=True)
            new = file.with_suffix(f".{os.getpid()}")
            new.write_text(json.dumps([str(python.path), python.version, _state(python.path)]))
            new.replace(file)
        return python


def _remembered(file: Path) -> Python | None:
    try:
        path, version, state = json.loads(file.read_text())
        return Python(Path(path), version) if _state(Path(path)) == state else None
    except (OSError, ValueError, TypeError):
        return None


def _state(path: Path) -> list[int]:
    status = path.stat()
    return [status.st_ino, status.st_size, status.st_mtime_ns]

"""The packages of an environment on the disk: where they are, and how its Python finds them."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from vhlocal.runtime.process.furnishing import PROJECT, WRITTEN

if TYPE_CHECKING:
    from collections.abc import Iterable

_HOOK = "_vhlocal_packages"

#: The code of the server that a process belongs to, as an expression in the files of its environment.
_CODE = f'__import__("{_HOOK}").code'

#: As with ``~/.local`` in production, what is installed stands before what the environment came with, such as an
#: older setuptools. ``addsitedir`` reads ``.pth`` files too, by which editable installations are found.
_SOURCE = '''"""Written by vhlocal: the packages of this environment, and of those that it stands on."""

import os
import site
import sys
from _thread import _local

#: The server that this process belongs to, by its home directory, and its code.
_root = os.path.dirname(os.environ.get("HOME", ""))
code = os.path.join(_root, "valohai", "code")

_before = len(sys.path)
for _directory in {sites!r}:
    site.addsitedir(_directory)
_own = [at for at, path in enumerate(sys.path[:_before]) if path.startswith(sys.prefix)]
_found = sys.path[_before:]
del sys.path[_before:]
_first = min(_own or [_before])
sys.path[_first:_first] = _found


def _tell_what_is_written():
    """Tell vhlocal which files of the project this process writes: they are no edits."""
    try:
        with open(os.path.join(_root, {project!r}), encoding="utf-8", errors="surrogateescape") as file:
            project = file.read() + os.sep
    except (OSError, ValueError):
        return
    # Of this thread: what is done here is heard too.
    busy = _local()

    def hear(event, arguments):
        if event == "open":
            path = arguments[0] if isinstance(arguments[2], int) and arguments[2] & 3 else None
        elif event in ("os.truncate", "sqlite3.connect"):
            path = arguments[0]
        elif event == "os.rename":
            path = arguments[1]
        else:
            return
        if path is None or isinstance(path, int) or getattr(busy, "telling", False):
            return
        busy.telling = True
        try:
            path = os.path.realpath(os.fsdecode(path))
            if path.startswith(project):
                tell(path)
        except Exception:
            pass
        finally:
            busy.telling = False

    def tell(path):
        from zlib import crc32

        told = os.path.join(_root, {written!r}, str(crc32(os.fsencode(path))))
        with open(told, "w", encoding="utf-8", errors="surrogateescape") as file:
            file.write(path)

    sys.addaudithook(hear)


# From Python 3.8 on.
if hasattr(sys, "addaudithook"):
    _tell_what_is_written()
'''

#: Where installers put packages below a prefix; the last as Debian's Python has it outside of virtual environments.
_PLACES = ("lib*/python*/site-packages", "lib*/pypy*/site-packages", "local/lib/python*/dist-packages")

_DISTRIBUTION = re.compile(r"(?P<name>.+?)-(?P<version>[^-]+)\.dist-info")


def make_site(prefix: Path, minor: str) -> tuple[str, ...]:
    """Make the directory that packages of a Python (``3.11``) are installed to, so that installers know it."""
    site = prefix / "lib" / f"python{minor}" / "site-packages"
    site.mkdir(parents=True)
    (prefix / "bin").mkdir()
    return (str(site),)


def sites(prefix: Path) -> tuple[str, ...]:
    """Return the directories of packages below a prefix."""
    return tuple(str(path) for place in _PLACES for path in sorted(prefix.glob(place)))


def write_hook(venv: Path, found: Iterable[str]) -> None:
    """Let a virtual environment's Python import what is in the ``found`` directories, in this order."""
    (site,) = (venv / "lib").glob("*/site-packages")
    (site / f"{_HOOK}.py").write_text(
        _SOURCE.format(sites=list(found), project=PROJECT, written=WRITTEN), encoding="utf-8"
    )
    (site / f"{_HOOK}.pth").write_text(f"import {_HOOK}\n")


def copy_venv(venv: Path, copy: Path) -> None:
    """Make ``copy`` a virtual environment like ``venv``; its commands, settings and compiled files hold for its place.

    OSError where it cannot be written.
    """
    shutil.copytree(venv, copy, symlinks=True)
    own, other = (os.fsencode(each) for each in (venv, copy))
    for file in (copy / "pyvenv.cfg", *(copy / "bin").iterdir()):
        if not file.is_symlink():
            file.write_bytes(file.read_bytes().replace(own, other))


def pip_version(venv: Path) -> str:
    """Return the version of a virtual environment's pip; empty if it has none."""
    found = (venv / "lib").glob("*/site-packages/pip-*.dist-info")
    return next((match["version"] for path in found if (match := _DISTRIBUTION.fullmatch(path.name))), "")


def write_constraints(file: Path, found: Iterable[str]) -> Path | None:
    """Write a constraints file of the packages in these directories that came from an index; None if there are none."""
    lines = set()
    for site in found:
        for path in Path(site).glob("*.dist-info"):
            named = _DISTRIBUTION.fullmatch(path.name)
            if named and not (path / "direct_url.json").exists():
                lines.add(f"{named['name']}=={named['version']}\n")
    if not lines:
        return None
    file.write_text("".join(sorted(lines)))
    return file


def lead_to_served(prefix: Path, directory: Path) -> None:
    """Let what is installed below ``prefix`` find in each server's own code what it was set to find in ``directory``.

    That is where editable installations were made: their finders, ``.pth`` files and scripts name it.
    """
    # Installers name it as it was given to them, or as it is without links.
    names = "|".join(re.escape(str(each)) for each in (directory, directory.resolve()))
    files = [path for found in sites(prefix) for path in Path(found).glob("*.p*")]
    for file in (*files, *(prefix / "bin").iterdir()):
        if file.is_file() and not file.is_symlink():
            _rewrite(file, names)


def _rewrite(file: Path, names: str) -> None:
    text = file.read_bytes().decode(errors="surrogateescape")
    led = text
    if file.suffix == ".pth":
        # Its lines are paths, or begin with ``import``.
        led = re.sub(
            rf"^(?:{names})(/.*)?$",
            lambda path: f"import sys; sys.path.append({_CODE} + {path[1] or ''!r})",
            led,
            flags=re.MULTILINE,
        )
    if file.suffix in {".pth", ".py"} or text.startswith("#!"):
        led = re.sub(rf"""(['"])(?:{names})(?=['"/])""", rf"{_CODE} + \1", led)
    if led != text:
        file.write_bytes(led.encode(errors="surrogateescape"))


def link_commands(below: Path, own: Path) -> None:
    """Let a layer have the commands of the one that it stands on, but for those that it has itself."""
    for command in below.iterdir():
        path = own / command.name
        if not path.exists():
            path.symlink_to(command)

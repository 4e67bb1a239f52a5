"""The packages of an environment on the disk: where they are, and how its Python finds them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_HOOK = "_vhlocal_packages"

#: As with ``~/.local`` in production, what is installed stands before what the environment came with, such as an
#: older setuptools. ``addsitedir`` reads ``.pth`` files too, by which editable installations are found.
_SOURCE = '''"""Written by vhlocal: the packages of this environment, and of those that it stands on."""

import site
import sys

_before = len(sys.path)
for _directory in {sites!r}:
    site.addsitedir(_directory)
_own = [at for at, path in enumerate(sys.path[:_before]) if path.startswith(sys.prefix)]
_found = sys.path[_before:]
del sys.path[_before:]
_first = min(_own or [_before])
sys.path[_first:_first] = _found
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
    (site / f"{_HOOK}.py").write_text(_SOURCE.format(sites=list(found)), encoding="utf-8")
    (site / f"{_HOOK}.pth").write_text(f"import {_HOOK}\n")


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


def refer_to(found: Iterable[str], directory: Path) -> bool:
    """Tell whether packages are found through ``directory``, as editable installations are."""
    text = str(directory).encode()
    patterns = ("*.pth", "*.egg-link", "__editable__*")
    files = (path for site in found for pattern in patterns for path in Path(site).glob(pattern))
    return any(text in path.read_bytes() for path in files if path.is_file())


def link_commands(below: Path, own: Path) -> None:
    """Let a layer have the commands of the one that it stands on, but for those that it has itself."""
    for command in below.iterdir():
        path = own / command.name
        if not path.exists():
            path.symlink_to(command)

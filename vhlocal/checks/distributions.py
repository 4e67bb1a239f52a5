"""Which distribution provides an import or a command, and what common distributions bring along.

From ``distributions.json``, which ``scripts/distributions.py`` makes of what the package index publishes. Rules use it
only where it knows: what is not in it makes them silent.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from vhlocal.checks.images import python_versions
from vhlocal.checks.requirements import version_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vhlocal.checks.requirements import Requirements


class Brings(TypedDict):
    """What the newest version requires of Python; and by first and last version, the oldest first, what is asked for.

    By canonical names, extras in brackets.
    """

    python: str
    versions: list[tuple[str, str, list[str]]]


class _Table(TypedDict):
    """``modules`` and ``commands`` have the distributions that provide one: those that are proposed first."""

    dated: str
    modules: dict[str, list[str]]
    commands: dict[str, list[str]]
    brings: dict[str, Brings]


#: What pip and the official images bring, or is no distribution's own.
_THERE = frozenset({"pip", "setuptools", "pkg_resources", "wheel", "_distutils_hack", "__main__", "distutils", "imp"})


@cache
def _table() -> _Table:
    table: _Table = json.loads(Path(__file__).with_suffix(".json").read_bytes())
    return table


def is_standard(module: str) -> bool:
    """Tell whether a top-level module is Python's own, or always there."""
    return module in sys.stdlib_module_names or module in _THERE or module.startswith("_")


def providers(module: str) -> Sequence[str]:
    """Return the canonical names of the distributions that would provide a top-level module."""
    return _table()["modules"].get(module, (canonicalize_name(module),))


def command_providers(program: str) -> Sequence[str]:
    """Return the distributions of which each installs a command; none where that is not known."""
    return _table()["commands"].get(program, ())


def is_common(module: str) -> bool:
    """Tell whether it is known, not guessed, what provides a top-level module."""
    return module in _table()["modules"]


def brought(requirements: Requirements | None, image: str) -> frozenset[str] | None:
    """Return the canonical names of all that the requirements install in an official Python image.

    None where one of them is unknown here, or a version of it that is older than what is known. Of what a requirement
    asks for, every version counts, unless nothing keeps pip from the newest.
    """
    held = _held(requirements)
    pythons = python_versions(image)[-1:]
    found: dict[str, bool] = {}
    waiting = [(name, True) for name in (requirements.names_with_extras if requirements else ())]
    wanted = {name for name, _ in waiting}
    while waiting:
        name, is_newest = waiting.pop()
        if name in found and (is_newest or not found[name]):
            continue
        found[name] = is_newest
        row = _table()["brings"].get(name)
        if row is None and (is_newest or name in wanted):
            return None
        if row is None:
            continue  # what an old version asked for, and nobody has published since
        specifiers = held[name.partition("[")[0]]
        is_newest = is_newest and _takes_newest(row, specifiers, pythons)
        asked = row["versions"][-1][2] if is_newest else _asked_for(row, specifiers)
        if asked is None:
            return None
        waiting += ((each, is_newest) for each in asked)
    return frozenset(name.partition("[")[0] for name in found)


def _held(requirements: Requirements | None) -> defaultdict[str, list[SpecifierSet]]:
    """Return which versions the lines take, constraints too, by name."""
    held: defaultdict[str, list[SpecifierSet]] = defaultdict(list)
    for line in requirements.wanted if requirements else ():
        if line.requirement is not None:
            held[line.name].append(line.requirement.specifier)
    return held


def _takes_newest(row: Brings, specifiers: list[SpecifierSet], pythons: Sequence[str]) -> bool:
    newest = row["versions"][-1][1]
    try:
        runs = all(SpecifierSet(row["python"]).contains(python) for python in pythons)
    except InvalidSpecifier:
        return False
    # Of a version that is newer than the table, the newest that the table has is the best guess.
    return runs and all(each.contains(newest) or _lowest(each) > Version(newest) for each in specifiers)


def _lowest(specifier: SpecifierSet) -> Version:
    """Return the highest version that a specifier names as its lowest; 0 where it names none."""
    lowest = Version("0")
    for one in specifier:
        if one.operator in ("==", ">=", "~=", ">") and (version := version_of(one.version.removesuffix(".*"))):
            lowest = max(lowest, version)
    return lowest


def _asked_for(row: Brings, specifiers: list[SpecifierSet]) -> list[str] | None:
    """Return what any version asks for, or the one pinned; None where that is older than all that is known."""
    versions = row["versions"]
    pins = {one.version for each in specifiers for one in each if one.operator in ("==", "===")}
    pin = version_of(pins.pop()) if len(pins) == 1 else None
    if pin is None:  # none, several by markers, or one such as 2.*
        return [each for _, _, asked in versions for each in asked]
    if pin < Version(versions[0][0]):
        return None
    # Between two that differ it may be like either.
    after = next((i for i, (_, last, _) in enumerate(versions) if pin <= Version(last)), len(versions) - 1)
    rows = versions[after : after + 1] if pin >= Version(versions[after][0]) else versions[after - 1 : after + 1]
    return [each for _, _, asked in rows for each in asked]

"""Requirement lines as pip would understand them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from vhlocal.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vhlocal.model import Place
    from vhlocal.project.requirements import RequirementLine

_OPTIONS = re.compile(r"\s--\S")
_URL = re.compile(r"[a-z][a-z0-9+.-]+:", re.IGNORECASE)
_ARCHIVES = (".whl", ".zip", ".tar.gz", ".tar.bz2", ".tgz")
#: pip took these until 24.1; an image may have an older one.
_FORMERLY_VALID = re.compile(r"[<>]=?\s*[\d.]+\.\*")
_HASH = "--hash"
_EGG = re.compile(r"[#&]egg=([\w.-]+)")


@dataclass(frozen=True)
class Wanted:
    """One line that asks for a distribution: its canonical name, and the requirement; None for paths and URLs."""

    name: str
    requirement: Requirement | None
    place: Place
    text: str
    constraint: bool

    @property
    def pin(self) -> str | None:
        """The one version that it takes, None where it takes several."""
        if self.requirement is None:
            return None
        for one in self.requirement.specifier:
            if one.operator in ("==", "===") and not one.version.endswith(".*"):
                return one.version
        return None

    def applies(self, version: str) -> bool:
        """Tell whether its marker holds on Linux with this version of Python."""
        if self.requirement is None or self.requirement.marker is None:
            return True
        environment = {
            "python_version": ".".join(version.split(".")[:2]),
            "python_full_version": version,
            "implementation_version": version,
            "implementation_name": "cpython",
            "platform_python_implementation": "CPython",
            "os_name": "posix",
            "platform_system": "Linux",
            "sys_platform": "linux",
        }
        return self.requirement.marker.evaluate(environment)


@dataclass(frozen=True)
class Invalid:
    """A line that pip refuses, and why."""

    place: Place
    text: str
    reason: str


@dataclass(frozen=True)
class Requirements:
    """A requirements file's lines. ``open`` is whether there is more than can be read here, such as a URL's content."""

    name: str
    wanted: tuple[Wanted, ...]
    invalid: tuple[Invalid, ...]
    options: tuple[str, ...]
    open: bool

    @property
    def names(self) -> frozenset[str]:
        """The canonical names of what is installed."""
        return frozenset(wanted.name for wanted in self.wanted if not wanted.constraint)

    @property
    def names_with_extras(self) -> frozenset[str]:
        """The names of what is installed, each extra in brackets behind its own."""
        found: set[str] = set()
        for wanted in self.wanted:
            extras = wanted.requirement.extras if wanted.requirement else ()
            if not wanted.constraint:
                found |= {f"{wanted.name}[{extra}]" for extra in extras} or {wanted.name}
        return frozenset(found)


def parse(name: str, lines: Iterable[RequirementLine]) -> Requirements:
    """Parse the lines of one requirements file and of what it includes."""
    wanted: list[Wanted] = []
    invalid: list[Invalid] = []
    options: list[str] = []
    unhashed: list[Wanted] = []
    lines = tuple(lines)
    is_open = False
    for line in lines:
        if line.missing:
            invalid.append(Invalid(line.place, line.text, line.missing))
        elif line.text.startswith("-"):
            options.append(line.text)
            is_open = is_open or line.text.startswith(("-e", "--editable", "-r", "--requirement"))
        elif _is_path(line.text) or "${" in line.text:
            egg = _EGG.search(line.text)
            if egg:
                wanted.append(Wanted(canonicalize_name(egg[1]), None, line.place, line.text, line.constraint))
            is_open = True
        elif _FORMERLY_VALID.search(line.text):
            is_open = True
        else:
            parsed = _parse(line)
            (wanted if isinstance(parsed, Wanted) else invalid).append(parsed)  # type: ignore[arg-type]
            if isinstance(parsed, Wanted) and not parsed.constraint and _HASH not in line.text:
                unhashed.append(parsed)
    invalid += _without_hash(lines, unhashed)
    return Requirements(name, tuple(wanted), tuple(invalid), tuple(options), is_open)


def _without_hash(lines: tuple[RequirementLine, ...], unhashed: list[Wanted]) -> list[Invalid]:
    """Return the first line without a hash where others have one, which pip then asks of all; constraints may give it.

    A line with a marker may not count, and the URL of one may have it.
    """
    hashed = [line for line in lines if _HASH in line.text]
    if not hashed or any(line.constraint for line in lines):
        return []
    named = [(one, one.requirement) for one in unhashed if one.requirement is not None]
    lacking = [one for one, asked in named if asked.marker is None and asked.url is None]
    reason = "another line has a hash, so pip requires one on every line"
    return [Invalid(one.place, one.text, reason) for one in lacking[:1]]


def _parse(line: RequirementLine) -> Wanted | Invalid:
    text = _OPTIONS.split(line.text)[0].strip()
    try:
        requirement = Requirement(text)
    except InvalidRequirement as error:
        return Invalid(line.place, text, str(error).splitlines()[0])
    return Wanted(canonicalize_name(requirement.name), requirement, line.place, text, line.constraint)


def _is_path(text: str) -> bool:
    """Tell whether a line names a file, a directory or a URL rather than a distribution."""
    target = text.partition(";")[0].strip()
    if " @ " in target:
        return False
    return (
        target.startswith((".", "/"))
        or "/" in target.partition("[")[0].partition("=")[0]
        or target.lower().endswith(_ARCHIVES)
        or _URL.match(target) is not None
    )


def version_of(text: str) -> Version | None:
    """Return a version to be compared; None for what is none."""
    try:
        return Version(text)
    except InvalidVersion:
        return None

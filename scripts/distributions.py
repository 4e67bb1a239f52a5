# /// script
# requires-python = ">=3.10"
# dependencies = ["packaging>=24", "pypi-simple>=1.6", "requests>=2.31"]
# ///
"""Write vhlocal/checks/distributions.json anew from what the package index publishes of common distributions.

By hand, with the network: ``.venv/bin/uv run scripts/distributions.py``. A distribution is added by its name in
``distributions.txt``.

* Imports and commands are those of the newest wheel, of which the table of contents and two small files are read.
* What a distribution brings is what its versions ask for on Linux, under any Python. Of each minor version the newest
  patch is read.
"""

from __future__ import annotations

import io
import json
import re
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from email.parser import HeaderParser
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import requests
from packaging.markers import UndefinedComparison
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

if TYPE_CHECKING:
    from collections.abc import Iterable
    from email.message import Message

    from pypi_simple import DistributionPackage
    from typing_extensions import Buffer

    from vhlocal.checks.distributions import Brings

TABLE = Path(__file__).resolve().parent.parent / "vhlocal" / "checks" / "distributions.json"

#: In canonical spelling, in the order of the file; with an extra in brackets what it brings alone.
LISTED = [
    name
    for line in Path(__file__).with_suffix(".txt").read_text().splitlines()
    if not line.startswith("#")
    for name in line.split()
]
KNOWN = [canonicalize_name(name) for name in LISTED if "[" not in name]

#: What is published as source alone, and brings nothing: its commands, by hand.
SOURCES: dict[str, set[str]] = {"uwsgi": {"uwsgi"}}

#: What many wheels hold by mistake at their top, and no one imports from there; and what is not Python's.
_STRAY = re.compile(
    "assets|benchmarks?|bin|build|ci|conftest|data|dist|docs?|examples?|include|lib|licenses|packaging_tests|scripts|setup|"
    "share|src|testing|tests?|third_party|tools|utils"
)
#: Commands that every image has, or that are no one's own.
_USUAL = re.compile(r"pip[\d.]*|wheel|python[\d.]*|easy_install.*|.*\.(bat|cmd|ps1)")
_METADATA = re.compile(r"[^/]+\.dist-info/METADATA")
_SCRIPT = re.compile(r"[^/]+\.data/scripts/([^/]+)")
_WORKERS = 16
_HEADERS = {"Accept-Encoding": "identity"}


class Far(io.RawIOBase):
    """A file of a web server, of which only what is read is fetched."""

    def __init__(self, session: requests.Session, url: str, size: int) -> None:
        self._session, self._url, self._size, self._at = session, url, size, 0

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        return self._at

    def readinto(self, buffer: Buffer) -> int:
        into = memoryview(buffer)
        end = min(self._size, self._at + len(into))
        if end <= self._at:
            return 0
        answer = self._session.get(self._url, headers={**_HEADERS, "Range": f"bytes={self._at}-{end - 1}"}, timeout=60)
        answer.raise_for_status()
        count = end - self._at
        into[:count] = answer.content
        self._at = end
        return count


class Published:
    """What the index has of distributions, each asked for once."""

    def __init__(self) -> None:
        self._session = requests.Session()
        self._session.mount("https://", requests.adapters.HTTPAdapter(pool_maxsize=_WORKERS, max_retries=3))
        from pypi_simple import NoSuchProjectError, PyPISimple  # noqa: PLC0415 - uv brings it for the script alone

        self._index, self._unknown = PyPISimple(session=self._session), NoSuchProjectError

    @cache  # noqa: B019 - there is one, until the script ends
    def wheels(self, name: str) -> list[tuple[Version, DistributionPackage]]:
        """Return a wheel of the newest patch of each minor version, the newest last."""
        newest: dict[tuple[int, int, int], tuple[Version, DistributionPackage]] = {}
        try:
            packages = self._index.get_project_page(name).packages
        except self._unknown:
            return []
        files = [(version, file) for file in packages if _usable(file) and (version := _version(file.version))]
        final = [each for each in files if not each[0].is_prerelease]
        for version, file in final or files:
            minor = (version.epoch, version.major, version.minor)
            # One for Linux where there are several; which of them matters to nobody else.
            if minor not in newest or (version, _preferred(file)) > (newest[minor][0], _preferred(newest[minor][1])):
                newest[minor] = (version, file)
        return sorted(newest.values(), key=lambda each: each[0])

    @cache  # noqa: B019 - there is one, until the script ends
    def metadata(self, name: str) -> list[tuple[Version, Message]]:
        """Return what each wheel tells of itself, the newest last."""
        return [(version, HeaderParser().parsestr(self._told(file))) for version, file in self.wheels(name)]

    def _told(self, file: DistributionPackage) -> str:
        # Beside the wheel, whether the page of the index says so or not; else within it.
        answer = self._session.get(f"{file.url}.metadata", timeout=60)
        if answer.ok:
            return answer.text
        with self._opened(file) as wheel:
            return wheel.read(next(each for each in wheel.namelist() if _METADATA.fullmatch(each))).decode()

    def brings(self, name: str) -> Brings | None:
        """Return what a distribution, with an extra in brackets, asks for; None where no wheel of it is there."""
        alone, _, extra = name.rstrip("]").partition("[")
        if not (told := self.metadata(alone)):
            return None
        versions: list[tuple[str, str, list[str]]] = []
        for version, metadata in told:
            lines = metadata.get_all("Requires-Dist", [])
            asked = {each for line in lines for each in _applies(line, extra)} - {alone} | ({alone} if extra else set())
            if versions and versions[-1][2] == sorted(asked):
                versions[-1] = (versions[-1][0], str(version), sorted(asked))
            else:
                versions.append((str(version), str(version), sorted(asked)))
        return {"python": told[-1][1].get("Requires-Python") or "", "versions": versions}

    def contents(self, name: str) -> tuple[set[str], set[str]]:
        """Return the top-level modules of the newest wheel, and its commands."""
        if not (wheels := self.wheels(name)):
            return set(), SOURCES.get(name, set())
        with self._opened(wheels[-1][1]) as wheel:
            names = wheel.namelist()
            modules = {module for each in names if (module := _module(each))}
            file = next((each for each in names if each.endswith(".dist-info/entry_points.txt")), None)
            commands = _commands(wheel.read(file).decode()) if file else set()
        commands |= {match[1] for each in names if (match := _SCRIPT.fullmatch(each))}
        return {each for each in modules if not _STRAY.fullmatch(each)}, {
            each for each in commands if not _USUAL.fullmatch(each)
        }

    def _opened(self, file: DistributionPackage) -> zipfile.ZipFile:
        size = file.size or int(self._session.head(file.url, headers=_HEADERS, timeout=60).headers["Content-Length"])
        far: Any = Far(self._session, file.url, size)
        return zipfile.ZipFile(io.BufferedReader(far, 1 << 16))


def _usable(file: DistributionPackage) -> bool:
    return file.package_type == "wheel" and not file.is_yanked


def _preferred(file: DistributionPackage) -> bool:
    return "manylinux" in file.filename


def _version(text: str | None) -> Version | None:
    try:
        return Version(text or "")
    except InvalidVersion:
        return None


def _applies(text: str, extra: str) -> set[str]:
    """Return the names that a line asks for with ``extra``, under any Python on Linux."""
    try:
        wanted = Requirement(text)
    except InvalidRequirement:
        return set()
    linux = {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix", "extra": extra}
    linux |= {"implementation_name": "cpython", "platform_python_implementation": "CPython"}
    pythons = [{"python_version": f"3.{minor}", "python_full_version": f"3.{minor}.1"} for minor in range(6, 15)]
    machines = [{"platform_machine": machine} for machine in ("x86_64", "aarch64")]
    places = ({**linux, **python, **machine} for python in pythons for machine in machines)
    try:
        if wanted.marker is not None and not any(wanted.marker.evaluate(place) for place in places):
            return set()
    except UndefinedComparison:
        pass  # no one can tell: it may be asked for
    name = canonicalize_name(wanted.name)
    return {f"{name}[{each}]" for each in wanted.extras} | {name}


def _module(path: str) -> str:
    """Return the top-level module that a file of a wheel makes, "" for none."""
    top, _, rest = path.partition("/")
    if top.endswith(".data") and rest.startswith(("purelib/", "platlib/")):
        top, _, rest = rest.partition("/")[2].partition("/")
    if not rest:
        top, dot, ending = top.partition(".")
        is_code = bool(dot) and ending.endswith(("py", "so"))
    else:
        is_code = rest.endswith((".py", ".so"))
    is_name = top.isidentifier() and not top.startswith("_") and not top.endswith("__mypyc")
    return top if is_code and is_name else ""


def _commands(entry_points: str) -> set[str]:
    section, found = "", set()
    for line in entry_points.splitlines():
        if line.startswith("["):
            section = line.strip("[] ")
        elif section == "console_scripts" and "=" in line:
            found.add(line.partition("=")[0].strip())
    return found


def _all_brought(published: Published, pool: ThreadPoolExecutor) -> dict[str, Brings]:
    """Return what each distribution brings, and each of those, until nothing new is met."""
    found: dict[str, Brings] = {name: {"python": "", "versions": [("0", "0", [])]} for name in SOURCES}
    asked_for = set(SOURCES)
    waiting = set(KNOWN) | {name for name in LISTED if "[" in name}

    def ask(name: str) -> Brings | None:
        try:
            return published.brings(name)
        except requests.HTTPError as error:
            print(f"{name}: {error}", file=sys.stderr)
            return None

    while waiting := waiting - asked_for:
        names = sorted(waiting)
        asked_for |= waiting
        for name, brought in zip(names, pool.map(ask, names), strict=True):
            if brought is not None:
                found[name] = brought
                waiting |= {each for _, _, asked in brought["versions"] for each in asked}
        print(f"{len(found)} known", file=sys.stderr)
    return found


def _shortened(brings: dict[str, Brings]) -> dict[str, Brings]:
    """Return what is reached from ``KNOWN``, with one row for all older versions of what nobody is thought to pin."""
    listed = {*KNOWN, *LISTED, *SOURCES}
    short: dict[str, Brings] = {}
    waiting = [name for name in listed if name in brings]
    while waiting:
        name = waiting.pop()
        if name in short or name not in brings:
            continue
        *older, newest = brings[name]["versions"]
        if name not in listed and older:
            asked = sorted({each for _, _, asked in older for each in asked})
            older = [(older[0][0], older[-1][1], asked)]
        short[name] = {"python": brings[name]["python"], "versions": [*older, newest]}
        waiting += (each for _, _, asked in short[name]["versions"] for each in asked)
    return dict(sorted(short.items()))


def _by_names(contents: Iterable[tuple[str, set[str]]]) -> dict[str, list[str]]:
    """Return who has a module or command: first whom it is named after, then in the order of ``KNOWN``."""
    found: dict[str, list[str]] = {}
    for distribution, names in contents:
        for name in names:
            found.setdefault(name, []).append(distribution)
    for name, distributions in found.items():
        distributions.sort(key=lambda each: each != canonicalize_name(name))
    return dict(sorted(found.items()))


def main() -> None:
    """Ask the index, and write the table."""
    published = Published()
    names = list(dict.fromkeys(KNOWN))
    with ThreadPoolExecutor(_WORKERS) as pool:
        contents = list(zip(names, pool.map(published.contents, names), strict=True))
        brings = _all_brought(published, pool)
    table = {
        "dated": date.today().isoformat(),
        "modules": _by_names((name, modules) for name, (modules, _) in contents),
        "commands": _by_names((name, commands) for name, (_, commands) in contents),
        "brings": _shortened(brings),
    }
    lines = (
        f'"{key}": {{\n' + ",\n".join(f"{json.dumps(name)}: {json.dumps(row)}" for name, row in value.items()) + "\n}"
        for key, value in table.items()
        if isinstance(value, dict)
    )
    TABLE.write_text(f'{{\n"dated": {json.dumps(table["dated"])},\n' + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()

"""What an installation of requirements depends on, so that a code edit never causes one (B2)."""

from __future__ import annotations

import codecs
import hashlib
import posixpath
import re
from dataclasses import field
from typing import TYPE_CHECKING

from vhlocal.errors import InputError
from vhlocal.model import Place
from vhlocal.project.local_requirements import Reads, local_reads
from vhlocal.regular import content_of
from vhlocal.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from vhlocal.model import Package

_COMMENT = re.compile(r"(^|\s+)#.*$")
_INCLUDE = re.compile(r"(?:-r|-c|--requirement|--constraint)(?:\s+|=|(?<=-[rc]))(?P<path>.+)")
_URL = re.compile(r"[a-z][a-z0-9+.-]+:", re.IGNORECASE)


@dataclass(frozen=True)
class RequirementInputs:
    """A requirements file's closure: ``files`` are (path, content hash) pairs, the file itself first.

    ``read`` are such pairs, sorted, of what else the installation reads of the project; the hash is empty where only
    the name counts. ``local`` is whether a line installs from the project's own tree, so that it has to be there.
    ``contents`` are those of the files, by path, at the time of reading.
    """

    files: tuple[tuple[str, str], ...]
    read: tuple[tuple[str, str], ...]
    local: bool
    contents: Mapping[str, bytes] = field(default_factory=dict, compare=False)

    def key(self) -> str:
        """Return a hash over all that the installation reads: equal keys mean an equal installation."""
        parts = [part for file in (*self.files, *self.read) for part in file]
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def requirement_inputs(package: Package, name: str) -> RequirementInputs:
    """Return the closure of the packaged requirements file ``name`` over its ``-r`` and ``-c`` lines (B2).

    InputError, with file and line, for an included file that is not packaged. URLs and ``${VARIABLES}`` are not
    followed, and markers are not judged: every branch counts.
    """
    files: dict[str, str] = {}
    contents: dict[str, bytes] = {}
    reads: Reads | None = None
    waiting = [name]
    while waiting:
        path = waiting.pop()
        if path in files:
            continue
        content = contents[path] = _content(package, path)
        files[path] = hashlib.sha256(content).hexdigest()
        for number, line in logical_lines(_text(content)):
            include = _INCLUDE.fullmatch(line)
            if include is None:
                found = local_reads(line, package, path)
                reads = found if reads is None else reads | (found or Reads())
            elif not _URL.match(target := include["path"].strip().strip("\"'")) and "${" not in target:
                waiting.append(_included(package, path, target, number))
    return RequirementInputs(tuple(files.items()), _read(package, reads or Reads()), reads is not None, contents)


def _read(package: Package, reads: Reads) -> tuple[tuple[str, str], ...]:
    contents = {path: f"{package.files[path].digest} {package.files[path].mode:o}" for path in reads.contents}
    return tuple(sorted({**dict.fromkeys(reads.names, ""), **contents}.items()))


@dataclass(frozen=True)
class RequirementLine:
    """One logical line of a requirements file, without its comment. ``missing`` says why its include is not read.

    ``constraint`` is whether it stands in a file that was included by ``-c``: it does not have anything installed.
    """

    place: Place
    text: str
    constraint: bool = False
    missing: str = ""


def requirement_lines(package: Package, name: str) -> tuple[RequirementLine, ...]:
    """Return the lines of the packaged requirements file ``name``, those of what it includes in their places (B2)."""
    return tuple(_closure(package, name, {name}, constraint=False))


def _closure(package: Package, path: str, seen: set[str], *, constraint: bool) -> Iterator[RequirementLine]:
    for number, line in logical_lines(_text(_content(package, path))):
        place = Place(package.directory / path, number)
        include = _INCLUDE.fullmatch(line)
        if include is None:
            yield RequirementLine(place, line, constraint)
            continue
        target = include["path"].strip().strip("\"'")
        if _URL.match(target) or "${" in target:
            yield RequirementLine(place, line, constraint)
            continue
        try:
            included = _included(package, path, target, number)
        except InputError as error:
            yield RequirementLine(place, line, constraint, missing=error.message)
            continue
        if included not in seen:
            seen.add(included)
            yield from _closure(package, included, seen, constraint=constraint or line.startswith(("-c", "--c")))


def _content(package: Package, path: str) -> bytes:
    try:
        return content_of(package.files[path].source)
    except OSError as error:
        place = Place(package.directory / path)
        raise InputError(f"the requirements cannot be read: {error.strerror}", place=place) from error


def _text(content: bytes) -> str:
    """Decode as pip does: by the mark that it begins with, which on Windows may be UTF-16's; else as UTF-8."""
    is_utf16 = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    return content.decode("utf-16" if is_utf16 else "utf-8-sig", errors="replace")


def logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield logical lines, without comments, each with the number of its first line."""
    start = 1
    parts: list[str] = []
    for number, line in enumerate(text.splitlines(), 1):
        start = start if parts else number
        if line.endswith("\\") and not line.lstrip().startswith("#"):
            parts.append(line[:-1])
            continue
        logical = _COMMENT.sub("", "".join([*parts, line])).strip()
        parts = []
        if logical:
            yield start, logical
    if parts and (logical := _COMMENT.sub("", "".join(parts)).strip()):
        yield start, logical


def _included(package: Package, path: str, target: str, number: int) -> str:
    place = Place(package.directory / path, number)
    included = posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
    if included in package.files:
        return included
    if target.startswith("/") or included.startswith("../"):
        raise InputError(f"`{target}` is outside the project: it would be missing from the image", place=place)
    if (package.directory / included).is_file():
        hint = f"stop ignoring {included}, in .gitignore or .vhignore"
        raise InputError(f"`{target}` is not packaged: it would be missing from the image", place=place, hint=hint)
    raise InputError(f"`{target}` does not exist", place=place)

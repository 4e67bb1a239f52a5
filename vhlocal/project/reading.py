"""How a package is read from disk: all of it, or only what file events named."""

from __future__ import annotations

import bisect
import hashlib
import os
import posixpath
import stat
import time
from dataclasses import field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from vhlocal.contract.image import requirements_file
from vhlocal.errors import InputError
from vhlocal.model import Package, PackagedFile, Place
from vhlocal.project.packaged_paths import directories_of, packaged_paths
from vhlocal.regular import MOST, digest_of, size_of
from vhlocal.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

_REVISION_LENGTH = 12

#: A file saved less than this before it was read, in nanoseconds, may be saved again within one tick of its clock.
_SETTLED = 50_000_000

#: Files that decide, in whichever directory, what is packaged.
_DECIDING = (".gitignore", ".gitmodules", ".vhignore")

_Look = tuple[int, int, int, int, int]


@dataclass(frozen=True)
class ReadPackage(Package):
    """A package that remembers how its files looked on disk, so that the next reading can skip unchanged ones.

    ``files`` and ``blocks``, what each file adds to the revision, are in the order of the paths. ``links`` are the
    listed paths that are links, also broken ones; ``unlisted`` some files that are not packaged. ``entangled`` is
    whether an event may name a file by another path than the package does, or be about a file that decides what is
    packaged. ``left_out`` are paths that it had to leave out; ``include_untracked`` is whether it includes files that
    git does not track.
    """

    looks: dict[str, _Look] = field(default_factory=dict, compare=False, repr=False)
    blocks: dict[str, bytes] = field(default_factory=dict, compare=False, repr=False)
    links: frozenset[str] = field(default=frozenset(), compare=False, repr=False)
    unlisted: frozenset[str] = field(default=frozenset(), compare=False, repr=False)
    entangled: bool = field(default=True, compare=False, repr=False)
    left_out: frozenset[str] = field(default=frozenset(), compare=False, repr=False)
    include_untracked: bool = field(default=True, compare=False, repr=False)


def read_all(
    directory: Path,
    known: ReadPackage | None,
    touched: Collection[str] = (),
    left_out: frozenset[str] = frozenset(),
    *,
    include_untracked: bool = True,
) -> ReadPackage:
    """Read all of a package. Of the ``touched`` paths it is remembered which are files that are not packaged."""
    known = known or ReadPackage(directory, {}, "")
    others = {path: _file_look(directory, path) for path in {*known.unlisted, *touched}}
    listed_paths = packaged_paths(directory, include_untracked=include_untracked)
    paths = [path for path in listed_paths if path not in left_out]
    _check_requirements(directory, paths)
    reading = _Reading(known, {})
    for path in paths:
        reading.take(path)
    listed = frozenset(paths) if others else frozenset()
    # What looks as it did before the listing was there all the while: it would have been listed.
    unlisted = {path for path in others.keys() - listed if others[path] and others[path] == _file_look(directory, path)}
    package = reading.package(frozenset(unlisted), entangled=_entangled(directory, paths))
    return replace(package, left_out=left_out, include_untracked=include_untracked)


def read_whole(directory: Path) -> ReadPackage:
    """Read all files below a directory, whatever their names, and links that lead somewhere in it: a commit (B5)."""
    reading = _Reading(ReadPackage(directory, {}, ""), {}, whole=True)
    for path in sorted(_walk(directory)):
        reading.take(path)
    return reading.package(frozenset(), entangled=True)


def read_unhashed(directory: Path, *, include_untracked: bool) -> Package:
    """Read which files are packaged, and nothing in them: gigabytes take no longer. Digests and revision are empty."""
    paths = packaged_paths(directory, include_untracked=include_untracked)
    _check_requirements(directory, paths)
    reading = _Reading(ReadPackage(directory, {}, ""), {}, hashed=False)
    for path in paths:
        reading.take(path)
    return Package(directory, reading.package(frozenset(), entangled=True).files, "")


def read_touched(known: ReadPackage, touched: Collection[str]) -> ReadPackage | None:
    """Read anew what was touched, and links, whose targets may have been; None when that may not be all."""
    if known.entangled:
        return None
    _check_requirements(known.directory, known.files)
    reading = _Reading(known, known.files)
    paths = list(known.files)
    for path in touched:
        if path.rpartition("/")[2] in _DECIDING or path in (".", ".git"):
            return None
        if path in known.files or path in known.links:
            reading.take(path)
        elif _may_matter(known, paths, path):
            return None
    for path in known.links:
        reading.take(path)
    return None if reading.more else reading.package(known.unlisted, entangled=False)


def identity(file: PackagedFile) -> tuple[str, int, str, str]:
    """Return what identifies a packaged file: path, mode, content, link."""
    return (file.path, file.mode, file.digest, file.link or "")


def _check_requirements(directory: Path, paths: Collection[str]) -> None:
    """Refuse what nobody reads before it is hashed, which takes minutes for gigabytes. InputError."""
    name = requirements_file(paths)
    try:
        size = 0 if name is None else (directory / name).stat().st_size
    except OSError:
        return
    if name is not None and size > MOST:
        raise InputError(
            f"the file has {size // 1024**2:,} MB: vhlocal reads requirements of up to {MOST // 1024**2} MB",
            place=Place(directory / name),
            hint=f"make {name} a list of requirements, or name it in .vhignore",
        )


class _Reading:
    """Files as they are read, one by one; ``files`` are those of the known package to begin with: all, or none.

    Links to directories count where it is ``whole``: the platform's client leaves them out, a commit has them. Unless
    it is ``hashed``, files have no digest.
    """

    def __init__(
        self, known: ReadPackage, files: Mapping[str, PackagedFile], *, whole: bool = False, hashed: bool = True
    ) -> None:
        self._known = known
        self._whole = whole
        self._hashed = hashed
        self._root = f"{known.directory}{os.sep}"
        self._files = dict(files)
        self._looks = dict(known.looks) if files else {}
        self._blocks = dict(known.blocks) if files else {}
        self._links = set(known.links) if files else set()
        self._by_look: dict[_Look, str] | None = None
        #: Whether a path was more than the file it had been: a directory, a file by two names, one where none was.
        self.more = False

    def take(self, path: str) -> None:
        """Read one path anew, unless it looks as it did."""
        known = self._known
        self._links.discard(path)
        try:
            seen = os.lstat(self._root + path)
            look = _look(seen)
            if known.looks.get(path) == look:
                self._files[path], self._blocks[path], self._looks[path] = known.files[path], known.blocks[path], look
                return
            now = time.time_ns()
            file = self._moved(path, look) or _read_file(
                known.directory, path, seen, whole=self._whole, hashed=self._hashed
            )
        except (FileNotFoundError, NotADirectoryError):
            self._put(path, None, None)
            return
        except OSError as error:
            place = Place(known.directory / path)
            hint = "make it readable, or name it in .vhignore"
            raise InputError(f"the file cannot be read: {error.strerror}", place=place, hint=hint) from error
        if stat.S_ISLNK(seen.st_mode):
            self._links.add(path)
        self.more |= stat.S_ISDIR(seen.st_mode) or seen.st_nlink > 1 or (file is not None and path not in known.files)
        # A link's target is not part of its own look, and a just saved file may change under an equal one.
        settled = file is not None and file.link is None and max(look[1], look[2]) < now - _SETTLED
        self._put(path, file, look if settled else None)

    def _moved(self, path: str, look: _Look) -> PackagedFile | None:
        """Return a file that came with its directory from where it is known: it looks there as it did here."""
        if path in self._known.files:
            return None
        if self._by_look is None:
            self._by_look = {each: known for known, each in self._known.looks.items()}
        before = self._by_look.get(look)
        if before is None:
            return None
        return replace(self._known.files[before], path=path, source=self._known.directory / path)

    def _put(self, path: str, file: PackagedFile | None, look: _Look | None) -> None:
        if file is None:
            self._files.pop(path, None)
            self._blocks.pop(path, None)
        else:
            # In place, if it was there: the order stays.
            self._files[path], self._blocks[path] = file, _block(file)
        if look is None:
            self._looks.pop(path, None)
        else:
            self._looks[path] = look

    def package(self, unlisted: frozenset[str], *, entangled: bool) -> ReadPackage:
        """Return what was read."""
        revision = hashlib.sha256(b"".join(self._blocks.values())).hexdigest()[:_REVISION_LENGTH]
        return ReadPackage(
            self._known.directory,
            self._files,
            revision,
            self._looks,
            self._blocks,
            frozenset(self._links),
            unlisted,
            entangled,
            self._known.left_out,
            self._known.include_untracked,
        )


def _may_matter(known: ReadPackage, paths: list[str], touched: str) -> bool:
    """Tell whether a touched path that is not packaged may be, or hold what is; ``paths`` are the packaged ones."""
    below = f"{touched}/"
    first = bisect.bisect_left(paths, below)
    if first < len(paths) and paths[first].startswith(below):
        return True
    try:
        seen = os.lstat(known.directory / touched)
    except (FileNotFoundError, NotADirectoryError):
        return False  # a file that was there for a while, such as an editor's
    except OSError:
        return True
    if stat.S_ISDIR(seen.st_mode):
        return not touched.startswith(".")
    # What has a dotted name at the top is never packaged, but it may be packaged by another name that it has.
    return seen.st_nlink > 1 or not (touched.startswith(".") or touched in known.unlisted)


def _entangled(directory: Path, paths: Iterable[str]) -> bool:
    """Tell whether something packaged is reached through a link, or a link decides what is packaged."""
    return any(_is_link(f"{directory}{os.sep}{path}") for path in (*_DECIDING, *directories_of(paths)))


def _is_link(path: str) -> bool:
    try:
        return stat.S_ISLNK(os.lstat(path).st_mode)
    except OSError:
        return False


def _file_look(directory: Path, path: str) -> _Look | None:
    """Return how something that is no directory looks, None where there is no such thing."""
    try:
        seen = os.lstat(directory / path)
    except OSError:
        return None
    return None if stat.S_ISDIR(seen.st_mode) else _look(seen)


def _look(seen: os.stat_result) -> _Look:
    return (seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns, seen.st_ino, seen.st_mode)


def _block(file: PackagedFile) -> bytes:
    return "\0".join(map(str, identity(file))).encode() + b"\0"


def _walk(directory: Path) -> Iterator[str]:
    for top, directories, files in os.walk(directory):
        base = Path(top).relative_to(directory)
        links = [name for name in directories if _is_link(f"{top}{os.sep}{name}")]
        yield from ((base / name).as_posix() for name in (*files, *links))


def _read_file(directory: Path, path: str, seen: os.stat_result, *, whole: bool, hashed: bool) -> PackagedFile | None:
    source = directory / path
    if stat.S_ISLNK(seen.st_mode):
        link = str(source.readlink())
        # What points outside, or anywhere by an absolute path, would point at nothing in a container.
        target = posixpath.normpath(posixpath.join(posixpath.dirname(path), link))
        if (
            link.startswith("/")
            or target == ".."
            or target.startswith("../")
            or not (source.exists() if whole else source.is_file())
        ):
            return None
        text = os.fsencode(link)
        return PackagedFile(path, source, hashlib.sha256(text).hexdigest(), 0o777, len(text), link)
    if not stat.S_ISREG(seen.st_mode):
        return None
    mode = 0o755 if seen.st_mode & stat.S_IXUSR else 0o644
    digest, size = digest_of(source) if hashed else ("", size_of(source))
    return PackagedFile(path, source, digest, mode, size)

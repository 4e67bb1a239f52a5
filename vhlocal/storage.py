"""Where vhlocal keeps its own files, and the errors if the system does not let it.

Files of a project or of the user go to the directories that the system has for them. If one cannot be used, because
it is somebody else's, read-only or full, or because there is no home directory, one below the directory for temporary
files replaces it: commands look at both.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import platformdirs

from vhlocal.errors import VhlocalError
from vhlocal.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from vhlocal.events import Notice

E = TypeVar("E", bound=VhlocalError)

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})

#: What a system says that does not let one write; ENOENT is left out, since it is said of much else.
_REFUSALS = _FULL | {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EIO, errno.ENAMETOOLONG, errno.EFBIG}

_IDENTITY = "identity"

_USUAL = {
    "state": platformdirs.user_state_path,
    "cache": platformdirs.user_cache_path,
    "data": platformdirs.user_data_path,
}


class _OpenError(PermissionError):
    """Every user may write to a directory that leads to ours, and so put another one in its place."""

    def __init__(self, place: Path) -> None:
        super().__init__(errno.EACCES, os.strerror(errno.EACCES), str(place))


@dataclass(frozen=True)
class Room:
    """A directory of ours that can be used; ``notice`` says why it is not the usual one, if it is not."""

    path: Path
    notice: Notice | None = None


def room(kind: str, *parts: str) -> Room:
    """Return the directory for ``parts`` below the user's own for a ``kind``: state, cache or data. It is made.

    VhlocalError where neither that nor what stands in for it can be used.
    """
    return _room(usual(kind), kind, parts)


def rooms(kind: str, *parts: str) -> list[Path]:
    """Return every directory in which ``parts`` of a kind may be, the usual one first; they need not be there."""
    own = trusted(kind, *parts)
    found = [] if own is None else [own]
    with contextlib.suppress(VhlocalError):
        spare = _spare()
        if _is_ours(spare) and _open_way(spare) is None:
            found.append(spare.joinpath(kind, *parts))
    return found


def usual(kind: str) -> Path:
    """Return the user's own directory for a kind, whether or not it can be used."""
    return _USUAL[kind]("vhlocal")


def trusted(kind: str, *parts: str) -> Path | None:
    """Return the usual directory for ``parts`` of a kind, whether or not it is there, for what is read and written.

    None where another user may have put it there. It is not tried out, as ``room`` does: that takes longer.
    """
    top = usual(kind)
    path = top.joinpath(*parts)
    ours = (place for place in (path, *path.parents) if place.is_relative_to(top))
    return None if any(map(_is_others, ours)) or _open_way(top) is not None else path


def spare(kind: str) -> Path:
    """Return the directory that stands in for the usual one; VhlocalError where there is no place for it."""
    place = _spare()
    with writing("no directory for temporary files can be used", place):
        _check_way(place)
        place.mkdir(mode=0o700, exist_ok=True)
    if not _is_ours(place):
        raise VhlocalError(
            f"{place} is not yours alone, so vhlocal cannot keep its files there",
            hint="have it removed",
        )
    path = place / kind
    path.mkdir(mode=0o700, exist_ok=True)
    return path


def _free(place: Path) -> int:
    """Return the bytes that are free on the disk of ``place``."""
    import shutil  # noqa: PLC0415 - slow to import, and needed by who writes alone

    return shutil.disk_usage(place).free


def can_be_written(path: Path) -> bool:
    """Tell whether a directory can be made, or written to where it is there, and the disk has any room."""
    place = _existing(path)
    return path.is_absolute() and place.is_dir() and os.access(place, os.W_OK) and _free(place) > 0


def identity() -> str:
    """Return what images of this user are known by on an engine that others use too; empty where none can be kept."""
    for place in rooms("state"):
        with contextlib.suppress(OSError):
            return (place / _IDENTITY).read_text()
    made = os.urandom(8).hex()
    with contextlib.suppress(OSError, VhlocalError):
        place = room("state").path
        new = place / f"{_IDENTITY}.{made}"
        new.write_text(made)
        with contextlib.suppress(FileExistsError):
            os.link(new, place / _IDENTITY)  # another process may have been quicker: there is one
        new.unlink()
        return (place / _IDENTITY).read_text()
    return ""


@contextlib.contextmanager
def writing(what: str, where: Path, kind: type[E] | type[VhlocalError] = VhlocalError) -> Iterator[None]:
    """Raise what the system refuses in the block as a ``kind`` of error: ``what`` could not be done, and where."""
    try:
        yield
    except OSError as error:
        raise refused(error, what, where, kind) from error


def write_whole(file: Path, content: bytes) -> None:
    """Write a file of the user's so that it has all of this, or is as it was; OSError where that is not possible."""
    if file.exists() and not file.is_file():
        file.write_bytes(content)  # such as /dev/stdout, of which there is no part to keep
        return
    target = file.resolve()
    part = target.with_name(f".{target.name}.{os.getpid()}.new")
    try:
        part.write_bytes(content)
        if target.exists():
            part.chmod(stat.S_IMODE(target.stat().st_mode))
        part.replace(target)
    except OSError:
        part.unlink(missing_ok=True)
        raise


def refused(
    error: OSError, what: str = "", where: Path | None = None, kind: type[E] | type[VhlocalError] = VhlocalError
) -> E | VhlocalError:
    """Return what the system has refused in the user's words: what, the path, why, and what to do.

    ``where`` stands for the path that the system named, where it named none.
    """
    path = Path(os.fsdecode(error.filename)) if isinstance(error.filename, (str, bytes)) else where
    why, hint = (f"{error.strerror}", "free some space") if path is None else _reason(error, path, where)
    return kind(f"{what}: {why}" if what else why, hint=hint)


def known(error: BaseException) -> BaseException:
    """Return an error in the user's words where it is a disk's refusal, and not about a connection or a program."""
    if isinstance(error, OSError) and error.errno in _REFUSALS and (error.filename or is_full(error)):
        refusal = refused(error)
        refusal.__cause__ = error
        return refusal
    return error


def is_full(error: OSError) -> bool:
    """Tell whether there is no room left, on a disk or in the user's share of it."""
    return error.errno in _FULL


def _reason(error: OSError, path: Path, where: Path | None) -> tuple[str, str]:
    place = _existing(path)
    disk = place if place.is_dir() else place.parent
    if isinstance(error, _OpenError):
        command = f"sudo chmod +t {place}" if _owner(place) else f"chmod +t {place}"
        return f"any user can replace the files in {place}", f"`{command}` prevents that"
    if error.errno in {errno.EACCES, errno.EPERM}:
        if owner := _owner(place):
            all_of_it = where if where and where.exists() and place.is_relative_to(where) else place
            return f"{place} belongs to {owner}", f"`sudo chown -R $(id -u) {all_of_it}` makes it yours"
        return f"{place} is not writable", "change its mode, or choose another place"
    if error.errno == errno.EEXIST and place.is_dir():
        return f"{place} already exists", "move it away"
    if error.errno == errno.ENOENT and not path.parent.exists():
        return f"there is no directory {path.parent}", "create it, or choose another place"
    known = {
        errno.ENOSPC: (f"the disk that holds {disk} is full", "free some space there (`vhlocal prune` frees some)"),
        errno.EDQUOT: (f"your quota on the disk that holds {disk} is used up", "free some space there"),
        errno.EROFS: (f"{disk} is on a read-only file system", "set HOME to a writable directory"),
        errno.EISDIR: (f"{path} is a directory", "name a file in it"),
        errno.ENOTDIR: (f"{place} is a file, where a directory is needed", "move it away"),
        errno.EEXIST: (f"{place} is a file, where a directory is needed", "move it away"),
    }
    return known.get(error.errno or 0, (f"{path}: {error.strerror or error}", "set HOME to a writable directory"))


def _existing(path: Path) -> Path:
    """Return what is there of a path: itself, or the nearest of the directories that lead to it."""
    for place in (path, *path.parents):
        with contextlib.suppress(OSError):
            if place.exists():
                return place
    return path


def _owner(path: Path) -> str:
    """Return whose a path is if it is somebody else's."""
    try:
        number = path.stat().st_uid
        if number == os.geteuid():
            return ""
    except (OSError, AttributeError):
        return ""
    try:
        return path.owner()
    except (KeyError, NotImplementedError):
        return f"user {number}"


@cache
def _room(usual: Path, kind: str, parts: tuple[str, ...]) -> Room:
    try:
        path = usual.joinpath(*parts)
        _try(path, usual)
    except OSError as error:
        why = refused(error, where=usual)
        try:
            place = spare(kind)
        except VhlocalError as neither:
            hint = f"{why.hint}, or {neither.hint}"
            raise VhlocalError(f"{why.message}, and {neither.message}", hint=hint) from error
        with writing(why.message, place):
            _try(place.joinpath(*parts), place)
        from vhlocal.events import Notice  # noqa: PLC0415 - most commands have no other use for events

        return Room(place.joinpath(*parts), Notice(f"{why.message}: using {place} instead", hint=why.hint))
    return Room(path)


def own(*places: Path) -> None:
    """See that directories are this user's own, and that nobody else may write to them.

    PermissionError where one is somebody else's, or every user may put another in its place: what is in it may be of
    their making. One that is the user's, but that others may write to, is closed to them.
    """
    for place in places:
        if _is_others(place):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(place))
        mode = place.stat().st_mode
        if hasattr(os, "geteuid") and mode & 0o022:
            with contextlib.suppress(OSError):  # some file systems know no modes
                place.chmod(stat.S_IMODE(mode) & ~0o022)
    for place in places:
        _check_way(place)


def _check_way(path: Path) -> None:
    place = _open_way(path)
    if place is not None:
        raise _OpenError(place)


def _open_way(path: Path) -> Path | None:
    """Return a directory on the way to a path, by links too, in which every user may replace what is others'.

    A group may be the user's alone, as on Debian: what is open to one is none of these.
    """
    ways, seen = [path] if hasattr(os, "geteuid") else [], {path}
    while ways:
        way = ways.pop()
        for place in (way, *way.parents):
            with contextlib.suppress(OSError):
                mode = place.lstat().st_mode
                target = place.parent / place.readlink() if stat.S_ISLNK(mode) else None
                if target is not None and target not in seen:
                    ways.append(target)
                    seen.add(target)
                elif place != path and stat.S_ISDIR(mode) and mode & (stat.S_IWOTH | stat.S_ISVTX) == stat.S_IWOTH:
                    return place
    return None


def _is_others(place: Path) -> bool:
    """Tell whether a directory, or a link to one, is there and somebody else's."""
    return _has_other_owner(place.lstat) or _has_other_owner(place.stat)


def _has_other_owner(look: Callable[[], os.stat_result]) -> bool:
    try:
        return hasattr(os, "geteuid") and look().st_uid != os.geteuid()
    except OSError:
        return False


def _try(path: Path, top: Path) -> None:
    """Make a directory, and write to it; OSError where that, or writing to what is in it, is not possible.

    It and those above it, up to ``top``, are to be the user's own.
    """
    home = Path("~").expanduser()
    if not path.is_absolute():
        raise OSError(errno.ENOENT, "not an absolute path, because there is no home directory (HOME)", str(path))
    if path.is_relative_to(home) and not home.is_dir():
        raise OSError(errno.ENOENT, "there is no such home directory (HOME)", str(home))
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    own(path, *(parent for parent in path.parents if parent.is_relative_to(top)))
    for found in path.iterdir():
        if _has_other_owner(found.lstat) or (not found.is_symlink() and not os.access(found, os.W_OK)):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(found))
    probe = path / f".probe-{os.urandom(4).hex()}"
    try:
        probe.write_bytes(bytes(_PROBE))
    finally:
        probe.unlink(missing_ok=True)


#: Bytes that have to fit: a run's record and its lock.
_PROBE = 8192


def _spare() -> Path:
    try:
        import tempfile  # noqa: PLC0415 - slow to import, and rarely needed

        temporary = Path(tempfile.gettempdir()).resolve()
    except FileNotFoundError as error:
        raise VhlocalError("there is no directory for temporary files", hint="set TMPDIR to one") from error
    if temporary == Path.cwd():
        # Python's last resort; the project's directory is nobody's but the user's.
        raise VhlocalError("no directory for temporary files is writable", hint="set TMPDIR to one that is")
    return temporary / f"vhlocal-{os.getuid() if hasattr(os, 'getuid') else 'user'}"


def _is_ours(path: Path) -> bool:
    """Tell whether a directory is this user's, and nobody else may write to it."""
    try:
        found = path.lstat()
    except OSError:
        return False
    if not hasattr(os, "getuid"):
        return stat.S_ISDIR(found.st_mode)
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o022


def size(directory: Path) -> int:
    """Return the bytes that a directory takes on the disk; more than it frees where uv has linked from its cache."""
    total = 0
    for root, _, files in os.walk(directory):
        total += sum(os.lstat(Path(root, file)).st_blocks * 512 for file in files)
    return total


def is_held(directory: Path) -> bool:
    """Tell whether any process holds a lock on a directory; False where it is not there, and on Windows."""
    if sys.platform == "win32":
        return False
    import fcntl  # noqa: PLC0415 - not there on Windows

    try:
        descriptor = os.open(directory, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False

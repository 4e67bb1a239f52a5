"""A commit as a directory that never changes: what a version that was made of it is served from (B5, K10)."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import secrets
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from vhlocal.contract.metadata import Origin
from vhlocal.errors import InputError
from vhlocal.events import Notice
from vhlocal.model import Package, Place
from vhlocal.project.above import CONFIG_FILE
from vhlocal.project.commits import configs_elsewhere, entries, find_commit, not_here
from vhlocal.project.config import load_config
from vhlocal.project.git import apart, ask_git, reading_blobs
from vhlocal.project.naming import without_credentials
from vhlocal.project.reading import read_whole
from vhlocal.project.settings import environment
from vhlocal.storage import is_held, refused, room, rooms, size, writing
from vhlocal.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from vhlocal.project.commits import Commit, Entry
    from vhlocal.project.config import Config

#: Beside the tree: its revision, and the notices about it. Written last but for the name.
_FACTS = "facts.json"
_TREE = "tree"
#: The directories of commits that this process has read, and descriptors by which the kernel knows it.
_HELD: dict[Path, int] = {}
#: How a large file's stand-in begins, whose content Git LFS keeps elsewhere.
_POINTER = b"version https://git-lfs.github.com/spec/"


@dataclass(frozen=True)
class Frozen:
    """A project as a commit has it. ``directory`` holds all of that commit's files; nothing may change it.

    ``config`` is its own ``valohai.yaml``, ``package`` its code whole (B5), ``origin`` what the metadata file says
    (B6). ``notices`` say what the commit names but does not hold.
    """

    commit: Commit
    directory: Path
    package: Package
    config: Config
    origin: Origin
    notices: tuple[Notice, ...] = ()


def freeze(directory: Path, ref: str, *, store: Path | None = None, environ: Mapping[str, str] | None = None) -> Frozen:
    """Return the project in ``directory`` as it was committed under ``ref``, from git's objects alone (B5, K10).

    Neither the working tree, nor the index, nor the list of worktrees is touched or read, nothing is fetched, and no
    program runs that the repository names. What was made once for a commit is used again while it is as it was.
    ``store`` is a directory of vhlocal's cache, ``environ`` the process's, unless given.

    InputError where there is no such commit, or its ``valohai.yaml`` is missing or wrong, with places as
    ``REF:valohai.yaml:LINE``. VhlocalError where the files cannot be written.
    """
    environ = environment() if environ is None else environ
    commit = find_commit(directory, ref, environ)
    listed = entries(commit, environ)
    if not any(entry.path == CONFIG_FILE for entry in listed):
        raise _no_config(commit, environ)
    home = (store or room("cache", "versions").path) / _home(commit)
    with _locked(home):
        made = home / commit.identifier
        known = _known(made)
        if known is None:
            _make(commit, listed, made, environ)
            known = _known(made)
        if known is not None:
            _hold(made)
    if known is None:
        raise InputError(
            f"another program changes the files of {ref} in {made}", hint="stop that program from writing there"
        )
    package, notices = known
    if not (package.directory / CONFIG_FILE).is_file():  # a link, to nothing that is in the commit
        raise _no_config(commit, environ)
    repository = without_credentials(ask_git(commit.top, "config", "--get", "remote.origin.url"))
    origin = Origin(commit.identifier, commit.time, ref, repository, adhoc=False)
    with as_committed(commit, package.directory):
        config = load_config(package.directory)
    return Frozen(commit, package.directory, package, config, origin, (*_taken(commit), *notices))


def check_commit(directory: Path, ref: str, environ: Mapping[str, str]) -> None:
    """Raise what ``freeze`` would for a ref that names no commit, or one whose ``valohai.yaml`` is missing or wrong.

    No more than that file is read, and nothing is kept.
    """
    commit = find_commit(directory, ref, environ)
    entry = next((one for one in entries(commit, environ) if one.path == CONFIG_FILE), None)
    if entry is None:
        raise _no_config(commit, environ)
    if entry.is_link or entry.is_submodule:
        return  # what it leads to is seen once all is there
    with tempfile.TemporaryDirectory(prefix="vhlocal-") as made:
        read_from = Path(made).resolve()
        with (read_from / CONFIG_FILE).open("xb") as content, reading_blobs(commit.top, apart(environ)) as read:
            if not read(entry.object, content):
                raise not_here(commit, entry.path)
        with as_committed(commit, read_from):
            load_config(read_from)


def prune(*, dry_run: bool) -> list[tuple[str, int]]:
    """Remove the files of commits that no run has served and goes on, and return of which they are and their bytes.

    They are made again from git's objects. A ``dry_run`` removes nothing.
    """
    from filelock import FileLock, Timeout  # noqa: PLC0415 - slow to import

    removed = []
    for home in [home for place in rooms("cache", "versions") for home in sorted(place.glob("*/"))]:
        try:
            with FileLock(home / ".lock").acquire(blocking=False):
                for made in [made for made in sorted(home.glob("[!.]*")) if not is_held(made)]:
                    removed.append((_of(made), size(made)))
                    if not dry_run:
                        shutil.rmtree(made)
        except Timeout:  # one is being made there
            continue
        except OSError as error:
            raise refused(error, "the files of versions cannot be removed", home) from error
    return removed


def _of(made: Path) -> str:
    """Return which commit the files are of, as messages name it."""
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        return str(json.loads((made / _FACTS).read_text(encoding="utf-8"))["of"])
    return made.name[:12]


def _hold(made: Path) -> None:
    """Keep a commit's files from ``prune`` until this process ends, however it does."""
    if sys.platform == "win32":
        return  # no run is there
    import fcntl  # noqa: PLC0415 - not there on Windows

    held = _HELD.get(made)
    if held is not None and os.path.samestat(os.fstat(held), made.stat()):
        return
    _HELD[made] = descriptor = os.open(made, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    if held is not None:
        os.close(held)


def _home(commit: Commit) -> str:
    """Return a name for what is kept of one project of one repository: another's objects are not to be trusted."""
    return hashlib.sha256(os.fsencode(commit.top) + b"\0" + os.fsencode(commit.prefix)).hexdigest()[:16]


@contextlib.contextmanager
def _locked(home: Path) -> Iterator[None]:
    """Make and hold the directory of a project's versions; the system lets go of it however the process ends."""
    from filelock import FileLock  # noqa: PLC0415 - slow to import

    with writing("the version's files cannot be stored", home):
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = FileLock(home / ".lock")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _known(made: Path) -> tuple[Package, tuple[Notice, ...]] | None:
    """Return what was made for a commit, None where it is not there or not as it was."""
    try:
        facts = json.loads((made / _FACTS).read_text(encoding="utf-8"))
        package = read_whole(made / _TREE)
        notices = tuple(Notice(*each) for each in facts["notices"])
        return (package, notices) if package.revision == facts["revision"] else None
    except (OSError, ValueError, KeyError, TypeError, InputError):
        return None


def _make(commit: Commit, listed: Iterable[Entry], made: Path, environ: Mapping[str, str]) -> None:
    """Write a commit's files under a name of their own, then give them theirs: they are complete, or not there."""
    # The lock is held: what has such a name was left by a process that was killed.
    for left in (made, *made.parent.glob(".new-*")):
        shutil.rmtree(left, ignore_errors=True)
    new = made.parent / f".new-{secrets.token_hex(8)}"
    try:
        with writing("the version's files cannot be written", made):
            tree = new / _TREE
            tree.mkdir(parents=True, mode=0o700)
            notices = _write(commit, listed, tree, environ)
            facts = {
                "revision": read_whole(tree).revision,
                "notices": [(each.text, None, each.hint) for each in notices],
                "of": f"{commit.identifier[:12]} of {commit.top / commit.prefix}",
            }
            (new / _FACTS).write_text(json.dumps(facts), encoding="utf-8")
            new.rename(made)
    finally:
        shutil.rmtree(new, ignore_errors=True)


def _write(commit: Commit, listed: Iterable[Entry], tree: Path, environ: Mapping[str, str]) -> list[Notice]:
    """Write the files, then the links: so nothing is ever written through one. Return the notices."""
    links: list[tuple[Entry, bytes]] = []
    notices: list[Notice] = []
    with reading_blobs(commit.top, apart(environ)) as read:
        for entry in listed:
            file = tree / entry.path
            if entry.is_submodule:
                notices.append(_submodule(commit, entry))
            elif entry.is_link:
                target = io.BytesIO()
                if not read(entry.object, target):
                    raise not_here(commit, entry.path)
                links.append((entry, target.getvalue()))
            else:
                file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                with file.open("xb") as content:
                    if not read(entry.object, content):
                        raise not_here(commit, entry.path)
                file.chmod(0o755 if entry.is_executable else 0o644)
                notices += _pointer(commit, entry, file)
    return [*notices, *_link(commit, links, tree)]


def _link(commit: Commit, links: Iterable[tuple[Entry, bytes]], tree: Path) -> list[Notice]:
    """Make the links, less those that lead out of the tree by any way: nothing beyond it is to be read through them."""
    made: list[tuple[Path, str, Entry]] = []
    notices: list[Notice] = []
    for entry, content in links:
        target, file = os.fsdecode(content), tree / entry.path
        if "\0" in target or not target:
            raise InputError(f"{commit.ref} has a link {entry.path}, which no checkout could have")
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        file.symlink_to(target)
        made.append((file, target, entry))
    top = tree.resolve()
    outside = [each for each in made if each[1].startswith("/") or not _is_within(each[0], top)]
    for file, target, entry in outside:
        file.unlink()
        notices.append(
            Notice(
                f"{entry.path} of {commit.ref} is left out: it is a link to {target}, which is not in the commit",
                hint="production would not find it either, unless the image has it",
            )
        )
    return notices


def _is_within(link: Path, top: Path) -> bool:
    try:
        return link.resolve().is_relative_to(top)
    except (OSError, RuntimeError):  # a link to itself
        return True


def _taken(commit: Commit) -> list[Notice]:
    """Return a notice if a name stands for several commits, and git has taken one of them."""
    if not commit.others:
        return []
    others = ", ".join(commit.others)
    return [
        Notice(
            f"{commit.ref} is also the name of {others}: this version is {commit.identifier[:12]}, as git takes it",
            hint=f"for the other, write {commit.others[0].removeprefix('refs/')}",
        )
    ]


def _submodule(commit: Commit, entry: Entry) -> Notice:
    return Notice(
        f"{entry.path} of {commit.ref} is a submodule: its files are in another repository, and not in this version",
        hint="code that needs them fails here; copy them into this repository, or install them as a requirement",
    )


def _pointer(commit: Commit, entry: Entry, file: Path) -> list[Notice]:
    with file.open("rb") as content:
        if content.read(len(_POINTER)) != _POINTER:
            return []
    return [
        Notice(
            f"{entry.path} of {commit.ref} is a Git LFS pointer: the commit holds its address, not its content",
            hint="name it in `files` of the endpoint, and choose the file with --file",
        )
    ]


def _no_config(commit: Commit, environ: Mapping[str, str]) -> InputError:
    where = f" in {commit.prefix}" if commit.prefix else ""
    others = [place for place in configs_elsewhere(commit, CONFIG_FILE, environ) if place != (commit.prefix or ".")]
    hint = f"name a commit that has one: `git log --oneline -- {CONFIG_FILE}` lists those that changed it"
    if others:
        hint = f"it has one in {', '.join(others[:5])}: go there with -C"
    return InputError(f"{commit.ref} has no {CONFIG_FILE}{where}", place=_place(commit, CONFIG_FILE), hint=hint)


@contextlib.contextmanager
def as_committed(commit: Commit, directory: Path) -> Iterator[None]:
    """Have errors in a commit's files in ``directory`` name their places in the commit."""
    try:
        yield
    except InputError as error:
        shown = f"{directory}{os.sep}"
        place = error.place
        if place is not None and place.file.is_relative_to(directory):
            path = place.file.relative_to(directory).as_posix()
            place = Place(_place(commit, path).file, place.line, place.column)
        detail = error.detail and error.detail.replace(shown, f"{_place(commit, '').file}")
        raise InputError(error.message, place=place, hint=error.hint, detail=detail) from error


def _place(commit: Commit, path: str) -> Place:
    """Return a place as git names it: ``git show`` of it prints the file."""
    return Place(Path(f"{commit.shown}{path}"))

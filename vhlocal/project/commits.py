"""Finds a commit in the repository of a project, and lists what it holds (B5, K10)."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from vhlocal.errors import InputError
from vhlocal.project.git import apart, run_git
from vhlocal.project.schema import nearest
from vhlocal.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_HASH = re.compile(r"[0-9a-fA-F]{4,64}")
#: In front of names that a tag or a branch is listed by.
_SPACES = ("refs/heads", "refs/tags", "refs/remotes")
#: Where git looks for a name, in this order (gitrevisions).
_TAKEN_FIRST = ("refs/", "refs/tags/", "refs/heads/", "refs/remotes/")
#: What may follow a name in a ref: `v1~2`, `v1^`, `main@{1}`.
_SUFFIX = re.compile(r"[~^:]|@\{")
#: What a ref may name that is no commit, as git calls it.
_NO_COMMITS = {"blob": "a file", "tree": "a directory"}
#: Only a user's own configuration, or the command line, can say so.
_NO_BARE = ("-c", "safe.bareRepository=explicit")


@dataclass(frozen=True)
class Commit:
    """A commit, found as ``ref``: its full ``identifier``, when it was made (ISO 8601), and the repository's ``top``.

    ``prefix`` leads from there to the project, with slashes; it is empty where that is the top itself. ``others`` are
    further things that the name stands for, as git lists them, where git has taken one of several.
    """

    identifier: str
    ref: str
    time: str
    top: Path
    prefix: str
    others: tuple[str, ...] = ()

    @property
    def shown(self) -> str:
        """How git names the project's directory in it: ``git show`` of this and a file's path prints the file."""
        return f"{self.ref}:{self.prefix}/" if self.prefix else f"{self.ref}:"


@dataclass(frozen=True)
class Entry:
    """What a commit has at a path: its mode as git writes it (``100755``), and its object."""

    path: str
    mode: str
    object: str

    @property
    def is_link(self) -> bool:
        """Whether it is a symbolic link."""
        return self.mode == "120000"

    @property
    def is_submodule(self) -> bool:
        """Whether it names a commit of another repository."""
        return self.mode == "160000"

    @property
    def is_executable(self) -> bool:
        """Whether it is a file that may be run."""
        return self.mode == "100755"


def find_commit(directory: Path, ref: str, environ: Mapping[str, str]) -> Commit:
    """Return the commit that ``ref`` names in the repository that the project's ``directory`` is in.

    A ref is all that git takes for a commit: a branch, a tag, a hash or its beginning, ``HEAD~2``. InputError, with
    the remedy, where there is no repository, git is absent or refuses, or there is no such commit.
    """
    environ = apart(environ)
    top, prefix, is_shallow = _repository(directory, environ)
    if not ref or ref.startswith("-") or any(ord(letter) < 32 for letter in ref):
        raise InputError(f'"{ref}" cannot name a commit', hint="name a branch, a tag or a commit's hash")
    try:
        found = run_git(top, "rev-parse", "--verify", f"{ref}^{{commit}}", options=_NO_BARE, environ=environ)
    except InputError as error:
        raise _not_there(top, ref, error.detail, environ, is_shallow=is_shallow) from error
    identifier = found.decode().strip()
    if not _HASH.fullmatch(identifier):  # `^v1`, as git writes what a range leaves out
        raise _not_there(top, ref, None, environ, is_shallow=is_shallow)
    time = run_git(top, "log", "-1", "--no-patch", "--format=%cI", identifier, options=_NO_BARE, environ=environ)
    return Commit(identifier, ref, time.decode().strip(), top, prefix, _others(top, ref, environ))


def entries(commit: Commit, environ: Mapping[str, str]) -> list[Entry]:
    """Return all that a commit holds below the project's directory, by paths that are relative to that.

    InputError where the commit lacks the directory, and for paths that no checkout could have.
    """
    tree = f"{commit.identifier}:{commit.prefix}"
    if commit.prefix and not _has_directory(commit, environ):
        raise InputError(
            f"{commit.ref} has no directory {commit.prefix}",
            hint="the project was elsewhere at that commit, or did not exist yet: name another commit, or go there "
            "with -C",
        )
    listing = _ask(commit, environ, "ls-tree", "-r", "-z", "--full-tree", tree)
    found = [_entry(line, commit) for line in listing.split(b"\0") if line]
    paths = {entry.path for entry in found}
    above = {parent for path in paths for parent in _parents(path)}
    if len(paths) != len(found) or paths & above:
        path = next((path for path in sorted(paths) if path in above), found[0].path)
        raise InputError(f"{commit.ref} has {path} twice, which no checkout could have")
    return found


def configs_elsewhere(commit: Commit, name: str, environ: Mapping[str, str]) -> list[str]:
    """Return the directories, relative to the repository's top, in which the commit has a file of this name."""
    listing = _ask(commit, environ, "ls-tree", "-r", "-z", "--full-tree", "--name-only", commit.identifier)
    paths = (os.fsdecode(path) for path in listing.split(b"\0"))
    return sorted(path.rpartition("/")[0] or "." for path in paths if path.rpartition("/")[2] == name)


def _repository(directory: Path, environ: Mapping[str, str]) -> tuple[Path, str, bool]:
    """Return a repository's top, the way from there to ``directory``, and whether its history was cut off."""
    place = directory.resolve()
    if not any((each / ".git").exists() for each in (place, *place.parents)):
        raise InputError(
            f"{directory} is not in a git repository, so there are no versions to take from one",
            hint="make one: git init && git add -A && git commit -m first",
        )
    try:
        asked = ("rev-parse", "--is-shallow-repository", "--show-prefix")
        answer = run_git(directory, *asked, options=_NO_BARE, environ=environ)
    except InputError as error:
        raise _refused(directory, error) from error
    shallow, prefix = os.fsdecode(answer).split("\n", 1)
    prefix = prefix.removesuffix("\n").strip("/")
    return (place.parents[prefix.count("/")] if prefix else place), prefix, shallow == "true"


def _refused(directory: Path, error: InputError) -> InputError:
    text = error.detail or ""
    if "dubious ownership" in text or "unsafe repository" in text:
        named = re.search(r"'([^'\n]+)'", text)
        return InputError(
            f"git refuses the repository of {directory}, because it belongs to another user",
            hint=f"if you trust it: git config --global --add safe.directory '{named[1] if named else directory}'",
            detail=text,
        )
    if not text:  # git could not be run
        return error
    return InputError(f"git cannot read the repository of {directory}", hint="see what git says", detail=text)


def _others(top: Path, ref: str, environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return the full names of tags and branches that ``ref`` names too, of other commits than the one git takes.

    Git takes a tag before a branch of the same name (gitrevisions).
    """
    name = _SUFFIX.split(ref, maxsplit=1)[0]
    if not name:
        return ()
    asked = [f"{space}{name}" for space in _TAKEN_FIRST]
    listing = run_git(top, "for-each-ref", "--format=%(refname)", *asked, options=_NO_BARE, environ=environ)
    known = listing.decode(errors="replace").splitlines()
    taken, *others = [full for full in asked if full in known] or [""]
    return tuple(
        full for full in others if _commit_of(top, full, environ) not in (b"", _commit_of(top, taken, environ))
    )


def _commit_of(top: Path, full: str, environ: Mapping[str, str]) -> bytes:
    """Return the hash of the commit that a ref's full name leads to; empty where it leads to none."""
    asked = ("rev-parse", "--verify", "--quiet", f"{full}^{{commit}}")
    return run_git(top, *asked, options=_NO_BARE, codes=(0, 1, 128), environ=environ)


def _not_there(top: Path, ref: str, detail: str | None, environ: Mapping[str, str], *, is_shallow: bool) -> InputError:
    try:
        names = list(_names(top, environ))
    except InputError as error:
        return _refused(top, error)
    if not names and not _has_commit(top, environ):
        return InputError(f"the repository {top} has no commit yet", hint="make one: git add -A && git commit -m first")
    if "is ambiguous" in (detail or ""):
        return InputError(f"more than one object begins with {ref}", hint="give more of the hash", detail=detail)
    kind = run_git(top, "cat-file", "-t", ref, options=_NO_BARE, codes=(0, 1, 128), environ=environ).decode().strip()
    if kind in _NO_COMMITS:
        named, _, path = ref.partition(":")
        hint = f"name the commit that has it: {named}" if named and path else "name a branch, a tag or a commit's hash"
        return InputError(f'"{ref}" is {_NO_COMMITS[kind]} in {top}, not a commit', hint=hint)
    hints = []
    close = nearest(ref, names)
    if close is None:
        close = next((name for name in names if name.endswith(f"/{ref}")), None)
    if close is not None:
        hints.append(f"did you mean `{close}`?")
    if is_shallow:
        hints.append("this clone has only the newest commits: `git fetch --unshallow --tags` gets the others")
    elif close is None:
        hints.append(
            "`git fetch --tags` may get it" if _HASH.fullmatch(ref) or not names else f"there are {_some(names)}"
        )
    return InputError(f'there is no commit "{ref}" in {top}', hint="; ".join(hints))


def _some(names: list[str]) -> str:
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")


def _names(top: Path, environ: Mapping[str, str]) -> Iterator[str]:
    """Yield the names of branches and tags, those of this repository first."""
    for space in _SPACES:
        listing = run_git(top, "for-each-ref", "--format=%(refname)", space, options=_NO_BARE, environ=environ)
        names = listing.decode(errors="replace").splitlines()
        yield from (name.removeprefix(f"{space}/") for name in names if not name.endswith("/HEAD"))


def _has_commit(top: Path, environ: Mapping[str, str]) -> bool:
    asked = ("rev-parse", "--verify", "--quiet", "HEAD")
    return run_git(top, *asked, options=_NO_BARE, codes=(0, 1, 128), environ=environ) != b""


def not_here(commit: Commit, what: str, detail: str | None = None) -> InputError:
    """Return the error for a clone that lacks a part of a commit, ``what`` of it; ``detail`` is what git says."""
    return InputError(
        f"{what} of {commit.ref} is not in this clone: it was cloned in part, or is damaged",
        hint=f"let git fetch it: git archive -o {os.devnull} {commit.identifier[:12]}; `git fsck` reports damage",
        detail=detail,
    )


def _has_directory(commit: Commit, environ: Mapping[str, str]) -> bool:
    asked = ("ls-tree", "-d", "-z", "--full-tree", commit.identifier, "--", commit.prefix)
    return b" tree " in _ask(commit, environ, *asked).partition(b"\t")[0]


def _ask(commit: Commit, environ: Mapping[str, str], *arguments: str) -> bytes:
    """Return what git prints of a commit's directories; InputError where one of them is not in this clone."""
    try:
        return run_git(commit.top, *arguments, options=_NO_BARE, environ=apart(environ))
    except InputError as error:
        raise not_here(commit, "a directory", error.detail) from error


def _entry(line: bytes, commit: Commit) -> Entry:
    facts, _, name = line.partition(b"\t")
    mode, _, identifier = facts.decode().split()
    try:
        path = name.decode()
    except UnicodeDecodeError as error:
        raise InputError(
            f"the file name {name.decode(errors='replace')} of {commit.ref} is not UTF-8, and cannot be packaged",
            hint="rename it, and commit that",
        ) from error
    if any(part in ("", ".", "..") or part.lower() == ".git" for part in path.split("/")):
        raise InputError(f"{commit.ref} has a file {path}, which no checkout could have")
    return Entry(path, mode, identifier)


def _parents(path: str) -> Iterator[str]:
    while path := path.rpartition("/")[0]:
        yield path

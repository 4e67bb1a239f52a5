"""The names in a version's public paths (P1 to P3), and where its code comes from (B6)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

from vhlocal.contract.metadata import Origin
from vhlocal.errors import InputError
from vhlocal.project.git import ask_git, differs_from_commit

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import date, datetime
    from pathlib import Path

    from vhlocal.model import Place

DEFAULT_OWNER = "local"
DEFAULT_ALIAS = "dev"

#: Characters that a name has at most. Production's pages name no limit, so this is ours, far above any that is in use:
#: a name is a part of each URL, and of files' names, which have 255.
LONGEST_NAME = 200

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")
_SCP = re.compile(r"(?:[^/@:]+@)?(?P<host>[^/:]{2,}):(?P<path>[^/\\].*)")


def validate_name(name: str, what: str, place: Place | None = None) -> str:
    """Return ``name`` if it can stand as one segment of a path (P1). InputError, naming ``what``, if it cannot."""
    if len(name) > LONGEST_NAME:
        shown = f"{name[:20]}…"
        hint = f"use {LONGEST_NAME} characters at most"
        raise InputError(f'{what} cannot be "{shown}": it has {len(name)} characters', place=place, hint=hint)
    if _NAME.fullmatch(name):
        return name
    hint = "use letters, digits, `-`, `_` and `.`, and start with a letter, a digit or `_`"
    raise InputError(f'{what} cannot be "{name}": it is one segment of a URL\'s path', place=place, hint=hint)


def slug(text: str) -> str:
    """Return ``text`` as a safe path segment of ``[a-z0-9-_.]``; empty when nothing of it is left."""
    return re.sub(r"[^a-z0-9_.]+", "-", text.lower()).strip("-.")[:LONGEST_NAME]


def remote_names(directory: Path) -> tuple[str, str]:
    """Return the owner and the project that the git remote ``origin`` names, as slugs; empty where it names none.

    Only where ``directory`` is itself the repository: a project within a larger one has a name of its own.
    """
    url = ask_git(directory, "config", "--get", "remote.origin.url")
    parts = [part for part in _remote_path(url).removesuffix("/").removesuffix(".git").split("/") if part]
    if not parts:
        return "", ""
    return slug(parts[0]) if len(parts) > 1 and not _is_local(url) else "", slug(parts[-1])


def directory_name(directory: Path) -> str:
    """Return the directory's own name as a slug, for a project that nothing else names."""
    return slug(directory.resolve().name) or "project"


def version_name(day: date, taken: Collection[str]) -> str:
    """Return the name of a new version: ``YYYYMMDD.N``, N one above the highest ``taken`` that day, from 0 (P2)."""
    stem = f"{day:%Y%m%d}."
    counters = [int(name[len(stem) :]) for name in taken if re.fullmatch(re.escape(stem) + r"\d+", name)]
    return f"{stem}{max(counters, default=-1) + 1}"


def version_aliases(given: Sequence[str], version: str) -> tuple[str, ...]:
    """Return a version's aliases: ``dev``, then the given ones, each once (P3).

    InputError when one of them is the version's own name: it would say nothing.
    """
    aliases = tuple(dict.fromkeys((DEFAULT_ALIAS, *given)))
    if version in aliases:
        raise InputError(
            f'"{version}" cannot be both the version\'s name and an alias of it', hint="rename one of them"
        )
    return aliases


def commit_origin(directory: Path, revision: str, now: datetime) -> Origin:
    """Return where the code comes from (B6): HEAD, or an ad-hoc commit ``~<revision>`` made ``now``.

    Ad hoc means no repository, no commit yet, or a working tree that differs from it. The remote is given without
    credentials. ``now`` is aware of its time zone.
    """
    head = ask_git(directory, "log", "-1", "--format=%H %cI")
    branch = ask_git(directory, "symbolic-ref", "--short", "--quiet", "HEAD")
    repository = without_credentials(ask_git(directory, "config", "--get", "remote.origin.url"))
    if not head or differs_from_commit(directory):
        identifier = f"~{revision}"
        return Origin(identifier, now.isoformat(), branch or identifier, repository, adhoc=True)
    identifier, _, commit_time = head.partition(" ")
    return Origin(identifier, commit_time, branch or identifier, repository, adhoc=False)


def edited_origin(origin: Origin, revision: str, now: datetime) -> Origin:
    """Return the origin of code that was edited since ``origin`` was found: an ad-hoc commit in the same repository."""
    identifier = f"~{revision}"
    ref = identifier if origin.ref == origin.identifier else origin.ref
    return Origin(identifier, now.isoformat(), ref, origin.repository, adhoc=True)


def without_credentials(url: str) -> str:
    """Return a remote's URL without user, password and query; empty when it is broken.

    The user of an SSH remote is no secret, and stays.
    """
    if "://" not in url:
        return url
    parts = _split(url)
    user, _, host = parts.netloc.rpartition("@")
    name = user.partition(":")[0]
    kept = f"{name}@{host}" if name and parts.scheme.endswith("ssh") else host
    return parts._replace(netloc=kept, query="", fragment="").geturl()


def _split(url: str) -> SplitResult:
    try:
        return urlsplit(url)
    except ValueError:  # a bracket out of place: git could not use it either
        return SplitResult("", "", "", "", "")


def _remote_path(url: str) -> str:
    if "://" in url:
        return _split(url).path
    scp = _SCP.fullmatch(url)
    return scp["path"] if scp else url


def _is_local(url: str) -> bool:
    return url.startswith("file:") or ("://" not in url and _SCP.fullmatch(url) is None)

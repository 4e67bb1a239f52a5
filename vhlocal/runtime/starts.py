"""What the last start was made of, kept for the next one that is typed alike, and what is begun of it ahead.

A start that is known begins its first server before anything else is imported (``vhlocal/ahead``). What that is, and
what has to be the same, is each runtime's own: ``process/begun`` and ``docker/begun``.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeVar

from vhlocal.errors import VhlocalError
from vhlocal.regular import digest_of
from vhlocal.runtime.base import Entry
from vhlocal.storage import room

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

#: The file from which a runner reads what it has to know, beside its own files.
SETTINGS = "serve_warm.json"

#: The variables that the platform sets; and those of them that have the version's name, at this place of a path.
_PLATFORMS = frozenset({"SCRIPT_NAME", "VH_DEFAULT_PREFIX", "VALOHAI_PORT"})
_PATHS = ("SCRIPT_NAME", "VH_DEFAULT_PREFIX")
_VERSION = 4

#: The library that reads the metadata, by what its modules' names begin with.
_READS_METADATA = "valohai"

#: Files of a project, and bytes in them, that are copied before it is known whether they are needed.
_MOST_FILES, _MOST_BYTES = 200, 4 * 1024 * 1024

#: Seconds that a process which ends waits for what it had begun in vain; Ctrl-C ends the wait.
_PATIENCE = 10.0


class Begun(Protocol):
    """A server that was begun ahead."""

    def abandon(self) -> None:
        """End it, and take away all that was made for it; what takes long is begun."""

    def wait(self, seconds: float) -> None:
        """Return once nothing is left of what was abandoned, or after so many seconds."""


T = TypeVar("T", bound=Begun)


class _Start:
    """This process's start: a hash of how it was called ("", unless it is an ``up``), its run, and what has begun."""

    typed: str = ""
    run: str = ""
    begun: Begun | None = None
    abandoned: ClassVar[list[Begun]] = []


def recall(typed: Sequence[str]) -> tuple[str, dict[str, Any]] | None:
    """Return the runtime of the last start that was typed so here, and what its first server was made of, if known.

    From now on this process keeps what its own first server is made of.
    """
    # There may be a password in it, which is to be on no disk.
    _Start.typed = hashlib.sha256("\0".join(typed).encode(errors="surrogateescape")).hexdigest()
    with contextlib.suppress(OSError, ValueError, LookupError, TypeError, VhlocalError):
        known = json.loads(_file().read_text())
        if known["typed"] == _Start.typed:
            return str(known["runtime"]), dict(known["made"])
    return None


def is_to_be_kept() -> bool:
    """Tell whether what the first server of this start is made of is not kept yet, and the next may want it."""
    return bool(_Start.typed)


def hold_still() -> str:
    """Return what this start is known by, if something is to be kept of it: "" from the second time on."""
    typed, _Start.typed = _Start.typed, ""
    return typed


def keep(typed: str, runtime: str, made: Mapping[str, Any]) -> None:
    """Keep what the first server of a start was made of, for the next that is ``typed`` alike."""
    with contextlib.suppress(OSError, VhlocalError):
        file = _file()
        text = json.dumps({"typed": typed, "runtime": runtime, "made": made})
        file.parent.mkdir(parents=True, exist_ok=True)
        new = file.with_name(f"{file.name}.{os.getpid()}.new")
        new.write_text(text)
        new.replace(file)


def may_be_kept(
    environment: Mapping[str, str], settings: Mapping[str, Any], sources: Sequence[Path], *, mounts: bool
) -> bool:
    """Tell whether a server with these variables, runner's settings and files may be begun ahead at the next start.

    Not so what would have to lie on a disk, or to be made, for it: variables of the project's own, which may be
    secrets, and what is mounted; nor what reads at its import what is new with each start (Valohai's own library the
    metadata), a project of many files, or a start that is measured.
    """
    return (
        bool(settings.get("modules"))
        and not settings.get("profile")
        and not any(name.startswith(_READS_METADATA) for name in settings["modules"])
        and environment.keys() <= _PLATFORMS
        and not mounts
        and len(sources) <= _MOST_FILES
        and sum(source.stat().st_size for source in sources) <= _MOST_BYTES
    )


def settings_of(entries: Iterable[Entry]) -> dict[str, Any]:
    """Return what the runner among these entries reads; {} where there is none."""
    return next((json.loads(entry.content or b"{}") for entry in entries if _is_settings(entry)), {})


def with_settings(entry: Entry, **changed: object) -> Entry:
    """Return the same entry; if it is the runner's settings, with these changed."""
    if not _is_settings(entry):
        return entry
    return replace(entry, content=json.dumps({**json.loads(entry.content or b"{}"), **changed}).encode())


def _is_settings(entry: Entry) -> bool:
    return entry.path.endswith(f"/{SETTINGS}")


def is_as_it_was(entry: Entry, file: Path | None) -> bool:
    """Tell whether a file has the entry's content: a save that came since the last start is another start's."""
    return file is None or entry.link is not None or digest_of(file)[0] == entry.digest


def write_entries(entries: Iterable[Entry]) -> list[dict[str, Any]]:
    """Return entries, whose content is text, as JSON can hold them: see ``read_entries``."""
    return [
        {
            **asdict(entry),
            "content": None if entry.content is None else entry.content.decode(),
            "source": None if entry.source is None else str(entry.source),
        }
        for entry in entries
    ]


def read_entries(facts: Iterable[Mapping[str, Any]]) -> tuple[Entry, ...]:
    """Return what ``write_entries`` wrote. Raises LookupError or TypeError for anything else."""
    return tuple(
        Entry(
            **{
                **entry,
                "content": None if entry["content"] is None else entry["content"].encode(),
                "source": None if entry["source"] is None else Path(entry["source"]),
            }
        )
        for entry in facts
    )


def version_of(environment: Mapping[str, str]) -> str:
    """Return the name of the version that a server with these variables serves."""
    return environment["VH_DEFAULT_PREFIX"].split("/")[_VERSION]


def for_version(environment: Mapping[str, str], version: str) -> dict[str, str]:
    """Return the same variables for a version of this name."""
    again = dict(environment)
    for name in [name for name in _PATHS if name in again]:
        parts = again[name].split("/")
        again[name] = "/".join([*parts[:_VERSION], version, *parts[_VERSION + 1 :]])
    return again


def name_run(run: str) -> None:
    """Have the run of this start take the name by which its first server is known already."""
    _Start.run = run


def run() -> str:
    """Return the name that the run of this start has already; "" where it has none."""
    name, _Start.run = _Start.run, ""
    return name


def set_begun(begun: Begun) -> None:
    """Hold what was begun ahead until it is claimed."""
    _Start.begun = begun


def claim(kind: type[T], is_wanted: Callable[[T], bool]) -> T | None:
    """Return what was begun ahead, once, if it is of this kind and wanted; anything else is ended."""
    begun, _Start.begun = _Start.begun, None
    if isinstance(begun, kind) and is_wanted(begun):
        return begun
    if begun is not None:
        abandon(begun)
    return None


def abandon(begun: Begun) -> None:
    """Have a server ended that was begun ahead and is not wanted."""
    begun.abandon()
    _Start.abandoned.append(begun)


def drop() -> None:
    """End what was begun ahead and nobody has claimed; nothing is left of what was not wanted."""
    if _Start.begun is not None:
        abandon(_Start.begun)
        _Start.begun = None
    while _Start.abandoned:
        _Start.abandoned.pop().wait(_PATIENCE)


def _file() -> Path:
    return room("cache", "ahead").path / f"{hashlib.sha256(os.fsencode(Path.cwd())).hexdigest()[:16]}.json"

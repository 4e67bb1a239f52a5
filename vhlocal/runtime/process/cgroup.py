"""Limits that the kernel keeps, where this user may have them: a cgroup of a server's own.

Version 2 needs a cgroup that is delegated to the user, as systemd does below ``user@.service``. A cgroup that has
processes cannot hand controllers down, so ours is made beside the one that we are in, or further up, as far as the
user may write. Version 1 has a hierarchy for each controller, and ours is made in the one that we are in. Where neither
can be had there is no group, and never a half-made one.
"""

from __future__ import annotations

import contextlib
import functools
import os
import re
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

from vhlocal.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_PERIOD = 100_000
_SHORTEST_QUOTA = 1_000

#: Which of a hierarchy's files say how much memory was used at most, and how often the kernel has killed.
_PEAKS = ("memory.peak", "memory.max_usage_in_bytes")
_KILLS = ("memory.events", "memory.oom_control")


@dataclass(frozen=True)
class System:
    """Where the kernel lists which cgroups there are, and which of them this process is in."""

    mounts: Path = Path("/proc/self/mountinfo")
    own: Path = Path("/proc/self/cgroup")


@dataclass(frozen=True)
class Group:
    """A cgroup of one server: ``limited`` is which of ``memory`` and ``cpu`` the kernel really limits."""

    directories: tuple[Path, ...]
    limited: frozenset[str]

    @property
    def procs(self) -> tuple[Path, ...]:
        """The files that a process writes its id to in order to join; what it starts then is in the group too."""
        return tuple(directory / "cgroup.procs" for directory in self.directories)

    @property
    def kills(self) -> int:
        """How many processes of the group the kernel has killed for its memory limit; none once it is removed."""
        texts = (_text(directory / name) for directory in self.directories for name in _KILLS)
        counts = (re.search(r"^oom_kill (\d+)$", text, re.MULTILINE) for text in texts)
        return sum(int(count[1]) for count in counts if count)

    @property
    def throttling(self) -> tuple[int, int] | None:
        """The periods of the CPU limit so far, and in how many it held the group back; None where there is none."""
        if "cpu" not in self.limited:
            return None
        texts = (_text(directory / "cpu.stat") for directory in self.directories)
        facts = dict(line.split() for text in texts for line in text.splitlines() if len(line.split()) == 2)
        return (int(facts["nr_periods"]), int(facts.get("nr_throttled", 0))) if "nr_periods" in facts else None

    @property
    def peak(self) -> int | None:
        """The most memory that the group has used, in bytes; None where the kernel does not say."""
        texts = (_text(directory / name).strip() for directory in self.directories for name in _PEAKS)
        return next((int(text) for text in texts if text.isdigit()), None)

    def remove(self) -> bool:
        """Take the group away, and return whether it is gone: it stays as long as a process is in it."""
        for directory in self.directories:
            with contextlib.suppress(OSError):
                directory.rmdir()
        return not any(directory.exists() for directory in self.directories)


@functools.cache
def enforceable() -> frozenset[str]:
    """Return what the kernel can limit for this user: ``memory``, ``cpu``, both or nothing."""
    group = make_group(f"vhlocal-{secrets.token_hex(6)}", 1 << 40, 1.0)
    if group is None:
        return frozenset()
    group.remove()
    return group.limited


def make_group(name: str, memory: int | None, cpus: float | None, system: System | None = None) -> Group | None:
    """Make a cgroup for a limit of ``memory`` in bytes and of ``cpus`` in cores; None where nothing can be limited.

    ``name`` is one that no other group has. Where only one of two limits can be kept, there is a group for that.
    """
    system = system or System()
    wanted = {key for key, limit in (("memory", memory), ("cpu", cpus)) if limit is not None}
    directories: list[Path] = []
    limited: set[str] = set()
    hierarchies: set[str] = set()
    for place in _places(wanted, system):
        controllers = place.controllers & (wanted - limited)
        if not controllers or place.hierarchy in hierarchies:
            continue  # a process is in one cgroup of each hierarchy
        if place.make(name, _settings(controllers, memory, cpus, place.version)):
            directories.append(place.parent / name)
            limited |= controllers
            hierarchies.add(place.hierarchy)
    return Group(tuple(directories), frozenset(limited)) if limited else None


@dataclass(frozen=True)
class _Place:
    """Where a group can be made, and for which controllers."""

    version: int
    hierarchy: str
    parent: Path
    controllers: frozenset[str]

    def make(self, name: str, settings: Mapping[str, str]) -> bool:
        """Make a group with these settings; those whose name has a question mark may be refused."""
        directory = self.parent / name
        try:
            if self.version == 2:
                _hand_down(self.parent, self.controllers)
            directory.mkdir()
        except OSError:
            return False
        try:
            for file, value in settings.items():
                with contextlib.suppress(*[OSError] if file.endswith("?") else []):
                    (directory / file.removesuffix("?")).write_text(value)
        except OSError:
            directory.rmdir()
            return False
        return True


def _settings(controllers: Iterable[str], memory: int | None, cpus: float | None, version: int) -> dict[str, str]:
    settings: dict[str, str] = {}
    if "memory" in controllers and version == 2:
        settings |= {"memory.max": str(memory), "memory.swap.max?": "0"}
    elif "memory" in controllers:
        settings |= {"memory.limit_in_bytes": str(memory), "memory.memsw.limit_in_bytes?": str(memory)}
    if "cpu" in controllers:
        quota = max(int((cpus or 0) * _PERIOD), _SHORTEST_QUOTA)
        both = {"cpu.max": f"{quota} {_PERIOD}"}
        settings |= both if version == 2 else {"cpu.cfs_period_us": str(_PERIOD), "cpu.cfs_quota_us": str(quota)}
    return settings


def _places(wanted: set[str], system: System) -> Iterator[_Place]:
    """Yield where groups for these controllers can be made, the best first."""
    own = _own(system)
    mounts = list(_mounts(system))
    for mount in mounts:
        if mount.type == "cgroup2" and (here := mount.directory(own.get("", ""))):
            delegated = [
                _Place(2, "", parent, found) for parent, found in _delegated(here, mount.point, wanted) if found
            ]
            # The nearest of those that have most; memory before cpu, as what passes it is killed.
            yield from sorted(delegated, key=lambda place: ("memory" not in place.controllers, -len(place.controllers)))
    for controller in sorted(wanted, reverse=True):
        for mount in mounts:
            if (
                mount.type == "cgroup"
                and controller in mount.options
                and (here := mount.directory(own.get(controller)))
            ):
                yield _Place(1, controller, here, frozenset({controller}))


def _delegated(here: Path, top: Path, wanted: set[str]) -> Iterator[tuple[Path, frozenset[str]]]:
    """Yield this process's cgroup and those above it that the user may make groups in, with their controllers.

    A process may only be moved below a cgroup whose ``cgroup.procs`` the user may write: that is the delegation's end.
    """
    for parent in (here, *here.parents):
        if not (os.access(parent, os.W_OK) and os.access(parent / "cgroup.procs", os.W_OK)):
            return
        handed = set(_text(parent / "cgroup.subtree_control").split())
        # The root alone has no type, and may have processes.
        if not ((parent / "cgroup.type").exists() and _text(parent / "cgroup.procs").strip()):
            handed |= set(_text(parent / "cgroup.controllers").split())
        yield parent, frozenset(wanted & handed)
        if parent == top:
            return


def _hand_down(parent: Path, controllers: Iterable[str]) -> None:
    control = parent / "cgroup.subtree_control"
    missing = set(controllers) - set(_text(control).split())
    if missing:
        control.write_text(" ".join(f"+{controller}" for controller in sorted(missing)))


@dataclass(frozen=True)
class _Mount:
    type: str
    root: str
    point: Path
    options: frozenset[str]

    def directory(self, path: str | None) -> Path | None:
        """Return where the cgroup of this path is seen, or None where it is outside of what is mounted."""
        if not path or ".." in path:
            return None
        try:
            return self.point / Path(path).relative_to(self.root)
        except ValueError:
            return None


def _own(system: System) -> dict[str, str]:
    """Return this process's cgroups by controller; version 2's by the empty name."""
    own: dict[str, str] = {}
    for line in _text(system.own).splitlines():
        _, controllers, path = line.split(":", 2)
        own |= dict.fromkeys(controllers.split(","), path)
    return own


def _mounts(system: System) -> Iterator[_Mount]:
    """Yield the cgroup file systems that are mounted (proc_pid_mountinfo(5))."""
    for line in _text(system.mounts).splitlines():
        mounted, _, described = line.partition(" - ")
        kind, _, options = described.split(" ", 2)
        if kind in {"cgroup", "cgroup2"}:
            root, point = (_unescaped(text) for text in mounted.split(" ")[3:5])
            yield _Mount(kind, root, Path(point), frozenset(options.split(",")))


def _unescaped(text: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), text)


def _text(file: Path) -> str:
    """Return what the kernel says in a file; nothing where there is none."""
    try:
        return file.read_text()
    except OSError:
        return ""

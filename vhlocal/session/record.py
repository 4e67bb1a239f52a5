"""What a run leaves for other commands to find it by: a locked file in the user's state directory."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import sys
import threading
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from vhlocal.errors import InputError
from vhlocal.project.above import CONFIG_FILE
from vhlocal.storage import room, rooms, spare, usual, writing
from vhlocal.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from vhlocal.storage import Room

_PROJECTS = "projects"
_RECORD = "run.json"
_PAGE = "page.json"

#: How many sets of layers a project keeps besides the one that it stands on.
_EARLIER = 3

#: Whoever writes a file of layers has read it before.
_LAYERS = threading.Lock()


@dataclass(frozen=True)
class RunRecord:
    """A run that goes on: where its control plane answers, and the token that changes need.

    ``born`` is when the process began, in epoch seconds: with ``pid`` it names one process for ever. ``ready`` is True
    once every endpoint has answered; ``runtime`` is what its servers run in, empty before that is known. ``directory``
    is the project's.
    """

    run: str
    pid: int
    url: str
    token: str
    version: str
    born: float
    ready: bool = False
    runtime: str = ""
    directory: str = ""


@dataclass(frozen=True)
class KeptPage:
    """Where the page of a project's last run was, and the key to it."""

    port: int
    key: str


class ProjectState:
    """The state that vhlocal keeps of one project, outside of the project's own directory."""

    def __init__(self, directory: Path) -> None:
        name = re.sub(r"[^A-Za-z0-9.-]+", "-", directory.name) or "project"
        digest = hashlib.sha256(str(directory).encode()).hexdigest()[:12]
        self._name = f"{name}-{digest}"
        self._directory = directory
        self._unlock: Callable[[], None] | None = None

    @property
    def room(self) -> Room:
        """The directory of all of it, which is made; VhlocalError where none can be."""
        return room("state", _PROJECTS, self._name)

    @property
    def path(self) -> Path:
        """The directory of ``room``."""
        return self.room.path

    @property
    def log(self) -> Path:
        """Where a detached run writes what it would have shown."""
        return self.path / "up.log"

    @property
    def staging(self) -> Path:
        """The directory of copies of the project's files, from which running servers get them."""
        return self.path / "staging"

    def acquire(self) -> None:
        """Claim the project for this run until the process ends, however it ends; InputError when it is taken."""
        if self.running() is not None:  # a run that has its state in another place has a lock of its own
            raise self._taken()
        with writing("the project cannot be claimed for this run", self.path):
            self._unlock = _lock(self.path / "run.lock")
        if self._unlock is None:
            raise self._taken()

    def _taken(self) -> InputError:
        record = self.running()
        where = f" at {record.url}" if record else ""
        return InputError(
            f"this project is already being served{where}", hint="use that run, or stop it with `vhlocal down`"
        )

    def write(self, record: RunRecord) -> None:
        """Record this run for other commands; only the user can read it, since it holds the token."""
        self._keep(_RECORD, asdict(record), "this run cannot be recorded for `vhlocal ps` and `down`")

    def release(self) -> None:
        """Give the project free again."""
        with contextlib.suppress(OSError):
            (self.path / _RECORD).unlink()
        if self._unlock is not None:
            self._unlock()
            self._unlock = None

    def running(self) -> RunRecord | None:
        """Return the run that goes on now, or None. A file whose run was killed does not count."""
        return next((record for record in self._records() if is_there(record)), None)

    def run(self) -> RunRecord:
        """Return the run that goes on now; InputError, with what to do instead, where none does."""
        record = self.running()
        if record is not None:
            return record
        if (self._directory / CONFIG_FILE).is_file():
            hint = "start it with `vhlocal up`"
            raise InputError(f"nothing is running for the project in {self._directory}", hint=hint)
        raise InputError(
            f"nothing is running in {self._directory}, and there is no {CONFIG_FILE}",
            hint="go to a Valohai project, or list all your runs with `vhlocal ls`",
        )

    def last_runtime(self) -> str | None:
        """Return the name of the runtime of the run that goes on or was killed, if there is one and it is known."""
        return next((record.runtime for record in self._records() if record.runtime), None)

    def versions(self, day: str) -> set[str]:
        """Return the names of the versions that this project has had on a day (``YYYYMMDD``)."""
        return {name for name in self._versions() if name.startswith(f"{day}.")}

    def keep_version(self, name: str) -> None:
        """Remember a version's name; those of other days are forgotten."""
        day = name.partition(".")[0]
        names = sorted({name, *(known for known in self._versions() if known.startswith(f"{day}."))})
        self._keep("versions.json", names, "the version's name cannot be saved")

    def keep_layers(self, tags: list[str]) -> None:
        """Remember which layers the project stands on, for ``layers_in_use``, and which it stood on before."""
        with _LAYERS:
            known = _read_layers(self.path / "layers.json")
            earlier = [known.layers, *known.earlier] if known.layers else known.earlier
            self._write_layers(tags, [each for each in earlier if each != tags])

    def forget_layers(self, discard: Callable[[list[str]], Collection[str]]) -> None:
        """Let ``discard`` remove the layers that were left long ago; it returns which of them are there no more.

        Those of the last few sets stay, for who goes back to them, and so does what another project has kept. From any
        thread.
        """
        known = _read_layers(self.path / "layers.json")
        if not known.earlier[_EARLIER:]:
            return
        kept = {tag for each in _all_layers() if each.is_there for tags in each.recent for tag in tags}
        old = {tag for tags in known.earlier[_EARLIER:] for tag in tags} - kept
        gone = {*kept, *(discard(sorted(old)) if old else ())}
        with _LAYERS:
            known = _read_layers(self.path / "layers.json")
            left = [[tag for tag in tags if tag not in gone] for tags in known.earlier[_EARLIER:]]
            self._write_layers(known.layers, [*known.earlier[:_EARLIER], *(tags for tags in left if tags)])

    def _write_layers(self, tags: list[str], earlier: list[list[str]]) -> None:
        facts = {"directory": str(self._directory), "layers": tags, "earlier": earlier}
        self._keep(
            "layers.json",
            facts,
            "the layers that this project uses cannot be recorded, to keep them from `vhlocal prune`",
        )

    def _keep(self, name: str, what: object, purpose: str) -> None:
        """Write a file in place of the one before, for the user alone; VhlocalError where that is not possible."""
        file = self.path / name
        new = file.with_suffix(".new")
        with writing(purpose, file):
            file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)  # should it have been removed under the run
            new.unlink(missing_ok=True)
            new.touch(mode=0o600)
            new.write_text(json.dumps(what))
            new.replace(file)

    def page(self) -> KeptPage | None:
        """Return where the page of the last run was; None where that is not known."""
        for place in rooms("state", _PROJECTS, self._name):
            with contextlib.suppress(OSError, ValueError, TypeError, LookupError):
                facts = json.loads((place / _PAGE).read_text())
                port, key = int(facts["port"]), str(facts["key"])
                if 0 < port < 1 << 16 and len(key) == len(new_token()):
                    return KeptPage(port, key)
        return None

    def keep_page(self, page: KeptPage) -> None:
        """Remember where the page is; only the user can read it, since it holds the key."""
        self._keep(_PAGE, asdict(page), "the page's link cannot be saved")

    def _versions(self) -> set[str]:
        found: set[str] = set()
        for place in rooms("state", _PROJECTS, self._name):
            with contextlib.suppress(OSError, ValueError, TypeError):
                found |= {str(name) for name in json.loads((place / "versions.json").read_text())}
        return found

    def _records(self) -> Iterator[RunRecord]:
        for place in rooms("state", _PROJECTS, self._name):
            yield from _read_record(place / _RECORD)


def all_running() -> list[RunRecord]:
    """Return every run of this user that goes on now, by directory."""
    files = [file for place in rooms("state", _PROJECTS) for file in place.glob(f"*/{_RECORD}")]
    return sorted(
        (record for file in files for record in _read_record(file) if is_there(record)),
        key=lambda record: record.directory,
    )


def _read_record(file: Path) -> Iterator[RunRecord]:
    """Yield what a run has written; nothing where that cannot be read."""
    with contextlib.suppress(OSError, ValueError, TypeError):
        yield RunRecord(**json.loads(file.read_text()))


def is_there(record: RunRecord) -> bool:
    """Tell whether the process of a run goes on."""
    return _born(record.pid) == record.born


def layers_in_use() -> set[str]:
    """Return the tags of all layers that projects of this user stand on; a project whose directory is gone has none."""
    return {tag for each in _all_layers() if each.is_there for tag in each.layers}


def known_layers() -> set[str]:
    """Return the tags of all layers that this user's projects are known to stand on, or to have stood on."""
    return {tag for each in _all_layers() for tags in (each.layers, *each.earlier) for tag in tags}


@dataclass(frozen=True)
class _Layers:
    """What a project stands on, and what it stood on before, newest first; ``is_there``: the project exists."""

    layers: list[str]
    earlier: list[list[str]]
    is_there: bool = False

    @property
    def recent(self) -> list[list[str]]:
        """What is kept for who goes back to it, and what the project stands on."""
        return [self.layers, *self.earlier[:_EARLIER]]


def _all_layers() -> Iterator[_Layers]:
    for place in rooms("state", _PROJECTS):
        yield from map(_read_layers, place.glob("*/layers.json"))


def _read_layers(file: Path) -> _Layers:
    """Return what is remembered of a project's layers; nothing where that cannot be read."""
    try:
        facts = json.loads(file.read_text())
        earlier = [list(tags) for tags in facts.get("earlier", ())]
        return _Layers(list(facts["layers"]), earlier, Path(facts["directory"]).is_dir())
    except (OSError, ValueError, KeyError, TypeError):
        return _Layers([], [])


def volumes_directory() -> Path:
    """Return the host directory under which every shared volume claim has one of its own (K4)."""
    path = usual("data")
    return (path if path.is_absolute() else spare("data")) / "volumes"


def this_process() -> tuple[int, float]:
    """Return this process's id and when it began."""
    pid = os.getpid()
    return pid, _born(pid)


def new_run() -> str:
    """Return a name for a run of this process, from which others can tell whether it goes on."""
    pid, born = this_process()
    return f"{pid}-{born * 100:.0f}-{os.urandom(3).hex()}"


def goes_on(run: str) -> bool:
    """Tell whether the process of a run is still there: what belongs to others was left by a run that was killed."""
    try:
        pid, born, _ = run.split("-")
        return born == f"{_born(int(pid)) * 100:.0f}"
    except ValueError:
        return False


def _lock(file: Path) -> Callable[[], None] | None:
    """Lock a file until this process ends, or what is returned is called; None where another process has locked it."""
    if sys.platform == "win32":
        from filelock import FileLock, Timeout  # noqa: PLC0415 - slow to import

        lock = FileLock(file)
        try:
            lock.acquire(blocking=False)
        except Timeout:
            return None
        return lock.release
    import fcntl  # noqa: PLC0415 - not there on Windows

    descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    except BaseException:
        os.close(descriptor)
        raise
    return lambda: os.close(descriptor)


def _born(pid: int) -> float:
    """Return when a process began, in epoch seconds; 0.0 where there is none.

    One that has ended counts as none, also where nobody asks how it did: a container's first process may never.
    """
    if sys.platform == "linux":
        # As psutil does: that takes longer to import than `vhlocal ps` has for all else.
        try:
            facts = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
            booted = next(line for line in Path("/proc/stat").read_bytes().splitlines() if line.startswith(b"btime "))
        except (OSError, StopIteration):
            return 0.0
        if facts[0] in {b"Z", b"X"}:
            return 0.0
        ticks = int(facts[19])
        return ticks / os.sysconf("SC_CLK_TCK") + int(booted.split()[1])
    import psutil  # noqa: PLC0415 - slow to import

    try:
        process = psutil.Process(pid)
        return 0.0 if process.status() == psutil.STATUS_ZOMBIE else process.create_time()
    except psutil.Error:
        return 0.0


def new_token() -> str:
    """Return a secret that cannot be guessed."""
    import secrets  # noqa: PLC0415 - slow to import, and only a run needs one

    return secrets.token_urlsafe(32)

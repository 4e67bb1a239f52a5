"""A start's first server, begun while vhlocal itself is still being imported.

A start keeps what its first server was made of. The next one that is typed alike makes the same again, as its very
first thing, in a directory and at ports of its own: the runner starts there and imports what it has learnt. Its server
is forked once the session has worked out, as always, what that is to be made of, and it is the very same; until then
the runner waits at its gate. Where anything differs, all of it is ended and taken away.

Not begun so is what would have to lie on a disk, or to be made, for it: variables of the project's own, which may be
secrets, chosen files and volumes; nor what reads at its import what is new with each start (Valohai's own library the
metadata), a project of many files, or a start that is measured.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
import shutil
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vhlocal.contract.limits import ContainerLimits
from vhlocal.errors import VhlocalError
from vhlocal.regular import digest_of
from vhlocal.runtime.base import Entry
from vhlocal.runtime.process.furnishing import Furnishing, furnish
from vhlocal.runtime.process.guarded import Orders, Started, end, idle, start
from vhlocal.runtime.process.guarded import drop as drop_guard
from vhlocal.runtime.process.ports import free_ports, give_back
from vhlocal.storage import room
from vhlocal.values import dataclass

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Sequence

    from vhlocal.runtime.base import ServerSpec

#: Where the runner is told what it has to know, and where it waits, beside its own files.
SETTINGS = "serve_warm.json"
GATE = "serve_warm.gate"

#: The variables that the platform sets; and those of them that have the version's name, at this place of a path.
_PLATFORMS = frozenset({"SCRIPT_NAME", "VH_DEFAULT_PREFIX", "VALOHAI_PORT"})
_PATHS = ("SCRIPT_NAME", "VH_DEFAULT_PREFIX")
_VERSION = 4

#: The library that reads the metadata, by what its modules' names begin with.
_READS_METADATA = "valohai"

#: Files of a project, and bytes in them, that are copied before it is known whether they are needed.
_MOST_FILES, _MOST_BYTES = 200, 4 * 1024 * 1024


@dataclass(frozen=True)
class Made:
    """What a server was made of, and how it was started. ``ports`` are all that were found for it."""

    furnishing: Furnishing
    orders: Orders
    limits: ContainerLimits
    ports: tuple[int, ...]

    @property
    def version(self) -> str:
        """The name of the version that it serves."""
        return self.orders.environment["VH_DEFAULT_PREFIX"].split("/")[_VERSION]


class Begun:
    """A server that was begun ahead, until it is ``taken`` or ``drop``ped; ``token`` is what its runner knows us by."""

    def __init__(self, made: Made, token: str, started: Started, gate: int) -> None:
        self.made = made
        self.root = Path(made.furnishing.root)
        self.token = token
        self._started: Started | None = started
        self._gate = gate

    @property
    def waits(self) -> bool:
        """Whether its runner has not ended."""
        return self._started is not None and self._started.process.poll() is None

    def take(self) -> Started:
        """Let its server be forked, and hand it over."""
        assert self._started is not None
        started, self._started = self._started, None
        _Ahead.typed = ""  # what is kept of it holds still
        # It reads this whenever it comes there: the gate stays open at our side until ``close``.
        os.write(self._gate, b".")
        _gate_of(self.made.furnishing).unlink()
        return started

    def close(self) -> None:
        """End its runner, unless it was taken."""
        started, self._started = self._started, None
        if started is not None:
            end(started.process)
            for stream in (started.process.stdin, started.process.stdout, started.process.stderr):
                if stream is not None:
                    stream.close()
            if started.group is not None:
                started.group.remove()
        if self._gate >= 0:
            os.close(self._gate)
            self._gate = -1

    def drop(self) -> None:
        """End it, and take away what was made for it but for its ports, which are the caller's."""
        self.close()
        shutil.rmtree(self.root, ignore_errors=True)


class _Ahead:
    """What this process has begun ahead, and a hash of how it was called: "", unless it is an ``up``."""

    typed: str = ""
    begun: Begun | None = None


def recall(typed: Sequence[str]) -> Made | None:
    """Return what the first server of the last start was made of that was typed so here; None where that is not kept.

    From now on this process keeps what its own first server is made of.
    """
    # There may be a password in it, which is to be on no disk.
    _Ahead.typed = hashlib.sha256("\0".join(typed).encode(errors="surrogateescape")).hexdigest()
    with contextlib.suppress(OSError, ValueError, LookupError, TypeError, VhlocalError):
        known = json.loads(_file().read_text())
        if known["typed"] == _Ahead.typed:
            made = _read(known["made"])
            return made if made.version and "HOSTNAME" in made.orders.environment else None
    return None


def begin(made: Made, run: str, version: str) -> None:
    """Begin what was ``made`` before anew, for ``run`` and for a version of this name."""
    root = Path(made.furnishing.root).with_name(f"{run}-{os.urandom(3).hex()}")
    token = secrets.token_urlsafe(32)
    with contextlib.suppress(OSError, VhlocalError), contextlib.ExitStack() as unless_used:
        # It starts while its server's files are placed.
        guard = idle()
        unless_used.callback(drop_guard, guard)
        again = _moved(made, str(root), free_ports(len(made.ports)), version, token)
        try:
            furnish(again.furnishing)
            if all(map(_is_whole, again.furnishing.entries)):
                _Ahead.begun = _started(guard, again, token)
                unless_used.pop_all()
        finally:
            if _Ahead.begun is None:
                shutil.rmtree(root, ignore_errors=True)
                give_back(again.ports)


def claim(home: Path, project: str) -> Begun | None:
    """Return what was begun ahead for a project, with its directory in ``home``; what is another's is dropped."""
    begun, _Ahead.begun = _Ahead.begun, None
    if begun is not None and (begun.root.parent != home or begun.made.furnishing.project != project):
        begun.drop()
        give_back(begun.made.ports)
        return None
    return begun


def drop() -> None:
    """End what was begun ahead and nobody has claimed."""
    claim(Path(), "")


def remember(made: Made, spec: ServerSpec) -> None:
    """Keep what the first server of this start is made of for the next, where that may be begun ahead."""
    typed, _Ahead.typed = _Ahead.typed, ""
    if not typed or not _may_be_kept(made, spec):
        return
    with contextlib.suppress(OSError, VhlocalError):
        file = _file()
        text = json.dumps({"typed": typed, "made": _written(made)})
        file.parent.mkdir(parents=True, exist_ok=True)
        new = file.with_name(f"{file.name}.{os.getpid()}.new")
        new.write_text(text)
        new.replace(file)


def early(entries: Sequence[Entry]) -> list[Entry]:
    """Return which of a server's entries are the same at its next start, if nothing has changed."""
    return [entry for entry in entries if entry.content is None or entry.path.endswith(f"/{SETTINGS}")]


def _may_be_kept(made: Made, spec: ServerSpec) -> bool:
    entries = made.furnishing.entries
    sources = [entry.source for entry in entries if entry.source is not None]
    settings = _settings(made.furnishing)
    return (
        bool(settings.get("modules"))
        and not settings.get("profile")
        and not any(name.startswith(_READS_METADATA) for name in settings["modules"])
        and spec.environment.keys() <= _PLATFORMS
        and not (spec.mounts.files or spec.mounts.shared or spec.mounts.workspace or made.furnishing.beside)
        and spec.port in made.ports
        and len(sources) <= _MOST_FILES
        and sum(source.stat().st_size for source in sources) <= _MOST_BYTES
    )


def _settings(furnishing: Furnishing) -> dict[str, Any]:
    for entry in furnishing.entries:
        if entry.path.endswith(f"/{SETTINGS}"):
            return dict(json.loads(entry.content or b"{}"))
    return {}


def _gate_of(furnishing: Furnishing) -> Path:
    return Path(furnishing.code).parent / "runner" / GATE


def _moved(made: Made, root: str, ports: tuple[int, ...], version: str, token: str) -> Made:
    """Return the same as it would be at ``root`` and these ports, for a version of this name."""
    was, orders = made.furnishing, made.orders

    def move(text: str) -> str:
        return text.replace(was.root, root)

    def entry(each: Entry) -> Entry:
        path = move(each.path)
        if each.content is None:
            return replace(each, path=path)
        settings = json.loads(move(each.content.decode()))
        settings |= {"port": ports[0], "control": ports[1], "token": token}
        return replace(each, path=path, content=json.dumps(settings).encode())

    environment = {name: move(value) for name, value in orders.environment.items()}
    environment["HOSTNAME"] = environment["HOSTNAME"].removesuffix(_number(was.root)) + _number(root)
    environment["VALOHAI_PORT"] = str(ports[0])
    for name in [name for name in _PATHS if name in environment]:
        parts = environment[name].split("/")
        environment[name] = "/".join([*parts[:_VERSION], version, *parts[_VERSION + 1 :]])
    return Made(
        replace(was, root=root, code=move(was.code), entries=tuple(map(entry, was.entries))),
        replace(orders, command=tuple(map(move, orders.command)), environment=environment, directory=move(was.code)),
        made.limits,
        ports,
    )


def _number(root: str) -> str:
    return root.rpartition("-")[2]


def _is_whole(entry: Entry) -> bool:
    """Tell whether what was placed is what the last start had: a save that came meanwhile is another start's."""
    if entry.source is None or entry.link is not None:
        return True
    return digest_of(Path(entry.path))[0] == entry.digest


def _started(guard: subprocess.Popen[bytes], made: Made, token: str) -> Begun:
    gate = _gate_of(made.furnishing)
    os.mkfifo(gate, 0o600)
    opened = os.open(gate, os.O_RDWR | os.O_NONBLOCK)
    try:
        return Begun(made, token, start(guard, made.orders, made.limits), opened)
    except BaseException:
        os.close(opened)
        raise


def _file() -> Path:
    return room("cache", "ahead").path / f"{hashlib.sha256(os.fsencode(Path.cwd())).hexdigest()[:16]}.json"


def _written(made: Made) -> dict[str, Any]:
    facts = asdict(_moved(made, made.furnishing.root, made.ports, made.version, token=""))
    for entry in facts["furnishing"]["entries"]:
        entry["content"] = None if entry["content"] is None else entry["content"].decode()
        entry["source"] = None if entry["source"] is None else str(entry["source"])
    return facts


def _read(facts: dict[str, Any]) -> Made:
    furnishing, orders = facts["furnishing"], facts["orders"]
    entries = tuple(
        Entry(
            **{
                **entry,
                "content": None if entry["content"] is None else entry["content"].encode(),
                "source": None if entry["source"] is None else Path(entry["source"]),
            }
        )
        for entry in furnishing["entries"]
    )
    return Made(
        Furnishing(**{**furnishing, "beside": tuple(furnishing["beside"]), "entries": entries}),
        Orders(**{**orders, "command": tuple(orders["command"])}),
        ContainerLimits(**facts["limits"]),
        tuple(facts["ports"]),
    )

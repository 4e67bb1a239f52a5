"""A start's first server, begun while vhlocal itself is still being imported.

A start keeps what its first server was made of. The next one that is typed alike makes the same again, as its very
first thing, in a directory and at ports of its own: the runner starts there and imports what it has learnt. Its server
is forked once the session has worked out, as always, what that is to be made of, and it is the very same; until then
the runner waits at its gate. Where anything differs, all of it is ended and taken away. Not everything may be begun so:
see ``starts.may_be_kept``.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vhlocal.contract.limits import ContainerLimits
from vhlocal.errors import VhlocalError
from vhlocal.runtime import starts
from vhlocal.runtime.process.furnishing import Furnishing, furnish
from vhlocal.runtime.process.guarded import Orders, Started, end, idle, start
from vhlocal.runtime.process.guarded import drop as drop_guard
from vhlocal.runtime.process.ports import free_ports, give_back
from vhlocal.values import dataclass

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Mapping, Sequence

    from vhlocal.runtime.base import Entry, ServerSpec

#: Where the runner reads its settings, and where it waits, beside its own files.
SETTINGS = "serve_warm.json"
GATE = "serve_warm.gate"


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
        return starts.version_of(self.orders.environment)

    @property
    def project(self) -> str:
        """The project's directory."""
        return self.furnishing.project


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
        starts.hold_still()
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

    def abandon(self) -> None:
        """End it, and take away all that was made for it."""
        self.drop()
        give_back(self.made.ports)

    def wait(self, seconds: float) -> None:
        """Return: it has ended."""


def read(facts: Mapping[str, Any]) -> Made | None:
    """Return what the first server of the last start was made of; None where that cannot be read."""
    with contextlib.suppress(LookupError, TypeError):
        made = _read(facts)
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
        unless_used.callback(give_back, again.ports)
        unless_used.callback(shutil.rmtree, root, ignore_errors=True)
        furnish(again.furnishing)
        # What was placed is what counts.
        if all(starts.is_as_it_was(each, each.source and Path(each.path)) for each in again.furnishing.entries):
            starts.set_begun(_started(guard, again, token))
            unless_used.pop_all()


def claim(home: Path, project: str) -> Begun | None:
    """Return what was begun ahead for a project, with its directory in ``home``; what is another's is ended."""
    return starts.claim(Begun, lambda begun: begun.root.parent == home and begun.made.project == project)


def remember(made: Made, spec: ServerSpec) -> None:
    """Keep what the first server of this start is made of for the next, where that may be begun ahead."""
    typed = starts.hold_still()
    if not typed or spec.port not in made.ports:
        return
    sources = [entry.source for entry in made.furnishing.entries if entry.source is not None]
    mounts = spec.mounts.files or spec.mounts.shared or spec.mounts.workspace or made.furnishing.beside
    if starts.may_be_kept(spec.environment, starts.settings_of(made.furnishing.entries), sources, mounts=bool(mounts)):
        starts.keep(typed, "process", _written(made))


def early(entries: Sequence[Entry]) -> list[Entry]:
    """Return which of a server's entries are the same at its next start, if nothing has changed."""
    return [entry for entry in entries if entry.content is None or entry.path.endswith(f"/{starts.SETTINGS}")]


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
        moved = replace(each, path=path, content=move(each.content.decode()).encode())
        return starts.with_settings(moved, port=ports[0], control=ports[1], token=token)

    environment = {name: move(value) for name, value in orders.environment.items()}
    environment["HOSTNAME"] = environment["HOSTNAME"].removesuffix(_number(was.root)) + _number(root)
    environment["VALOHAI_PORT"] = str(ports[0])
    environment = starts.for_version(environment, version)
    return Made(
        replace(was, root=root, code=move(was.code), entries=tuple(map(entry, was.entries))),
        replace(orders, command=tuple(map(move, orders.command)), environment=environment, directory=move(was.code)),
        made.limits,
        ports,
    )


def _number(root: str) -> str:
    return root.rpartition("-")[2]


def _started(guard: subprocess.Popen[bytes], made: Made, token: str) -> Begun:
    gate = _gate_of(made.furnishing)
    os.mkfifo(gate, 0o600)
    opened = os.open(gate, os.O_RDWR | os.O_NONBLOCK)
    try:
        return Begun(made, token, start(guard, made.orders, made.limits), opened)
    except BaseException:
        os.close(opened)
        raise


def _written(made: Made) -> dict[str, Any]:
    again = _moved(made, made.furnishing.root, made.ports, made.version, token="")
    facts = asdict(again)
    facts["furnishing"]["entries"] = starts.write_entries(again.furnishing.entries)
    return facts


def _read(facts: Mapping[str, Any]) -> Made:
    furnishing, orders = facts["furnishing"], facts["orders"]
    entries = starts.read_entries(furnishing["entries"])
    return Made(
        Furnishing(**{**furnishing, "beside": tuple(furnishing["beside"]), "entries": entries}),
        Orders(**{**orders, "command": tuple(orders["command"])}),
        ContainerLimits(**facts["limits"]),
        tuple(facts["ports"]),
    )

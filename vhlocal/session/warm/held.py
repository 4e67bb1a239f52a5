"""What only one server can have, such as a port or a lock, so that there is no other beside it."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import stat
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from vhlocal.checks.server.port_in_use import is_clash
from vhlocal.contract.image import CODE_DIRECTORY
from vhlocal.model import Place
from vhlocal.runtime.chosen import DIRECTORY as CHOSEN
from vhlocal.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from vhlocal.runtime.base import Layout, Mounts

#: What it is called, by the kinds of ``runner/serve_warm_held``, and what is shown of its name.
_WORDS = {
    "tcp": "port {port}",
    "udp": "UDP port {port}",
    "abstract": "the socket {name}",
    "socket": "the socket {name}",
    "made": "the file {name}",
    "pid": "the pid file {name}",
    "lock": "the lock on {name}",
}

#: What is on the disk still when its holder has ended. Of a process, ``clear_away`` takes away all but the last.
_OUTLIVING = ("socket", "pid", "made")

_FILES = ("socket", "made", "pid", "lock")

#: Bytes of a pid file at most.
_LONGEST_PID = 32


@dataclass(frozen=True)
class Held:
    """One such thing. ``name`` is in production's paths, ``place`` the line of the project's code that asks for it.

    ``own``: a server in a container or directory of its own has one for itself. ``outlives``: it stays where it is when
    its holder ends.
    """

    kind: str
    name: str
    place: Place | None
    own: bool
    outlives: bool

    def __str__(self) -> str:
        return _WORDS[self.kind].format(name=self.name, port=self.port)

    @property
    def port(self) -> int | None:
        """The number of a port."""
        number = self.name.rpartition(":")[2]
        return int(number) if self.kind in ("tcp", "udp") else None

    def to_be_had(self, *, elsewhere: bool) -> bool:
        """Tell whether the next server has it once its holder has ended, if only in another place.

        ``elsewhere``: it has been refused in another place than its holder's.
        """
        return not elsewhere if self.own else not self.outlives


def read_held(event: Mapping[str, Any], layout: Layout, mounts: Mounts, directory: Path) -> Held:
    """Read a runner's report of it; ``directory`` is the project's."""
    kind, name = str(event["kind"]), str(event["name"])
    file, line = event["place"] or ("", 0)
    path = PurePosixPath(_as_in_production(file, layout))
    place = None
    if path.is_relative_to(CODE_DIRECTORY) and ".." not in path.parts:
        place = Place(directory / path.relative_to(CODE_DIRECTORY), line)
    own = _is_own(name, layout, mounts) if kind in _FILES else not layout.shares_network
    outlives = kind in _OUTLIVING and not (layout.shares_network and kind != "made")
    return Held(kind, _as_in_production(name, layout), place, own, outlives)


def ports_in_use(said: str) -> list[int]:
    """Return the ports that a server has said to be in use, in a line that says so."""
    lines = [line for line in said.splitlines() if is_clash([line])]
    return [int(number) for line in lines for number in re.findall(r"(?<![\d.])\d{2,5}(?![\d.])", line)]


def clear_away(made: Iterable[Mapping[str, Any]]) -> None:
    """Take away what the processes of a server that has ended have ``made`` and nobody has any use for.

    In production its container's file system goes with it. Here what lies elsewhere on this machine stays, all but
    sockets' files at which nobody listens, and files that hold nothing but the id of the process that made them.
    """
    for each in made:
        file = Path(str(each["name"]))
        with contextlib.suppress(OSError, ValueError):
            if each["kind"] == "socket" and stat.S_ISSOCK(file.lstat().st_mode):
                useless = not _listens(file)
            else:
                with file.open("rb") as text:
                    useless = int(text.read(_LONGEST_PID)) == each["pid"]
            if useless:
                file.unlink()


def _listens(file: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as asking:
        try:
            asking.connect(str(file))
        except ConnectionRefusedError:
            return False
        except OSError:  # it is of another kind, or has too many to listen to
            pass
    return True


def _is_own(file: str, layout: Layout, mounts: Mounts) -> bool:
    if layout.shares_network:
        return Path(file).is_relative_to(os.path.realpath(Path(layout.root).parent))
    mounted = [CHOSEN, *(volume.mount_path for volume, _ in mounts.shared)]
    return not any(PurePosixPath(file).is_relative_to(each) for each in mounted)


def _as_in_production(path: str, layout: Layout) -> str:
    """Return production's name for a path that a runner reported, in which there are no links."""
    if layout.shares_network:
        path = path.replace(os.path.realpath(layout.root), layout.root)
    return layout.as_in_production(path)

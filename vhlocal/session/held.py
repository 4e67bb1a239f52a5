"""What only one server can have, such as a port or a lock, so that there is no other beside it."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from vhlocal.contract.image import CODE_DIRECTORY
from vhlocal.model import Place
from vhlocal.runtime.chosen import DIRECTORY as CHOSEN
from vhlocal.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vhlocal.runtime.base import Layout, Mounts

#: What it is called, by the kinds of ``runner/serve_warm_held``, and what is told of its name.
_WORDS = {
    "tcp": "port {port}",
    "udp": "UDP port {port}",
    "abstract": "the socket {name}",
    "socket": "the socket {name}",
    "made": "the file {name}",
    "lock": "the lock on {name}",
}

#: What is on the disk still when its holder has ended, so that nobody has it in that place again.
_OUTLIVING = ("socket", "made")

_FILES = ("socket", "made", "lock")


@dataclass(frozen=True)
class Held:
    """One such thing. ``name`` is in production's paths, ``place`` the line of the project's code that asks for it.

    ``own`` tells that a server in a container or directory of its own has one for itself.
    """

    kind: str
    name: str
    place: Place | None
    own: bool

    def __str__(self) -> str:
        return _WORDS[self.kind].format(name=self.name, port=self.name.rpartition(":")[2])

    @property
    def outlives(self) -> bool:
        """Whether it stays when its holder ends: then only a server in another place can have one."""
        return self.kind in _OUTLIVING


def read_held(event: Mapping[str, Any], layout: Layout, mounts: Mounts, directory: Path) -> Held:
    """Read what a runner has told of it; ``directory`` is the project's."""
    kind, name = str(event["kind"]), str(event["name"])
    file, line = event["place"] or ("", 0)
    path = PurePosixPath(_as_in_production(file, layout))
    place = None
    if path.is_relative_to(CODE_DIRECTORY):
        place = Place(directory / path.relative_to(CODE_DIRECTORY), line)
    own = _is_own(name, layout, mounts) if kind in _FILES else not layout.shares_network
    return Held(kind, _as_in_production(name, layout), place, own)


def _is_own(file: str, layout: Layout, mounts: Mounts) -> bool:
    if layout.shares_network:
        return Path(file).is_relative_to(os.path.realpath(Path(layout.root).parent))
    mounted = [CHOSEN, *(volume.mount_path for volume, _ in mounts.shared)]
    return not any(PurePosixPath(file).is_relative_to(each) for each in mounted)


def _as_in_production(path: str, layout: Layout) -> str:
    """Return a path that a runner has told, which is without links."""
    if layout.shares_network:
        path = path.replace(os.path.realpath(layout.root), layout.root)
    return layout.as_in_production(path)

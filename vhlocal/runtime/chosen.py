"""Chosen files in a server's directory (B4): its own, to be read, written, renamed and deleted, and never the user's.

In production they are copies in the image, and so they are here. A process is given them as copies, which share their
blocks with the user's where the file system can do that. A container is given small ones with the code; a large one is
mounted read-only and copied by the container itself before its command, which is ten times as quick. One that is huge
stays a link to the mount until Python first writes it, where the server is Python.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from vhlocal.contract.image import RUNNER_DIRECTORY
from vhlocal.runtime.base import Entry

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

#: Bytes from which a file is large. To copy less takes some hundredths of a second at most.
LARGE = 16 * 1024 * 1024

#: Bytes from which it is huge. To copy so many takes half a second where memory has them, else three.
HUGE = 1024 * 1024 * 1024

#: Puts one in the place of the link to it. Where there is no room, or no right to, the link stays.
_COPY = "cp {0} {1} && chmod 644 {1} && touch -r {0} {1} && mv -f {1} {2} || rm -f {1}"

#: Where a container has the user's own large files, read-only.
DIRECTORY = "/valohai/chosen"


def is_large(source: Path) -> bool:
    """Tell whether a file is large; False for one that has gone."""
    return _size(source) >= LARGE


def mounted(files: Mapping[str, Path]) -> dict[str, Path]:
    """Return what is mounted read-only for the large ones of the chosen ``files``, by where."""
    large = (source for source in files.values() if is_large(source))
    return {f"{DIRECTORY}/{number}/{source.name}": source for number, source in enumerate(dict.fromkeys(large))}


def entries(files: Mapping[str, Path]) -> list[Entry]:
    """Return what is placed at the files' paths: copies of small ones, links to what is ``mounted`` of large ones."""
    places = {source: path for path, source in mounted(files).items()}
    return [
        Entry(target, link=places[source]) if source in places else Entry(target, source=source)
        for target, source in files.items()
    ]


def copying(files: Mapping[str, Path], command: tuple[str, ...]) -> tuple[str, ...]:
    """Return a container's ``command`` behind what first copies what is ``mounted`` of the chosen ``files``.

    A huge one is left out where the command is a runner, which hears of its writes.
    """
    places = {source: path for path, source in mounted(files).items()}
    heard = any(f"{RUNNER_DIRECTORY}/" in part for part in command)
    copied = [(places[source], target) for target, source in files.items() if source in places]
    lines = [
        _COPY.format(*map(shlex.quote, (place, f"{target}.vhlocal-part", target)))
        for place, target in copied
        if not heard or _size(files[target]) < HUGE
    ]
    return ("sh", "-c", "\n".join([*lines, 'exec "$@"']), "sh", *command) if lines else command


def _size(source: Path) -> int:
    try:
        return source.stat().st_size
    except OSError:
        return 0

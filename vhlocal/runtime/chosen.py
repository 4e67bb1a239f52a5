"""Chosen files in a server's directory (B4): its own, to be read, written, renamed and deleted, and never the user's.

In production they are copies in the image. Small ones are copied here as well. A large one is a symbolic link to where
the user's own is found: it can be renamed and deleted, and costs no copy before Python first writes it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vhlocal.runtime.base import Entry

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

#: Bytes from which a file is large. To copy less takes some hundredths of a second at most.
LARGE = 16 * 1024 * 1024

#: Where a container has the user's own large files, read-only.
DIRECTORY = "/valohai/chosen"


def is_large(source: Path) -> bool:
    """Tell whether a file is not to be copied; False for one that has gone."""
    try:
        return source.stat().st_size >= LARGE
    except OSError:
        return False


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

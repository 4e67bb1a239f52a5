"""What is in a server's directory before its process starts."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from vhlocal.runtime.process import files
from vhlocal.values import dataclass

if TYPE_CHECKING:
    from vhlocal.runtime.base import Entry

#: What a directory says of itself.
FACTS = "server.json"

#: The file with the path of the project, and the directory of what its Python reports writing there: for each
#: file one that holds its path, and was last changed when it was last opened for writing.
PROJECT = "vhlocal-project"
WRITTEN = "written"


@dataclass(frozen=True)
class Furnishing:
    """The directory ``root`` of a server, whose ``project`` and ``endpoint`` that is; all paths are absolute.

    ``local`` stands for ``~/.local`` where there is one, ``code`` is the code's directory, ``beside`` are directories
    of what was made there already, and ``entries`` are files, over that.
    """

    root: str
    project: str
    endpoint: str
    local: str | None
    code: str
    beside: tuple[str, ...]
    entries: tuple[Entry, ...]


def furnish(what: Furnishing) -> None:
    """Make a server's directory; OSError where that is not possible, or there is one."""
    root = Path(what.root)
    root.mkdir(parents=True, mode=0o700)
    root.joinpath(FACTS).write_text(json.dumps({"endpoint": what.endpoint}))
    root.joinpath(PROJECT).write_text(what.project, errors="surrogateescape")
    root.joinpath(WRITTEN).mkdir()
    home = root / "home"
    home.mkdir()
    if what.local is not None:
        home.joinpath(".local").symlink_to(what.local)
    Path(what.code).mkdir(parents=True)
    for made in what.beside:
        shutil.copytree(made, what.code, symlinks=True, dirs_exist_ok=True)
    files.place(what.entries)

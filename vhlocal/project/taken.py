"""Which texts the validators took without a word the last times that they were asked.

The platform's own package and the validator that it is made with take longer to import than all else that reads a
project, and say the same of the same text each time. So a text that they took is remembered, by its hash and by what
judged it. Where nothing can be remembered, they are asked each time.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
from functools import cache
from pathlib import Path

from vhlocal.storage import trusted

_DIRECTORY, _FILE = "taken", "texts"

#: How many are remembered, the latest: whoever changes a file back and forth is not to wait.
_KEPT = 200

#: Who judges: packages by their names, and the modules of this one.
_PACKAGES = ("valohai_yaml", "jsonschema")
_MODULES = ("config.py", "endpoints.py", "lint.py", "marks.py", "schema.py", "sources.py", "table.py")


def is_taken(file: Path, source: str) -> bool:
    """Tell whether nothing was wrong with this text of a file of this name when it was looked at."""
    return _digest(file, source) in _known()


def keep_taken(file: Path, source: str) -> None:
    """Remember that nothing is wrong with a text, if that can be."""
    digest = _digest(file, source)
    lines = [*(line for line in _known() if line != digest), digest][-_KEPT:]
    directory = trusted("cache", _DIRECTORY)
    if directory is None:
        return
    with contextlib.suppress(OSError):
        place = directory / _FILE
        directory.mkdir(parents=True, exist_ok=True)
        new = place.with_name(f"{place.name}.{os.getpid()}")
        new.write_text("\n".join(lines))
        new.replace(place)


def _known() -> list[str]:
    directory = trusted("cache", _DIRECTORY)
    with contextlib.suppress(OSError, ValueError):
        return [] if directory is None else (directory / _FILE).read_text().split()
    return []


def _digest(file: Path, source: str) -> str:
    return hashlib.sha256(f"{_judges()}\n{file.name}\n{source}".encode(errors="surrogatepass")).hexdigest()[:32]


@cache
def _judges() -> str:
    """Return what is another one as soon as anything that judges is."""
    specs = (importlib.util.find_spec(name) for name in _PACKAGES)
    origins = [spec.origin or "" for spec in specs if spec is not None]
    own = [str(Path(__file__).with_name(name)) for name in _MODULES]
    looks = [(path, os.stat(path)) for path in (*origins, *own)]  # noqa: PTH116 - quick to start
    return " ".join(f"{path}:{look.st_mtime_ns}:{look.st_size}" for path, look in looks)

"""Files outside of the project that the project itself names: nobody's but after the user has said so, once.

A project that one has merely cloned could otherwise have any file of the user's read into a server, or any written.
"""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

from vhlocal.errors import InputError
from vhlocal.storage import room, rooms, writing
from vhlocal.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from vhlocal.model import Place

_FILE = "trusted.json"


@dataclass(frozen=True)
class Outside:
    """A path outside of a project: what names it, where that stands, and how the user names it instead."""

    key: str
    path: Path
    place: Place | None
    flag: str


class UntrustedError(InputError):
    """A project names files outside of itself that its user has not been asked about."""

    def __init__(self, outside: Sequence[Outside]) -> None:
        first = outside[0]
        super().__init__(
            f"this project uses a file outside its directory: {first.key} is {first.path}",
            place=first.place,
            hint=f"to allow it, pass {first.flag}, or run the command in a terminal and answer its question",
            detail="\n".join(f"{each.key}: {each.path}" for each in outside[1:]) or None,
        )
        self.outside = tuple(outside)


def check_trusted(directory: Path, named: Iterable[Outside]) -> None:
    """Raise UntrustedError for what leads out of the project, links followed, and was not allowed.

    InputError for what can be no file's name.
    """
    root = Path(os.path.realpath(directory))
    leading_out = [each for each in named if not _led_to(each).is_relative_to(root)]
    if leading_out:
        allowed = set(_allowed(str(root)))
        unknown = [each for each in leading_out if os.path.realpath(each.path) not in allowed]
        if unknown:
            raise UntrustedError(unknown)


def _led_to(named: Outside) -> Path:
    try:
        return Path(os.path.realpath(named.path))
    except ValueError as error:  # a NUL, or half of a character
        raise InputError(f"{named.key} is not a path: {str(named.path)!r}", place=named.place) from error


def remember(directory: Path, outside: Iterable[Outside]) -> None:
    """Allow a project these files from now on. VhlocalError where that cannot be kept."""
    root = os.path.realpath(directory)
    place = room("state").path
    known = _read(place)
    known[root] = sorted({*_allowed(root), *(os.path.realpath(each.path) for each in outside)})
    new = place / f"{_FILE}.{os.urandom(4).hex()}"
    with writing("your answer cannot be saved", new):
        new.touch(mode=0o600)
        new.write_text(json.dumps(known))
        new.replace(place / _FILE)


def _allowed(root: str) -> list[str]:
    return [path for place in rooms("state") for path in _read(place).get(root, ())]


def _read(place: Path) -> dict[str, list[str]]:
    with contextlib.suppress(OSError, ValueError):
        found = json.loads((place / _FILE).read_text())
        if isinstance(found, dict):
            return {root: [str(path) for path in paths] for root, paths in found.items() if isinstance(paths, list)}
    return {}

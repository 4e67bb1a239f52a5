"""What runners have learnt to import beforehand, kept from run to run for each environment."""

from __future__ import annotations

import contextlib
import json
import re
from typing import TYPE_CHECKING, Any

from vhlocal.contract.image import CODE_DIRECTORY, RUNNER_DIRECTORY
from vhlocal.errors import VhlocalError
from vhlocal.reload.staging import MARKER
from vhlocal.runtime.base import Entry
from vhlocal.session.wanted.desired import runner_files
from vhlocal.storage import room
from vhlocal.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from vhlocal.runtime.base import Layout


class Warmth:
    """Module names by environment, in the user's cache directory. ``denied`` maps those left to servers to why."""

    def __init__(self, directory: Path | None = None) -> None:
        self._directory = directory
        if directory is None:
            with contextlib.suppress(VhlocalError):  # nothing is remembered then
                self._directory = room("cache", "imports").path

    def load(self, image: str) -> dict[str, Any]:
        """Return what is known of an environment, named by its image."""
        file = self._file(image)
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            known = json.loads(file.read_text()) if file else {}
            return {"modules": list(known["modules"]), "denied": dict(known["denied"])}
        return {"modules": [], "denied": {}}

    def save(self, image: str, modules: Sequence[str], denied: Mapping[str, str]) -> None:
        """Keep it for the next run; where that is not possible, the next run learns again."""
        file = self._file(image)
        if file is None:
            return
        with contextlib.suppress(OSError):
            file.parent.mkdir(parents=True, exist_ok=True)
            part = file.with_suffix(".new")
            part.write_text(json.dumps({"modules": list(modules), "denied": dict(denied)}))
            part.replace(file)

    def _file(self, image: str) -> Path | None:
        return self._directory and self._directory / f"{re.sub(r'[^A-Za-z0-9.-]+', '-', image)}.json"


@dataclass(frozen=True)
class Runner:
    """What a server is started behind, so that the next can be forked (see ``runner/``).

    ``command`` is the one that starts it, ``declared`` the endpoint's port, ``keep`` names loader functions, ``known``
    is what ``Warmth.load`` returned. ``forks``: it is wanted for its forks, and not only for leading the server
    to its port. ``profile`` has it measure the imports of the first server, for which nothing is imported beforehand
    then. ``beside``: another server serves meanwhile, which may have what only one can.
    """

    command: tuple[str, ...]
    declared: int
    keep: tuple[str, ...]
    known: Mapping[str, Any]
    forks: bool
    profile: bool = False
    beside: bool = False

    def entries(self, layout: Layout, token: str) -> tuple[Entry, ...]:
        """Return its files, in production's paths, and the one with its settings.

        ``token`` is what it knows vhlocal by.
        """
        settings = {
            "declared": self.declared,
            "port": layout.port,
            "host": layout.host,
            "control": layout.control,
            "token": token,
            "code": layout.located(CODE_DIRECTORY),
            "staging": layout.staging,
            "marker": MARKER,
            "keep": list(self.keep),
            "warm": self.forks,
            "profile": self.profile,
            "beside": self.beside,
            **self.known,
        }
        return (
            *runner_files("serve_warm*.py"),
            Entry(f"{RUNNER_DIRECTORY}/serve_warm.json", content=json.dumps(settings).encode()),
        )

"""What runners have learnt to import beforehand, kept from run to run for each environment."""

from __future__ import annotations

import contextlib
import json
import re
from typing import TYPE_CHECKING, Any

import platformdirs

from vhlocal.contract.image import CODE_DIRECTORY, RUNNER_DIRECTORY
from vhlocal.reload.staging import MARKER
from vhlocal.runtime.base import STAGING_DIRECTORY, Entry
from vhlocal.session.desired import runner_files
from vhlocal.session.forks import CONTROL_PORT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


class Warmth:
    """Module names by environment, in the user's cache directory. ``denied`` maps those left to servers to why."""

    def __init__(self, directory: Path | None = None) -> None:
        self._directory = directory or platformdirs.user_cache_path("vhlocal") / "imports"

    def load(self, image: str) -> dict[str, Any]:
        """Return what is known of an environment, named by its image."""
        with contextlib.suppress(OSError, ValueError):
            known = json.loads(self._file(image).read_text())
            return {"modules": list(known["modules"]), "denied": dict(known["denied"])}
        return {"modules": [], "denied": {}}

    def save(self, image: str, modules: Sequence[str], denied: Mapping[str, str]) -> None:
        """Keep it for the next run; where that is not possible, the next run learns again."""
        file = self._file(image)
        with contextlib.suppress(OSError):
            file.parent.mkdir(parents=True, exist_ok=True)
            part = file.with_suffix(".new")
            part.write_text(json.dumps({"modules": list(modules), "denied": dict(denied)}))
            part.replace(file)

    def _file(self, image: str) -> Path:
        return self._directory / f"{re.sub(r'[^A-Za-z0-9.-]+', '-', image)}.json"


def runner_entries(port: int, token: str, keep: Sequence[str], known: Mapping[str, Any]) -> tuple[Entry, ...]:
    """Return the runner's files, and the one that tells it what it has to know; ``known`` is what ``load`` returned."""
    settings = {
        "port": port,
        "host": "0.0.0.0",
        "control": CONTROL_PORT,
        "token": token,
        "code": CODE_DIRECTORY,
        "staging": STAGING_DIRECTORY,
        "marker": MARKER,
        "keep": list(keep),
        **known,
    }
    return (
        *runner_files("serve_warm*.py"),
        Entry(f"{RUNNER_DIRECTORY}/serve_warm.json", content=json.dumps(settings).encode()),
    )

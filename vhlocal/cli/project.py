"""The project that a command is about, ready to be read."""

from __future__ import annotations

from datetime import date
from functools import partial
from typing import TYPE_CHECKING

from vhlocal.project.settings import load_settings
from vhlocal.session.load import Loader, loader, name_version
from vhlocal.session.record import ProjectState

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def read_project(directory: Path, endpoints: tuple[str, ...], flags: Mapping[str, object]) -> Loader:
    """Return what reads the project, with its next version's names; InputError for settings that are wrong."""
    settings = partial(load_settings, directory, flags)
    taken = ProjectState(directory).versions(f"{date.today():%Y%m%d}")
    return loader(directory, endpoints, settings, name_version(settings(), taken))

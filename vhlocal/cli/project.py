"""The project that a command is about, ready to be read."""

from __future__ import annotations

import sys
from datetime import date
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import click

from vhlocal.project.settings import load_settings
from vhlocal.project.trust import UntrustedError, remember
from vhlocal.session.record import ProjectState
from vhlocal.session.wanted.load import Loader, loader, name_version
from vhlocal.visible import one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from vhlocal.project.settings import Settings

T = TypeVar("T")


def read_settings(directory: Path, flags: Mapping[str, object], *, fetch: bool = True) -> Settings:
    """Return the project's settings. On a terminal the user is asked, once, whether it may name files outside of it."""
    return asking(directory, partial(load_settings, directory, flags, fetch=fetch))


def read_project(directory: Path, endpoints: tuple[str, ...], flags: Mapping[str, object]) -> Loader:
    """Return what reads the project, with its next version's names; InputError for settings that are wrong."""
    now = read_settings(directory, flags)
    taken = ProjectState(directory).versions(f"{date.today():%Y%m%d}")
    return loader(directory, endpoints, partial(load_settings, directory, flags), name_version(now, taken))


def asking(directory: Path, work: Callable[[], T]) -> T:
    """Return what ``work`` does; where it ends at files that nobody has allowed, ask on a terminal, and do it again."""
    while True:
        try:
            return work()
        except UntrustedError as error:
            if not (sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty()):
                raise
            named = "\n".join(f"  {one_line(f'{each.key}: {each.path}')}" for each in error.outside)
            click.echo(f"This project uses files outside its directory:\n{named}", err=True)
            if not click.confirm("Allow this, now and later?", err=True):
                raise
            remember(directory, error.outside)

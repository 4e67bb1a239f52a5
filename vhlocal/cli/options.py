"""Options that several commands share; those of settings are made from the one table of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from vhlocal.errors import InputError
from vhlocal.project.table import SETTINGS, Kind, Setting

if TYPE_CHECKING:
    from collections.abc import Callable

F = TypeVar("F", bound="Callable[..., Any]")


def _directory(_context: click.Context, _parameter: click.Parameter, value: str) -> Path:
    directory = Path(value)
    if not directory.is_dir():
        raise InputError(f"there is no directory {directory}", hint="-C names the directory of a valohai.yaml")
    return directory.resolve()


def project_options(function: F) -> F:
    """Add ``-C`` and ``--debug``, which every command has."""
    function = click.option("--debug", is_flag=True, expose_value=False, help="Show a traceback on errors.")(function)
    return click.option(
        "-C",
        "--project-dir",
        "directory",
        default=".",
        metavar="DIRECTORY",
        callback=_directory,
        help="Project directory, where valohai.yaml is. Default: the current one.",
    )(function)


def setting_options(*names: str) -> Callable[[F], F]:
    """Add the flags of these settings, or of all when none is named; they arrive as keyword arguments by name."""
    chosen = [setting for setting in SETTINGS if not names or setting.name in names]

    def add(function: F) -> F:
        for setting in reversed(chosen):
            function = _option(setting)(function)
        return function

    return add


def _option(setting: Setting) -> Callable[[F], F]:
    given: dict[str, Any] = {"help": setting.off or setting.docs}
    if setting.kind is Kind.SWITCH:
        given["flag_value"] = not setting.default
        given["default"] = None
        given["type"] = bool
    elif setting.kind is Kind.PORT:
        given["type"] = click.IntRange(0, 65535)
    elif setting.kind is Kind.WORD:
        given["type"] = click.Choice(setting.words)
    elif setting.kind.is_mapping or setting.kind is Kind.NAMES:
        given["multiple"] = True
    if setting.default not in (None, ()) and setting.kind is not Kind.SWITCH:
        given["help"] += f" Default: {setting.default}."
    given["metavar"] = setting.form or None
    return click.option(setting.flag, setting.name, **given)

"""Options that several commands share; those of settings are made from the one table of them."""

from __future__ import annotations

import contextlib
import os
import select
import stat
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from vhlocal.errors import InputError, VhlocalError
from vhlocal.project.above import find_project
from vhlocal.project.table import SETTINGS, Kind, Setting
from vhlocal.session.record import ProjectState
from vhlocal.visible import one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

F = TypeVar("F", bound="Callable[..., Any]")

#: Where the ``-C`` of a command is in its context, as it was typed; missing if none was.
TYPED_DIRECTORY = "vhlocal.directory"


def current_project() -> Path | None:
    """Return the project that the current directory is in, None where it is in none.

    One that runs counts, even if its ``valohai.yaml`` has gone in the meantime.
    """
    return find_project(Path.cwd(), lambda directory: ProjectState(directory).running() is not None)


def _directory(context: click.Context, _parameter: click.Parameter, value: str | None) -> Path:
    if value is None:
        found = current_project()
        if found not in (None, Path.cwd()) and not context.resilient_parsing:
            click.echo(f"Project: {one_line(str(found))}", err=True)
        return found or Path.cwd()
    directory = Path(value)
    # A run goes on where its project was moved away: `down` has to reach it.
    if not directory.is_dir() and ProjectState(directory.resolve()).running() is None:
        raise InputError(f"there is no directory {directory}", hint="-C takes the directory of a valohai.yaml")
    context.meta[TYPED_DIRECTORY] = value
    return directory.resolve()


def only(when: str, *allowed: str) -> None:
    """Raise InputError for an option that was typed and would come to nothing ``when`` it was, as `with --link`.

    ``allowed`` are the parameters, by name, that do something then. Called in the command that was typed.
    """
    for name, flag in _typed().items():
        if name not in ("directory", *allowed):
            raise InputError(f"{flag} has no effect {when}", hint="leave one of them out")


def not_both(one: str, other: str) -> None:
    """Raise InputError where both of two parameters, by name, were typed as options of the command."""
    typed = _typed()
    if one in typed and other in typed:
        raise InputError(f"{typed[one]} has no effect with {typed[other]}", hint="leave one of them out")


@contextlib.contextmanager
def verdict() -> Iterator[None]:
    """Print what is found: a reader that has enough, as ``head`` has, changes neither that nor the exit code."""
    try:
        yield
    except BrokenPipeError:
        sys.stdout = None  # what is printed from here on goes nowhere


def end_with_the_reader() -> None:
    """End the command once nobody reads its output any more, as a write to a closed pipe would.

    It may wait for something that never comes, in a call that only its end can interrupt. Do nothing if the output is
    no pipe, or the system does not report its closing (Windows).
    """
    if sys.stdout is None or not hasattr(select, "poll"):
        return
    try:
        output = sys.stdout.fileno()
    except OSError:  # the output is no file of the system's
        return
    if not stat.S_ISFIFO(os.fstat(output).st_mode):  # macOS cannot ask for the others
        return

    def wait() -> None:
        gone = select.poll()
        gone.register(output, 0)  # of all that may happen the end of its reader alone
        gone.poll()
        os._exit(0)

    threading.Thread(target=wait, daemon=True).start()


def _typed() -> dict[str, str]:
    """Return the options that were typed, as parameter and flag."""
    context = click.get_current_context()
    return {
        option.name: next(name for name in reversed(option.opts) if name.startswith("--"))
        for option in context.command.params
        if isinstance(option, click.Option)
        and option.name
        and context.get_parameter_source(option.name) is click.core.ParameterSource.COMMANDLINE
    }


def debug_option(function: F) -> F:
    """Add ``--debug``, which every command has."""
    return click.option("--debug", is_flag=True, expose_value=False, help="Show a traceback on errors.")(function)


def endpoint_names(context: click.Context, _parameter: click.Parameter, typed: str) -> list[str]:
    """Return the project's endpoints that begin with what is ``typed``, for a shell to complete it."""
    from vhlocal.project.config import read_config  # noqa: PLC0415 - brings a parser, and every command has options

    try:
        config = read_config(context.params.get("directory") or current_project() or Path.cwd())
    except VhlocalError:
        return []
    return [endpoint.name for endpoint in config.endpoints if endpoint.name.startswith(typed)]


def project_options(function: F) -> F:
    """Add ``-C`` and ``--debug``."""
    function = debug_option(function)
    return click.option(
        "-C",
        "--project-dir",
        "directory",
        metavar="DIRECTORY",
        callback=_directory,
        help="Project directory, where valohai.yaml is. Default: the current one, or the nearest above it.",
    )(function)


def setting_options(*names: str) -> Callable[[F], F]:
    """Add the flags of these settings, or of all when none is named; they arrive as keyword arguments by name."""
    chosen = [setting for setting in SETTINGS if not names or setting.name in names]

    def add(function: F) -> F:
        for setting in reversed(chosen):
            function = _option(setting)(function)
        return function

    return add


def setting_arguments(flags: Mapping[str, Any]) -> list[str]:
    """Return the flags of settings, as ``setting_options`` brought them, as the words of a command line."""
    words: list[str] = []
    for setting in SETTINGS:
        value = flags.get(setting.name)
        if value is None:
            continue
        if setting.kind is Kind.SWITCH:
            words.append(setting.flag)
        elif setting.kind.is_mapping or setting.kind is Kind.NAMES:
            words += [word for each in value for word in (setting.flag, each)]
        else:
            words += [setting.flag, str(value)]
    return words


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

"""Commands in hints and notes, as they work from where the user stands."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from vhlocal.cli.options import TYPED_DIRECTORY, current_project

if TYPE_CHECKING:
    from collections.abc import Callable

#: Those that are about no project, and the group, whose own commands are.
_WITHOUT_PROJECT = {"completion", "ls", "version"}


def from_here(context: click.Context | None = None) -> Callable[[str], str]:
    """Return what adds ``-C`` to each command in a text, for the command of ``context`` or the current one.

    Nothing is added if that command was given no ``-C``, or one that changes nothing in the current directory. The
    result may be called in any thread.
    """
    context = context or click.get_current_context()
    typed = context.meta.get(TYPED_DIRECTORY)
    root = context.find_root()
    if typed is None or not isinstance(root.command, click.Group):
        return lambda text: text
    names = [name for name in root.command.list_commands(root) if name not in _WITHOUT_PROJECT]
    commands = re.compile(rf"\bvhlocal (?:version [a-z]+|(?:{'|'.join(names)})\b)(?! -C\b)")

    def addressed(text: str) -> str:
        if not commands.search(text) or Path(typed).resolve() == (current_project() or Path.cwd()):
            return text
        return commands.sub(lambda found: f"{found[0]} -C {shlex.quote(typed)}", text)

    return addressed

"""VH107: a command that pip installs is named without ``~/.local/bin/`` (B3)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from vhlocal.checks.commands import brings_programs, exported
from vhlocal.checks.distributions import command_providers
from vhlocal.checks.edits import in_command
from vhlocal.checks.rule import Rule
from vhlocal.findings import Definition, Example, Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vhlocal.checks.commands import Command
    from vhlocal.checks.subject import Subject

DEFINITION = Definition(
    code="VH107",
    title="A command that pip installs is not on the PATH",
    severity=Severity.ERROR,
    why="`pip install --user` installs the requirements, and puts commands into `~/.local/bin`. That directory is not "
    "on the `PATH`, so the shell does not find them and the server ends with exit code 127.",
    remedy={"": "Write `~/.local/bin/` before the command, or run the module: `python -m uvicorn …`."},
    example=Example(
        "yaml",
        "server-command: uvicorn server:app --host 0.0.0.0",
        "server-command: ~/.local/bin/uvicorn server:app --host 0.0.0.0",
    ),
    rows=("B2", "B3"),
)


#: Programs that start others by their bare names, with the subcommand and the option by which they do.
_STARTING = {"mlflow": ("uvicorn", ("models", "serve"), "--env-manager", "local")}


def find(subject: Subject) -> Iterator[Finding]:
    """Yield such commands, where the image is known to bring none of its own."""
    installed = subject.requirements.names if subject.requirements else frozenset()
    for endpoint in subject.known_images:
        commands = subject.commands[endpoint.name]
        if "PATH" in {**subject.variables, **exported(commands)} or brings_programs(endpoint):
            continue
        for command in commands:
            yield from _started(command, endpoint.name)
            program = command.words[0]
            if not installed.isdisjoint(command_providers(program)):
                yield Finding(
                    DEFINITION,
                    command.place,
                    f"`{program}` is in ~/.local/bin, where pip installs it: that is not on the PATH",
                    f"write ~/.local/bin/{program}",
                    endpoint.name,
                    edits=in_command(command, _word(program), lambda match: f"~/.local/bin/{match[0]}"),
                )


def _started(command: Command, endpoint: str) -> Iterator[Finding]:
    """Yield what a command starts by a bare name, which the shell would not find either."""
    other, subcommand, option, value = _STARTING.get(command.program, ("", (), "", ""))
    words = tuple(word for word in command.arguments if not word.startswith("-"))
    if other and words[: len(subcommand)] == subcommand and value in command.values(option):
        seen = f"`{command.program} {' '.join(subcommand)}` starts `{other}`, which pip installs into ~/.local/bin"
        change = 'write PATH="$HOME/.local/bin:$PATH" before the command'
        path = 'PATH="$HOME/.local/bin:$PATH"'
        edits = in_command(command, _word(command.words[0]), lambda match: f"{path} {match[0]}")
        yield Finding(DEFINITION, command.place, seen, change, endpoint, edits=edits)


def _word(word: str) -> str:
    """Return the pattern of a word of a command that is no part of another."""
    return rf"(?<![\w./~-]){re.escape(word)}(?![\w./:-])"


RULE = Rule((DEFINITION,), find)

"""VH504 to VH506: what is to run cannot be: it is not there, is no program, or one for other machines (B3)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from vhlocal.checks.distributions import command_providers
from vhlocal.checks.rule import Rule
from vhlocal.checks.server.evidence import place_of
from vhlocal.findings import Definition, Example, Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vhlocal.checks.server.evidence import Ended

NOT_FOUND = Definition(
    code="VH504",
    title="The server's command was not found",
    severity=Severity.ERROR,
    why="A shell runs `server-command`, and ends with exit code 127 if it does not find a command. `pip install "
    "--user` installs the requirements, and puts commands into `~/.local/bin`, which is not on the `PATH`.",
    remedy={"": "Write `~/.local/bin/` before a command that pip installs, or run the module: `python -m uvicorn …`."},
    example=Example(
        "yaml",
        "server-command: uvicorn server:app --host 0.0.0.0",
        "server-command: ~/.local/bin/uvicorn server:app --host 0.0.0.0",
    ),
    rows=("R2", "B3"),
)
NOT_EXECUTABLE = Definition(
    code="VH505",
    title="The server's command cannot be executed",
    severity=Severity.ERROR,
    why="The shell found the file, but may not execute it: it has no execute bit, or is a directory. The exit code is "
    "126. What counts is the bit in git, which can differ from the one on your disk.",
    remedy={"": "Name the interpreter (`sh serve.sh`), or set the file's execute bit: `git add --chmod=+x serve.sh`."},
    example=Example("yaml", "server-command: ./serve.sh", "server-command: sh serve.sh"),
    rows=("R2", "B5"),
)
ARCHITECTURE = Definition(
    code="VH506",
    title="A program is for another kind of machine",
    severity=Severity.ERROR,
    why="The kernel reports `Exec format error` for a program that was compiled for another processor, such as one "
    "built on a Mac with Apple silicon (arm64) and run on a server (amd64), or for a script without a `#!` line.",
    remedy={
        "": "Build the image for production's machines (`docker build --platform linux/amd64`), pull it for them, or "
        "compile the program there."
    },
    example=Example("shell", "docker build -t team/model .", "docker build --platform linux/amd64 -t team/model ."),
    rows=("B1",),
)

_FORMAT = re.compile(r"exec format error", re.IGNORECASE)
_NO_FORMAT_OF = re.compile(
    r"(?:sh: \d+: |line \d+: |sh: )(\S+): (?:cannot execute(?: binary file)?: )?Exec format"
    r"|Exec format error: '([^']+)'"
)
_NO_SHELL = re.compile(r"exec sh failed: ")
_NOT_FOUND = re.compile(r"(?:sh: \d+: |line \d+: |sh: )(\S+): (?:command )?not found")
_PYTHON = re.compile(r"python[\d.]*")
_NOT_ALLOWED = re.compile(r"(?:sh: \d+: |line \d+: |sh: )(\S+): (?:Permission denied|Is a directory|is a directory)")


def find(ended: Ended) -> Iterator[Finding]:
    """Yield what kept the command from running."""
    name = ended.endpoint.name
    if ended.code and _FORMAT.search(ended.text):
        yield _other_machine(ended)
    elif ended.code == 127 and _NO_SHELL.search(ended.text):
        yield Finding(
            NOT_FOUND,
            place_of(ended.endpoint, "image"),
            f"the image {ended.endpoint.image} has no `sh`, which runs the server's command",
            "use a base image that has a shell",
            name,
        )
    elif ended.code == 127:
        yield _not_found(ended)
    elif ended.code == 126:
        named = _NOT_ALLOWED.findall(ended.text)
        what = named[-1] if named else "the command"
        change = (
            f"name its interpreter (`sh {what}`), or `git add --chmod=+x {what}`" if named else "make it executable"
        )
        yield Finding(NOT_EXECUTABLE, ended.where(what), f"{what} cannot be executed (exit code 126)", change, name)


def missing_command(ended: Ended) -> str | None:
    """Return the command that the shell has not found, as it names it."""
    named = _NOT_FOUND.findall(ended.text)
    return named[-1] if named else None


def _not_found(ended: Ended) -> Finding:
    what, name = missing_command(ended), ended.endpoint.name
    if what is None:
        return Finding(
            NOT_FOUND,
            ended.command,
            "the command was not found (exit code 127)",
            "make sure that the image has it",
            name,
        )
    if "/" in what:
        change = f"make sure that {what} is packaged: git may ignore it, or nothing has created it"
    elif _PYTHON.fullmatch(what):
        change = "check which Python the image has: many have only `python3`"
    elif not command_providers(what) and ended.requirements is None:
        change = "make sure that the image has it, under this name"
    elif not command_providers(what):
        change = (
            f"make sure that the image has it; if a line of {ended.requirements} installs it, it is in ~/.local/bin, "
            f"which is not on the PATH in production: write ~/.local/bin/{what}"
        )
    else:
        change = f"pip puts commands in ~/.local/bin, which is not on the PATH in production: write ~/.local/bin/{what}"
    return Finding(NOT_FOUND, ended.where(what), f"{what} was not found (exit code 127)", change, name)


def _other_machine(ended: Ended) -> Finding:
    name, named = ended.endpoint.name, _NO_FORMAT_OF.search(ended.text)
    if ended.architecture and ended.machine and ended.architecture != ended.machine:
        return Finding(
            ARCHITECTURE,
            place_of(ended.endpoint, "image"),
            f"the image {ended.endpoint.image} is for {ended.architecture} machines, and this one is {ended.machine}",
            f"build or pull it for {ended.machine}: `docker pull --platform linux/{ended.machine} …`",
            name,
        )
    what = (named[1] or named[2]) if named else "the command"
    return Finding(
        ARCHITECTURE,
        ended.place,
        f"{what} is not a program for this kind of machine (exec format error)",
        f"compile it for {ended.machine or 'production'}; a script needs a first line such as `#!/bin/sh`",
        name,
    )


RULE = Rule((NOT_FOUND, NOT_EXECUTABLE, ARCHITECTURE), find)

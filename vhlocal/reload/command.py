"""How a server is started so that its next versions can be forked: the production command behind the runner. Pure."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

from vhlocal.contract.image import PYTHON_PATH, RUNNER_DIRECTORY

if TYPE_CHECKING:
    from vhlocal.model import Endpoint

_RUNNER = f"{RUNNER_DIRECTORY}/serve_warm.py"

#: A word of a shell's line, with its quotes, or an operator.
_TOKEN = re.compile(r"""\s*((?:[^\s|&;<>()'"\\]|\\.|'[^']*'|"(?:[^"\\]|\\.)*")+|&&|[|&;<>()])""")
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")

#: What may part commands of which the shell runs all but the last as they are.
_SEPARATORS = frozenset({"&&", ";"})
_OPERATORS = frozenset("|&<>()") | _SEPARATORS

#: With one of these words no single command begins.
_COMPOUND = frozenset(
    ["if", "then", "elif", "else", "fi", "for", "do", "done", "while", "until", "case", "esac", "{", "}", "!"]
)

#: Commands that only the shell itself knows.
_BUILTIN = frozenset(
    re.findall(
        r"\S+",
        "alias . bg break cd command continue eval exit export fg getopts hash jobs local read readonly return set "
        "shift source times trap type ulimit umask unalias unset wait :",
    )
)


def warm_command(endpoint: Endpoint) -> list[str] | None:
    """Return the command by which the runner starts the endpoint's server, or None where it cannot.

    It can where the last line is, or ends in, one single command: earlier lines and what stands before ``&&`` are left
    to the shell, and so are variables, quotes and ``~`` (R2). In an image without Python the command runs as it is.
    """
    if endpoint.server_command is None:
        target = shlex.quote(endpoint.wsgi or "")
        return ["sh", "-c", f'exec "$({PYTHON_PATH})" {_RUNNER} wsgi {target}']
    *earlier, last = endpoint.server_command
    parts = _last_command(last)
    if parts is None or any("()" in line for line in earlier):  # the command could be a function of the shell's
        return None
    before, command = parts
    runner = f'${{vhlocal_python:+"$vhlocal_python" {_RUNNER} command}}'
    lines = ["set -e", *earlier] if earlier else []
    script = [f'vhlocal_python="$({PYTHON_PATH} || :)"', *lines, f"{before}exec {runner} {command}"]
    return ["sh", "-c", "\n".join(script)]


def _last_command(line: str) -> tuple[str, str] | None:
    """Cut a line before its last command, behind that one's assignments; None where it is not alone."""
    if re.search(r"[\n`]|\$\(|(^|\s)#", line):
        return None
    end = 0
    command: list[tuple[str, int]] = []
    while match := _TOKEN.match(line, end):
        word, end = match[1], match.end()
        if word not in _OPERATORS:
            command.append((word, match.start(1)))
        elif word in _SEPARATORS and command and command[0][0] not in _COMPOUND:
            command = []
        else:
            return None
    while command and _ASSIGNMENT.match(command[0][0]):
        command.pop(0)
    begin = command[0][1] if command else 0
    if command and command[0][0] == "exec":
        command.pop(0)
    if line[end:].strip() or not command or command[0][0] in _COMPOUND | _BUILTIN:
        return None
    return line[:begin], line[command[0][1] :]

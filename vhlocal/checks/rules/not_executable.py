"""VH505, by the package alone: the command is a packaged file that nobody may execute (R2, B5)."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from vhlocal.checks.rule import Rule
from vhlocal.checks.server.starting import NOT_EXECUTABLE
from vhlocal.checks.servers import the_server
from vhlocal.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vhlocal.checks.subject import Subject

#: What may run before without a change of modes or of the directory.
_HARMLESS = ("echo", "export", "set", "ulimit", "umask")


def find(subject: Subject) -> Iterator[Finding]:
    """Yield the commands that are a path to a packaged file without an execute bit, which nothing before may set."""
    for endpoint in subject.endpoints:
        commands = subject.commands[endpoint.name]
        command = the_server(commands)
        if command is None or any(other.program not in _HARMLESS for other in commands[:-1]):
            continue
        word = command.words[0]
        path = posixpath.normpath(word)
        file = subject.package.files.get(path) if "/" in word else None
        chosen = {entry.path for entry in endpoint.files}
        if file is None or file.link is not None or file.mode & 0o111 or path in chosen:
            continue
        runs = _interpreter(subject.text(path) or "")
        change = f"name its interpreter (`{runs} {word}`), or `git add --chmod=+x {word}`"
        yield Finding(NOT_EXECUTABLE, command.place, f"{word} has no execute bit", change, endpoint.name)


def _interpreter(text: str) -> str:
    """Return what runs a script by its first line, else a shell."""
    words = text.partition("\n")[0].strip().removeprefix("#!").split() if text.startswith("#!") else []
    return posixpath.basename(words[-1]) if words and not words[-1].startswith("-") else "sh"


RULE = Rule((NOT_EXECUTABLE,), find)

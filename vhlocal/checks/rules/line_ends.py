"""VH210: a script has the line ends of Windows."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING

from vhlocal.checks.rule import Rule
from vhlocal.contract.image import CODE_DIRECTORY
from vhlocal.findings import Definition, Example, Finding, Severity
from vhlocal.model import Place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vhlocal.checks.commands import Command
    from vhlocal.checks.subject import Subject

DEFINITION = Definition(
    code="VH210",
    title="A script has Windows line endings",
    severity=Severity.ERROR,
    why="A shell treats the carriage return at the end of a line as part of the last word, and the system treats it as "
    "part of the interpreter's name: `bad interpreter: /bin/sh^M`, or `$'\\r': command not found`.",
    remedy={
        "": "Save the script with Unix line endings, `sed -i 's/\\r$//' start.sh`, and let git keep them: "
        "`*.sh text eol=lf` in `.gitattributes`."
    },
    example=Example("text", "#!/bin/sh\\r\nexec python server.py\\r", "#!/bin/sh\nexec python server.py"),
    rows=("R2",),
)

_SHELLS = ("sh", "bash", "dash", "ash", "ksh", "zsh", "source", ".")
_CALLED = re.compile(r"[\w./-]+\.sh\b")
#: Scripts that call scripts: further than anybody writes.
_DEEPEST = 4


def find(subject: Subject) -> Iterator[Finding]:
    """Yield the scripts that an endpoint's command runs, or that those run, each once."""
    for endpoint in subject.endpoints:
        run = (path for command in subject.commands[endpoint.name] for path in _run_by(command, subject))
        for path in dict.fromkeys(run):
            if _stumbles(subject.text(path) or ""):
                place = Place(subject.package.files[path].source, 1)
                seen = f"{path} has carriage returns at the ends of its lines"
                change = f"`sed -i 's/\\r$//' {path}`, and `*.sh text eol=lf` in .gitattributes"
                yield Finding(DEFINITION, place, seen, change, endpoint.name)


def _run_by(command: Command, subject: Subject) -> list[str]:
    """Return the packaged scripts that a command runs itself or in a shell, and those that these run."""
    words = list(command.words)
    if posixpath.basename(words[0]) in _SHELLS:
        words = [word for word in words[1:] if not word.startswith("-")]
    found = [path for path in map(_path, words[:1]) if path in subject.package.files]
    for _ in range(_DEEPEST):
        lines = (line for path in found for line in (subject.text(path) or "").splitlines())
        called = {_path(word) for line in lines for word in _CALLED.findall(line.partition("#")[0])}
        new = sorted((called & subject.package.files.keys()) - set(found))
        if not new:
            break
        found += new
    return found


def _path(word: str) -> str:
    return posixpath.normpath(word.removeprefix(f"{CODE_DIRECTORY}/")) if word else ""


def _stumbles(text: str) -> bool:
    """Tell whether the system does at the first line, or a shell at nearly each."""
    lines = text.split("\n")
    first = lines[0]
    if first.startswith("#!"):
        return first.endswith("\r")
    return sum(line.endswith("\r") for line in lines) > len(lines) // 2


RULE = Rule((DEFINITION,), find)

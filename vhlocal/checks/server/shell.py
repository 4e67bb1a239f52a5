"""VH521: `sh` runs the command, and does not understand what bash would (R2)."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING

from vhlocal.checks.images import is_official_python
from vhlocal.checks.rule import Rule
from vhlocal.findings import Definition, Example, Finding, Severity
from vhlocal.model import Place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vhlocal.checks.server.evidence import Ended

DEFINITION = Definition(
    code="VH521",
    title="`sh` does not understand the script",
    severity=Severity.ERROR,
    why="`sh` runs `server-command`, and scripts that begin with `#!/bin/sh`. On Debian, the base of most images, `sh` "
    "is dash: it has no `source`, no `[[`, no arrays and no `set -o pipefail`, and fails when it reads one.",
    remedy={
        "": "Use what `sh` has: `. ./file` for `source file`, `[ … ]` for `[[ … ]]`, `set -eu` for "
        "`set -euo pipefail`. Or put the lines into a script that begins with `#!/bin/bash`, and run it with `bash "
        "start.sh` if the image has bash."
    },
    example=Example(
        "yaml",
        "server-command:\n  - set -euo pipefail\n  - source ./settings.sh\n  - python server.py",
        "server-command:\n  - set -eu\n  - . ./settings.sh\n  - python server.py",
    ),
    rows=("R2",),
)

#: What bash has built in, and `sh` looks for among programs.
BUILTINS = ("source", "[[", "pushd", "popd", "let", "declare", "typeset", "shopt", "mapfile", "readarray", "function")
_SAID = re.compile(
    r"^(?P<name>[\w./-]+): (?:line )?(?P<line>\d+): (?P<what>"
    r"set: Illegal option -o pipefail|Syntax error: .+|Bad substitution|.*: bad trap|.*: Illegal option .*"
    r"|\[: .*unexpected operator|(?P<builtin>\S+): not found)\s*$",
    re.MULTILINE,
)
_SHELL = ("sh", "/bin/sh", "dash")
_WORDS = {"set: ": "set", "trap: ": "trap", "[: ": "["}


def instead_of(word: str) -> str:
    """Return what to write for a word of bash's."""
    if word == "source":
        return "write `. ./file` for `source file`"
    if word == "[[":
        return "write `[ … ]` for `[[ … ]]`, and `=` for `==` in it"
    if word == "pipefail":
        return "remove `-o pipefail`"
    return "write it for `sh`, or move it to a script that `bash` runs"


def find(ended: Ended) -> Iterator[Finding]:
    """Yield the last thing that a shell has ended over, and that bash has or `sh` cannot read.

    Nothing where this machine's `sh` stood in for an image's, which may be bash.
    """
    if ended.stands_in and not is_official_python(ended.endpoint.image):
        return
    said = [one for one in _SAID.finditer(ended.text) if not one["builtin"] or one["builtin"] in BUILTINS]
    if ended.code not in (1, 2, 127) or not said:
        return
    last = said[-1]
    what, name = last["what"], ended.endpoint.name
    word = last["builtin"] or ("pipefail" if "pipefail" in what else "")
    seen = f"`sh` says `{what}` (exit code {ended.code})"
    yield Finding(DEFINITION, _place(ended, last["name"], int(last["line"]), what, word), seen, instead_of(word), name)


def _place(ended: Ended, script: str, line: int, what: str, word: str) -> Place:
    """Return the line of the script that said so, or the command's line that begins with the word."""
    path = posixpath.normpath(script)
    if script not in _SHELL and path in ended.packaged:
        return Place(ended.command.file.parent / path, line)
    return ended.where(word if word != "pipefail" else next((w for start, w in _WORDS.items() if start in what), ""))


RULE = Rule((DEFINITION,), find)

"""VH521, by the lines alone: what `sh` runs has words that only bash knows (R2)."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING

from vhlocal.checks.edits import in_line
from vhlocal.checks.rule import Rule
from vhlocal.checks.server.shell import BUILTINS, DEFINITION, instead_of
from vhlocal.findings import Finding
from vhlocal.model import Place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vhlocal.checks.edits import Edits
    from vhlocal.checks.subject import Subject
    from vhlocal.model import Endpoint

_QUOTED = re.compile(r"'[^']*'|\"(?:\\.|[^\"\\])*\"")
_COMMENT = re.compile(r"(?:^|\s)#.*")
#: Where a command begins.
_START = r"(?:^|[;&|(]|\b(?:if|then|else|elif|do|while|until)\b|!)\s*"
_PIPEFAIL = re.compile(rf"{_START}set\s+(?:\S+\s+)*-\w*o\s+pipefail\b")
_BUILTIN = re.compile(rf"\s*({'|'.join(map(re.escape, BUILTINS))})\s")
_STOPPING = re.compile(r"\s*set\s+-\w*e")
_ARRAY = re.compile(rf"{_START}(\w+=\()")
_FROM_TEXT = re.compile(r"(<<<)")
_INTERPRETER = re.compile(r"#!\s*(?:/usr)?/bin/(?:env\s+)?(\w+)")
_SH = ("sh", "dash")


def find(subject: Subject) -> Iterator[Finding]:
    """Yield the first such line of each endpoint's command, and of each script that it has `sh` run."""
    for endpoint in subject.known_images:
        if "alpine" in (endpoint.image or ""):  # its `sh` knows some of bash's words
            continue
        several = len(endpoint.server_command or ()) > 1  # the first that fails ends them all (R2)
        yield from _judge(_commands(endpoint, subject), several, endpoint.name)
        for texts in _scripts(endpoint, subject):
            yield from _judge(texts, False, endpoint.name)


def _judge(lines: list[tuple[str, Place]], stops: bool, endpoint: str) -> Iterator[Finding]:
    for number, (text, place) in enumerate(lines):
        bare = _COMMENT.sub("", _QUOTED.sub("''", text))
        if "'" in bare.replace("''", "") or '"' in bare or re.search(r"(?<!<)<<(?!<)", bare):
            return  # a text that goes on over lines: what is in it is no command
        stops = stops or _STOPPING.match(bare) is not None
        word = _word(bare, stops, is_last=not any(line.strip() for line, _ in lines[number + 1 :]))
        if word:
            said = "-o pipefail" if word == "pipefail" else word
            seen = f"`{said}` is bash syntax, but `sh` runs this"
            yield Finding(DEFINITION, place, seen, instead_of(word), endpoint, edits=_edits(word, place))
            return


def _word(bare: str, stops: bool, *, is_last: bool) -> str:
    """Return the word of bash's that the shell surely ends over; "" where there is none.

    It ends over a command that it does not find if that ``stops`` it, or if nothing but what needs it comes after.
    """
    if _PIPEFAIL.search(bare):
        return "pipefail"
    if (other := _ARRAY.search(bare) or _FROM_TEXT.search(bare)) is not None:
        return other[1]
    found, waits = _BUILTIN.match(bare), "&&" in bare
    is_handled = "||" in bare or ";" in bare
    return found[1] if found is not None and not is_handled and (is_last if waits else stops) else ""


def _edits(word: str, place: Place) -> Edits:
    if word == "pipefail":
        return in_line(place, "set -euo pipefail", "set -eu") or in_line(place, "set -eo pipefail", "set -e")
    return ()


def _commands(endpoint: Endpoint, subject: Subject) -> list[tuple[str, Place]]:
    """Return the lines of the command, each with its place."""
    start = endpoint.place("server-command")
    if endpoint.server_command is None or start is None:
        return []
    found, at = [], (start.line or 1) - 1
    for text in (line for entry in endpoint.server_command for line in entry.splitlines()):
        at = next((n for n, line in enumerate(subject.yaml_lines[at:], at) if text.strip() in line), at)
        found.append((text, Place(start.file, at + 1)))
    return found


def _scripts(endpoint: Endpoint, subject: Subject) -> Iterator[list[tuple[str, Place]]]:
    """Yield the lines of each packaged script that `sh` runs, by its name or by the script's first line."""
    for command in subject.commands[endpoint.name]:
        words = command.words
        by_sh = posixpath.basename(words[0]) in (*_SH, ".")
        named = [word for word in words[1:] if not word.startswith("-")] if by_sh else list(words)
        path = posixpath.normpath(named[0]) if named and "-c" not in words else ""
        file = subject.package.files.get(path)
        lines = (subject.text(path) or "").splitlines() if file is not None else []
        interpreter = _INTERPRETER.match(lines[0]) if lines else None
        if file is not None and (by_sh or (interpreter is not None and interpreter[1] in _SH)):
            yield [(line, Place(file.source, number)) for number, line in enumerate(lines, 1)]


RULE = Rule((DEFINITION,), find)

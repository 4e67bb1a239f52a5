"""The commands of a ``server-command``, each with its place: as much of the shell as can be read for certain."""

from __future__ import annotations

import re
import shlex
from dataclasses import field
from typing import TYPE_CHECKING

from vhlocal.model import Place
from vhlocal.regular import text_of
from vhlocal.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from vhlocal.model import Endpoint

_ASSIGNMENT = re.compile(r"([A-Za-z_]\w*)=(.*)", re.DOTALL)
_ENDS = ("&&", "||", ";", "|", "&", "(", ")", ";;")
#: What may stand before a command without changing which one it is.
_BEFORE = ("exec", "nohup", "time", "command", "then", "do", "else", "!", "{", "dumb-init", "tini", "--", "-g")
#: Programs that run the command behind them, by what stands first: options that have a value in a word of its own, and
#: how many words stand between the options and the command.
_RUNNERS: Mapping[tuple[str, ...], tuple[tuple[str, ...], int]] = {
    ("env",): (("-u", "--unset"), 0),
    ("timeout",): (("-k", "--kill-after", "-s", "--signal"), 1),
    ("nice",): (("-n", "--adjustment"), 0),
    ("stdbuf",): (("-i", "-o", "-e"), 0),
    ("poetry", "run"): ((), 0),
    ("pipenv", "run"): ((), 0),
    ("uv", "run"): (("--with", "--extra", "--group", "--python", "-p", "--env-file", "--package"), 0),
}
#: Options of Python that have a value in a word of its own.
_PYTHON_VALUED = ("-W", "-X")
#: What the shell puts in only when it runs; what is left of it counts as a variable.
_SUBSTITUTION = re.compile(r"\$\(\(.*?\)\)|\$\([^()]*\)|`[^`]*`")
#: Words of lines after which other programs and modules may be there.
_BRINGING = {"source", ".", "eval", "pip", "pip3", "uv", "conda", "poetry", "pipenv", "apt-get", "apk", "curl"}
_SHELLS = ("sh", "bash", "dash", "/bin/sh", "/bin/bash")


@dataclass(frozen=True)
class Command:
    """One command: ``words`` as the shell would pass them, its own ``variables``, and where its line stands.

    ``end`` is what follows it: ``&`` where it is left in the background.
    """

    words: tuple[str, ...]
    place: Place
    variables: Mapping[str, str] = field(default_factory=dict)
    end: str = ""

    @property
    def program(self) -> str:
        """The name of the program, without its directory; of ``python -m name`` and ``python name.py`` that name."""
        return self.split[0]

    @property
    def arguments(self) -> tuple[str, ...]:
        """What the program is given."""
        return self.split[1]

    @property
    def options(self) -> tuple[str, ...]:
        """Its arguments up to ``--``, behind which none is an option."""
        arguments = self.arguments
        return arguments[: arguments.index("--")] if "--" in arguments else arguments

    @property
    def split(self) -> tuple[str, tuple[str, ...]]:
        """The program's name and its arguments."""
        if self.script is not None:
            index = next(index for index, word in enumerate(self.words) if word.endswith(self.script))
            return self.script.rpartition("/")[2], self.words[index + 1 :]
        if is_python(self.words[0]):
            words = self.words[_options_end(self.words) :]
            if len(words) > 1 and words[0] == "-m":
                return words[1], words[2:]
        return self.words[0].rpartition("/")[2], self.words[1:]

    @property
    def script(self) -> str | None:
        """The path of the file that Python is to run, None where it is no such command."""
        if not is_python(self.words[0]):
            return None
        index = _options_end(self.words)
        if index == len(self.words) or self.words[index].startswith("-"):
            return None
        return self.words[index].removeprefix("./")

    def values(self, *options: str) -> list[str]:
        """Return what the options are given, in order: ``--host x``, ``--host=x``, ``-b x``, ``-bx``."""
        found = []
        words = self.options
        for index, word in enumerate(words):
            for option in options:
                if word == option and index + 1 < len(words):
                    found.append(words[index + 1])
                elif word.startswith(f"{option}="):
                    found.append(word[len(option) + 1 :])
                elif not option.startswith("--") and word.startswith(option) and len(word) > len(option):
                    found.append(word[len(option) :])
        return found

    def has(self, *flags: str) -> bool:
        """Tell whether one of the flags is given."""
        return any(flag in self.options for flag in flags)


def is_python(word: str) -> bool:
    """Tell whether a program's name is a Python's."""
    return re.fullmatch(r"python(3(\.\d+)?)?", word.rpartition("/")[2]) is not None


def _options_end(words: Sequence[str]) -> int:
    """Return where a Python's own options end: at `-m`, `-c`, its script, or the end of the words."""
    index = 1
    while index < len(words) and words[index].startswith("-") and words[index] not in ("-", "-m", "-c"):
        index += 2 if words[index] in _PYTHON_VALUED else 1
    return min(index, len(words))


def commands(endpoint: Endpoint, yaml_lines: Sequence[str]) -> tuple[Command, ...]:
    """Return the commands of an endpoint's ``server-command``, in order; none for ``wsgi``.

    ``yaml_lines`` are the lines of its file, in which each command's is looked for. What cannot be read stands there as
    the command ``$_``: something runs, and nobody knows what.
    """
    start = endpoint.place("server-command")
    if endpoint.server_command is None or start is None:
        return ()
    found: list[Command] = []
    line = start.line or 1
    for entry in endpoint.server_command:
        for text in re.sub(r"\\\n\s*", " ", entry).splitlines():
            line = _line_of(text, yaml_lines, line)
            found += _parse(text, Place(start.file, line))
    return tuple(found)


def commands_of(endpoint: Endpoint) -> tuple[Command, ...]:
    """Return the commands of an endpoint, each at its line, as far as its yaml can be read."""
    place = endpoint.place("server-command")
    return commands(endpoint, [] if place is None else lines_of(place.file))


def lines_of(file: Path) -> list[str]:
    """Return a text's lines; none of a file that cannot be read."""
    try:
        return text_of(file, "utf-8-sig", "replace").splitlines()
    except OSError:
        return []


def node_script(command: Command) -> tuple[Path, Sequence[str]]:
    """Return the script of Node's that a command starts, and its lines; no lines where it starts no such."""
    script = next((word for word in command.arguments if word.endswith((".js", ".cjs", ".mjs"))), "")
    file = command.place.file.parent / script
    return file, lines_of(file) if script else ()


def brings_programs(endpoint: Endpoint) -> bool:
    """Tell whether a ``server-command`` may bring programs itself: an environment, an installation, a file read in."""
    words = {word for line in endpoint.server_command or () for word in line.split()}
    return bool(words & _BRINGING) or any("PATH=" in word for word in words)


def exported(found: Sequence[Command]) -> dict[str, str]:
    """Return the variables that the commands set for those after them, or for themselves."""
    variables: dict[str, str] = {}
    for command in found:
        variables |= command.variables
        if command.words[0] == "export":
            variables |= {match[1]: match[2] for word in command.words[1:] if (match := _ASSIGNMENT.fullmatch(word))}
    return variables


def _line_of(text: str, yaml_lines: Sequence[str], start: int) -> int:
    """Return the first line from ``start`` on that begins as the text does, or ``start``."""
    first = text.strip()[:40]
    for number, line in enumerate(yaml_lines[start - 1 :], start):
        if first and first in line:
            return number
    return start


def _parse(text: str, place: Place) -> Iterator[Command]:
    lexer = shlex.shlex(_SUBSTITUTION.sub("$_", text), posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    lexer.commenters = ""
    try:
        tokens = list(lexer)
    except ValueError:  # a quote that goes on in the next line: some command, but nobody knows which
        tokens = ["$_"]
    words: list[str] = []
    for token in [*tokens, ";"]:
        if token not in _ENDS:
            words.append(token)
            continue
        if words:
            yield from _command(words, place, token)
        words = []


def _command(words: list[str], place: Place, end: str) -> Iterator[Command]:
    variables: dict[str, str] = {}
    rest = list(words)
    while rest and (rest[0] in _BEFORE or _ASSIGNMENT.fullmatch(rest[0]) or _run_by(rest)):
        if match := _ASSIGNMENT.fullmatch(rest[0]):
            variables[match[1]] = match[2]
        del rest[: _run_by(rest) or 1]
    if len(rest) == 3 and rest[0] in _SHELLS and rest[1] in ("-c", "-lc", "-ec"):
        yield from _parse(rest[2], place)
    elif rest:
        yield Command(tuple(rest), place, variables, end)
    elif variables:
        yield Command(("export", *words), place, variables, end)


def _run_by(words: Sequence[str]) -> int:
    """Return how many words stand before the command that a program runs which these begin with, 0 for none such."""
    for start, (valued, operands) in _RUNNERS.items():
        if tuple(words[: len(start)]) != start:
            continue
        index = len(start)
        while index < len(words) and words[index].startswith("-") and words[index] != "--":
            index += 2 if words[index] in valued else 1
        index += operands
        return index if index < len(words) else 0
    return 0

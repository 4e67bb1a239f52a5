"""A Python traceback as its reader wants it: the project's own lines first. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from vhlocal.contract.image import CODE_DIRECTORY
from vhlocal.model import Place
from vhlocal.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

_FRAME = re.compile(r'^\s*File "(?P<file>[^"]+)", line (?P<line>\d+)(?:, in (?P<function>.+))?$')
_RUNNING = re.compile(r'^\s*File "(?P<file>[^"]+)", line (?P<line>\d+) in (?P<function>.+)$')
_ERROR = re.compile(r"^[A-Za-z_][\w.]*(Error|Exception|Exit|Interrupt|Warning|Group)?(: .*)?$")
_OTHERS_SHOWN = 3

_HEAD = "Traceback (most recent call last):"
#: What Python writes between an exception and the one that it led to, and how many lines before the latter's head.
_LED_TO = ("The above exception was the direct cause", "During handling of the above exception")
_BETWEEN = 2
#: Lines that explain an end which no exception explains. A traceback may be much longer.
_LAST = 60


@dataclass(frozen=True)
class Frame:
    """One place in a traceback; ``file`` is relative to the project where it is the project's own."""

    file: str
    line: int
    function: str
    text: str = ""
    own: bool = False

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" + (f" in {self.function}" if self.function else "")
        return f"{where}\n    {self.text}" if self.text else where


@dataclass(frozen=True)
class Traceback:
    """What failed: ``error`` is the exception's line, ``frames`` lead to it, outermost first."""

    error: str
    frames: tuple[Frame, ...]

    @property
    def own(self) -> tuple[Frame, ...]:
        """The frames of the project's own files."""
        return tuple(frame for frame in self.frames if frame.own)

    def place(self, directory: Path) -> Place | None:
        """Return where in the project it failed; None where only libraries are concerned."""
        return Place(directory / self.own[-1].file, self.own[-1].line) if self.own else None

    def __str__(self) -> str:
        """Return the project's own frames, the error, and how it came about within libraries."""
        others = [frame for frame in self.frames if not frame.own]
        lines = [str(frame) for frame in self.own] + [self.error]
        if others:
            hidden = len(others) - _OTHERS_SHOWN
            lines.append("within libraries:" + (f" ({hidden} more before)" if hidden > 0 else ""))
            lines += [f"  {frame.file}:{frame.line} in {frame.function}" for frame in others[-_OTHERS_SHOWN:]]
        return "\n".join(lines)


def heads(lines: Sequence[str]) -> list[int]:
    """Return where tracebacks begin; one that others led to begins with the first of those."""
    found = [number for number, line in enumerate(lines) if line.startswith(_HEAD)]
    return [number for number in found if not any(map(_led_to, lines[max(0, number - _BETWEEN) : number]))]


def end_of(lines: Sequence[str], start: int) -> int:
    """Return where the traceback ends that begins at ``start``, with all that it led to."""
    number = start + 1
    while number < len(lines):
        if not lines[number].startswith(" "):
            number += 1  # the exception's own line
            if not any(map(_led_to, lines[number : number + _BETWEEN])):
                break
            number += next(n for n, line in enumerate(lines[number:]) if _led_to(line)) + _BETWEEN
        number += 1
    return min(number, len(lines))


def last_failure(lines: Sequence[str]) -> Sequence[str]:
    """Return the lines from the last exception on, with those that led to it; the very last where there is none."""
    return lines[max(heads(lines), default=max(0, len(lines) - _LAST)) :]


def read_traceback(lines: Iterable[str]) -> Traceback | None:
    """Return the last traceback in what a server printed, or None."""
    found: Traceback | None = None
    frames: list[Frame] = []
    for line in lines:
        if line.startswith(_HEAD):
            frames = []
        elif match := _FRAME.match(line):
            frames.append(_frame(match))
        elif frames and line.startswith("    "):
            if not frames[-1].text and not set(line.strip()) <= set("~^"):
                frames[-1] = Frame(**{**vars(frames[-1]), "text": line.strip()})
        elif frames and _ERROR.match(line):
            found, frames = Traceback(line.strip(), tuple(frames)), []
    return found


def where(stacks: str, directory: Path) -> tuple[Place | None, str]:
    """Return where in the project a process's code is, and what it is doing there, from stacks as faulthandler prints
    them; innermost frames come first in these. ``(None, "")`` where no own code runs.
    """
    inner = ""
    for line in stacks.splitlines():
        if not (match := _RUNNING.match(line)):
            inner = ""
            continue
        frame = _frame(match)
        if frame.own:
            return Place(directory / frame.file, frame.line), inner
        inner = inner or f"{frame.file} in {frame.function}"
    return None, ""


def _led_to(line: str) -> bool:
    return line.startswith(_LED_TO)


def _frame(match: re.Match[str]) -> Frame:
    file, own = match["file"], False
    if file.startswith(f"{CODE_DIRECTORY}/"):
        file, own = file.removeprefix(f"{CODE_DIRECTORY}/"), True
    elif not file.startswith(("/", "<")):
        own = True  # the code's directory is where servers run
        file = file.removeprefix("./")
    return Frame(file, int(match["line"]), match["function"] or "", own=own)

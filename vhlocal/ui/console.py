"""The consoles, and how errors, notices and log lines look on them."""

from __future__ import annotations

import contextlib
import os
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.ansi import AnsiDecoder
from rich.console import Console
from rich.segment import Segment
from rich.text import Text

from vhlocal.ui.findings import show_edits
from vhlocal.visible import coloured, visible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from rich.console import ConsoleOptions, RenderableType

    from vhlocal.errors import VhlocalError
    from vhlocal.events import Notice
    from vhlocal.model import Place

_COLOURS = ("cyan", "magenta", "blue", "yellow", "green", "bright_cyan", "bright_magenta", "bright_blue")


#: Shown for a line end where there is none of ours: in a name.
_LINE_END = "\N{SYMBOL FOR NEWLINE}"


class _Console(Console):
    """Prints what others have written too: none of it reaches the terminal as more than text and colours."""

    def print(self, *objects: Any, **options: Any) -> None:
        """Print as rich does; a ``Text`` is one line, so that no name in it begins another."""
        super().print(*(_in_one_line(each) if isinstance(each, Text) else each for each in objects), **options)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Yield what rich does, with all that a terminal would obey made visible but rich's own."""
        for segment in super().render(renderable, options):
            shown = segment.text if segment.control else visible(segment.text)
            yield segment if shown == segment.text else Segment(shown, segment.style)

    def on_broken_pipe(self) -> None:
        """Leave it to the caller: rich would end the process, from whichever thread this is."""
        raise BrokenPipeError


def standard_output() -> Console:
    """Return the console for what was asked for; to print raises BrokenPipeError when nobody reads it any more."""
    return _Console(highlight=False, soft_wrap=True)


def standard_error() -> Console:
    """Return the console for everything else."""
    return _Console(stderr=True, highlight=False, soft_wrap=True)


def silence(console: Console) -> None:
    """Print nothing from now on, since nobody can read it any more; what is buffered still goes nowhere either."""
    console.quiet = True
    with contextlib.suppress(OSError, ValueError), Path(os.devnull).open("wb") as nowhere:
        os.dup2(nowhere.fileno(), console.file.fileno())


def show_error(console: Console, error: VhlocalError, then: str = "", worded: Callable[[str], str] = str) -> None:
    """Print an error: what happened, where, the evidence, what to do (``worded`` so), and what happens now."""
    console.print(Text.assemble(("error: ", "bold red"), error.message))
    _where(console, error.place)
    if error.detail:
        for line in error.detail.splitlines():
            console.print(Text(f"  | {line}", style="dim"))
    _hint(console, error.hint, worded)
    if error.finding is not None:
        definition = error.finding.definition
        show_edits(console, error.finding, Path.cwd())
        if error.finding.framework and not error.finding.edits:
            console.print(
                Text.assemble((f"  {error.finding.framework}: ", "bold"), definition.remedy[error.finding.framework])
            )
        console.print(Text(f"  more: {definition.explain}", "dim"))
    if then:
        console.print(Text.assemble(("  next: ", "bold"), then))


def show_notice(console: Console, notice: Notice, worded: Callable[[str], str] = str) -> None:
    """Print a notice, with its endpoint before it, and its hint ``worded`` so."""
    name = f"{notice.endpoint}: " if notice.endpoint else ""
    console.print(Text.assemble(("note: ", "bold yellow"), f"{name}{notice.text}"))
    _where(console, notice.place)
    _hint(console, notice.hint, worded)


def labelled(name: str, text: Text, width: int) -> Text:
    """Return a line behind an endpoint's name, ``width`` characters wide and in the endpoint's own colour."""
    colour = _COLOURS[zlib.crc32(name.encode()) % len(_COLOURS)]
    return Text.assemble((f"{name:<{width}} | ", colour), text)


def log_text(endpoint: str, stream: str, text: str, width: int) -> Text:
    """Return one log line behind its endpoint's name; see ``labelled``."""
    return labelled(endpoint, as_printed(text, "dim" if stream == "build" else ""), width)


def as_printed(text: str, style: str = "") -> Text:
    """Return one line that an app or a build has printed, in the colours that it has set, and nothing else of it."""
    shown = coloured(text)
    line = AnsiDecoder().decode_line(shown) if "\x1b" in shown else Text(shown)
    line.style = style
    return line


def _in_one_line(text: Text) -> Text:
    if "\n" in text.plain:
        text = text.copy()
        text.plain = text.plain.replace("\n", _LINE_END)
    return text


def _where(console: Console, place: Place | None) -> None:
    if place is not None:
        console.print(Text(f"  at {place}"))


def _hint(console: Console, hint: str | None, worded: Callable[[str], str]) -> None:
    if hint:
        for number, line in enumerate(worded(hint).splitlines()):
            console.print(Text.assemble(("  hint: " if number == 0 else "        ", "bold"), line))

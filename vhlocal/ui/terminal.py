"""A run on a terminal: what is being built moves at the bottom, everything else scrolls above it.

If standard output is no terminal, it prints the same in plain lines, and nothing moves.
"""

from __future__ import annotations

from collections import deque
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from vhlocal import events
from vhlocal.model import State
from vhlocal.storage import is_full
from vhlocal.ui import profile
from vhlocal.ui.card import show_card
from vhlocal.ui.console import as_printed, labelled, log_text, show_error, show_notice, silence
from vhlocal.ui.findings import show_finding
from vhlocal.ui.requests import duration, request_lines
from vhlocal.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console, RenderableType

_SHOWN_LINES = 5

#: How many lines of a server that is tried again are kept back, and for how many seconds.
_HELD_LINES = 500
_HELD_SECONDS = 10.0

#: Digits of a revision that people need to distinguish it.
_REVISION = 7


@dataclass
class _Step:
    title: str
    started: events.StepStarted
    lines: deque[str] = field(default_factory=lambda: deque(maxlen=_SHOWN_LINES))
    layers: dict[str, events.PullProgress] = field(default_factory=dict)


class Terminal:
    """Prints a run's events; the subscriber for the bus.

    ``on_closed`` is called, once, when nobody reads the output any more: a pipe's reader has ended, or the window
    was closed. Nothing is printed from then on. ``verbose`` prints for each reload where its time went, ``profile`` the
    same for each start.
    """

    def __init__(
        self,
        console: Console,
        on_closed: Callable[[], None] = lambda: None,
        *,
        verbose: bool = False,
        profile: bool = False,
        worded: Callable[[str], str] = str,
    ) -> None:
        self._console = console
        self._on_closed = on_closed
        self._verbose = verbose
        self._profile = profile
        self._worded = worded
        self._steps: dict[str, _Step] = {}
        self._names: set[str] = set()
        self._notices: set[events.Notice] = set()
        self._shown_findings: set[tuple[object, ...]] = set()
        self._states: dict[str, State] = {}
        # What each endpoint's last error was, and what a server printed that is tried again after it: nothing new, if
        # it ends with the same.
        self._shown_errors: dict[str, tuple[object, ...]] = {}
        self._held: dict[str, deque[events.LogLine]] = {}
        self._live: Live | None = None
        self._handlers: dict[type, Callable[..., None]] = {
            events.StepStarted: self._step_started,
            events.StepOutput: self._step_output,
            events.StepFinished: self._step_finished,
            events.StepFailed: self._step_failed,
            events.StepUnneeded: self._step_unneeded,
            events.PullProgress: self._pull_progress,
            events.StatusChanged: self._status_changed,
            events.LogLine: self._log_line,
            events.LinesLeftOut: self._left_out,
            events.Notice: self._notice,
            events.Found: self._found,
            events.Problem: self._problem,
            events.Listening: self._listening,
            events.Ready: self._ready,
            events.Reloaded: self._reloaded,
            events.AliasMoved: self._alias_moved,
            events.Scaled: self._scaled,
            events.Compared: self._compared,
            events.RequestsEnded: self._requests_ended,
            events.Stopping: self._stopping,
            events.Waiting: self._waiting,
        }

    def __call__(self, event: events.Event) -> None:
        """Show one event."""
        handler = self._handlers.get(type(event))
        if handler is None or self._console.quiet:
            return
        try:
            handler(event)
        except OSError as error:
            if not is_full(error):  # a file's disk may have room again: until then its lines are lost
                silence(self._console)
                self._on_closed()

    def close(self) -> None:
        """Leave the terminal as it was found."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _listening(self, event: events.Listening) -> None:
        self._say("gateway", f"{event.url}/", "bold")
        self._say("page", event.link, "bold")

    def _status_changed(self, event: events.StatusChanged) -> None:
        status = event.status
        self._names.add(status.name)
        if self._states.get(status.name) is status.state:
            return
        before = self._states.get(status.name)
        self._states[status.name] = status.state
        if status.state is State.STARTING:
            self._say(status.name, "starting")
        if status.state is State.READY:
            self._shown_errors.pop(status.name, None)
            self._show_held(status.name)
        if status.state is State.READY and before is not State.RELOADING:
            self._say(status.name, "ready", "green")

    def _step_started(self, event: events.StepStarted) -> None:
        self._steps[event.step] = _Step(event.title, event)
        if not self._console.is_terminal:
            self._say("build", f"{event.title} for {', '.join(map(str, event.endpoints))} ({event.cause})")
        self._refresh()

    def _step_output(self, event: events.StepOutput) -> None:
        step = self._steps.get(event.step)
        if step is None:
            return
        step.lines.append(event.text)
        if not self._console.is_terminal and not self._write(f"  {step.title} | ", event.text):
            self._console.print(Text.assemble(f"  {step.title} | ", as_printed(event.text)))
        self._refresh()

    def _pull_progress(self, event: events.PullProgress) -> None:
        step = self._steps.get(event.step)
        if step is None:
            return
        before = step.layers.get(event.layer)
        step.layers[event.layer] = event
        if not self._console.is_terminal and (before is None or before.status != event.status):
            self._console.print(Text(f"  {step.title} | {event.layer}: {event.status}"))
        self._refresh()

    def _step_finished(self, event: events.StepFinished) -> None:
        self._steps.pop(event.step, None)
        self._refresh()
        self._say("build", f"{event.title} done in {event.seconds:.1f} s", "green")

    def _step_failed(self, event: events.StepFailed) -> None:
        self._steps.pop(event.step, None)
        self._refresh()
        if self._console.is_terminal:
            for line in event.output:
                self._console.print(Text.assemble(f"  {event.title} | ", as_printed(line)))
        self._say("build", f"{event.title} failed", "bold red")

    def _step_unneeded(self, event: events.StepUnneeded) -> None:
        self._steps.pop(event.step, None)
        self._refresh()
        self._say("build", f"{event.title} is no longer needed")

    def _log_line(self, event: events.LogLine) -> None:
        if event.usual and not self._verbose:
            return
        held = self._held.get(event.at.name)
        if held is None:
            self._show_line(event)
            return
        held.append(event)
        if event.time - held[0].time > _HELD_SECONDS:
            self._show_held(event.at.name)

    def _show_line(self, event: events.LogLine) -> None:
        if not self._write(f"{event.at.name:<{self._width}} | ", event.text):
            self._console.print(log_text(event.at.name, event.stream, event.text, self._width))

    def _write(self, label: str, text: str) -> bool:
        """Write a line as the console would print it, and fifty times as quickly; False where it is to print it."""
        if self._console.is_terminal or not text.isprintable():
            return False
        self._console.file.write(f"{label}{text}\n")
        self._console.file.flush()
        return True

    def _left_out(self, event: events.LinesLeftOut) -> None:
        self._console.print(labelled(event.at.name, Text(event.text, "yellow"), self._width))

    def _requests_ended(self, event: events.RequestsEnded) -> None:
        for name, line in request_lines(event.records):
            self._console.print(labelled(name, line, self._width))

    @property
    def _width(self) -> int:
        return max((len(name) for name in self._names), default=0)

    def _notice(self, event: events.Notice) -> None:
        if event not in self._notices:
            self._notices.add(event)
            show_notice(self._console, event, self._worded)

    def _found(self, event: events.Found) -> None:
        known = event.finding
        if event.told:
            return
        key = (known.definition.code, known.endpoint, known.place, known.seen)
        if key not in self._shown_findings:
            self._shown_findings.add(key)
            show_finding(self._console, known, Path.cwd())

    def _problem(self, event: events.Problem) -> None:
        name, error = event.endpoint or "", event.error
        shown = (error.message, error.place, error.detail)
        again = bool(name) and self._shown_errors.get(name) == shown and not self._verbose
        if again:
            self._held.pop(name, None)
            self._say(name, f"the same error again; {event.then}", "red")
        else:
            self._show_held(name)
            show_error(self._console, error, event.then, self._worded)
        self._shown_errors[name] = shown
        if self._states.get(name) is State.CRASHED and not self._verbose:
            self._held[name] = deque(maxlen=_HELD_LINES)

    def _show_held(self, name: str) -> None:
        for line in self._held.pop(name, ()):
            self._show_line(line)

    def _ready(self, event: events.Ready) -> None:
        self.close()
        show_card(self._console, event)
        if self._profile:
            for status in event.statuses:
                profile.show_start_up(self._console, status)

    def _reloaded(self, event: events.Reloaded) -> None:
        many = f", {event.replicas} replicas" if event.replicas > 1 else ""
        took = f"live in {duration(event.seconds)} ({event.strategy.value}{many})"
        parts = ", ".join(f"{name} {duration(seconds)}" for name, seconds in event.phases)
        more = f": {parts}" if self._verbose and parts else ""
        self._say(event.at.name, f"rev {event.revision[:_REVISION]} {took}{more}", "green")

    def _compared(self, event: events.Compared) -> None:
        self._say(event.at.name, event.text, "yellow" if event.differs or event.unanswered else "green")

    def _scaled(self, event: events.Scaled) -> None:
        self._say(event.at.name, f"{event.before} → {event.after} replicas, following its load ({event.why})", "bold")

    def _alias_moved(self, event: events.AliasMoved) -> None:
        before = f" (was {event.before})" if event.before else ""
        self._say("alias", f"{event.alias} points at {event.after or 'no version'}{before}", "bold")

    def _stopping(self, event: events.Stopping) -> None:
        self.close()
        self._console.print(Text(f"Stopping ({event.reason})"))

    def _waiting(self, event: events.Waiting) -> None:
        self._console.print(Text(event.text))

    def _say(self, subject: str, text: str, style: str = "") -> None:
        if not self._write(f"{subject}: ", text):
            self._console.print(Text.assemble((f"{subject}: ", "dim"), (text, style)))

    def _refresh(self) -> None:
        if not self._console.is_terminal:
            return
        if self._live is None and self._steps:
            self._live = Live(console=self._console, transient=True, refresh_per_second=8, get_renderable=self._moving)
            self._live.start()
        elif self._live is not None and not self._steps:
            self.close()

    def _moving(self) -> RenderableType:
        parts: list[RenderableType] = []
        for step in tuple(self._steps.values()):
            names = ", ".join(map(str, step.started.endpoints))
            parts.append(Spinner("dots", Text(f"{step.title} for {names} ({step.started.cause})")))
            parts.extend(_moving(line) for line in step.lines)
            if step.layers:
                parts.append(_layers(tuple(step.layers.values())))
        return Group(*parts)


def _layers(layers: tuple[events.PullProgress, ...]) -> Table:
    table = Table.grid(padding=(0, 2))
    for layer in layers:
        bar: RenderableType = ""
        if layer.total:
            bar = ProgressBar(total=layer.total, completed=layer.current, width=30)
        size = f"{layer.current / 1e6:.1f}/{layer.total / 1e6:.1f} MB" if layer.total else ""
        table.add_row(Text(f"    {layer.layer}", style="dim"), layer.status, bar, size)
    return table


def _moving(line: str) -> Text:
    text = Text.assemble("    ", as_printed(line, "dim"), no_wrap=True)
    text.overflow = "ellipsis"
    return text

"""Signals that end a command which has others at work: it stops those first. A run that serves hears its own."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from types import FrameType

#: Seconds that a tool gets after an interrupt, for what its fixtures end.
GRACE = 30.0


class Terminated(KeyboardInterrupt):
    """A signal other than Ctrl-C has asked for an end; ``code`` is the exit code that says so."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.code = 128 + number


@contextlib.contextmanager
def ended_as_by_an_interrupt() -> Iterator[None]:
    """Have SIGTERM and SIGHUP unwind the block as Ctrl-C does: unhandled, they would leave what it has started."""
    before = {}
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)  # Windows has no SIGHUP
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:  # as `nohup` does
            before[number] = signal.signal(number, _terminate)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def interrupted(process: subprocess.Popen[str]) -> None:
    """End a process that leads a group of its own: by an interrupt, and at once after a while or a second interrupt."""
    from subprocess import TimeoutExpired  # noqa: PLC0415 - who has a process has it; each command needs this module

    try:
        _signal_group(process, signal.SIGINT)
        process.communicate(timeout=GRACE)
    except TimeoutExpired:
        pass
    finally:
        # Also what it has left of its group.
        _signal_group(process, getattr(signal, "SIGKILL", signal.SIGTERM))
        process.wait()


def _terminate(number: int, _frame: FrameType | None) -> None:
    raise Terminated(number)


def _signal_group(process: subprocess.Popen[str], number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if sys.platform == "win32":
            process.send_signal(number)
        else:
            os.killpg(process.pid, number)

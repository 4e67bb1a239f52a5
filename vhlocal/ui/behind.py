"""What shows a run's events in a thread of its own: no server waits for a terminal."""

from __future__ import annotations

import threading
from collections import Counter
from queue import SimpleQueue
from typing import TYPE_CHECKING

from vhlocal.events import Event, LinesLeftOut, LogLine, Ready

if TYPE_CHECKING:
    from vhlocal.events import Subscriber
    from vhlocal.model import ServedAt

#: Seconds that the run waits at most for what came before it to be shown, once it is ready.
_CATCHING_UP = 5.0


class Behind:
    """A subscriber for the bus, which hands events on to ``show``, in their order.

    If more than ``lines`` events wait, log lines are left out until half of those have been shown; a count of
    each endpoint's takes their place. Nothing else is ever left out. ``Ready`` returns once it has been shown: whoever
    follows the output until the run is ready sees all of it.
    """

    def __init__(self, show: Subscriber, lines: int) -> None:
        self._show = show
        self._lines = lines
        self._lock = threading.Lock()
        self._left_out: Counter[ServedAt] = Counter()
        self._waiting: SimpleQueue[Event | threading.Event | None] = SimpleQueue()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._work, name="vhlocal-display", daemon=True)
        self._thread.start()

    def __call__(self, event: Event) -> None:
        """Take an event; publishers call this one at a time."""
        waiting = self._waiting
        if isinstance(event, LogLine):
            limit = self._lines // 2 if self._left_out else self._lines
            if waiting.qsize() >= limit:
                with self._lock:
                    self._left_out[event.at] += 1
                return
        if self._left_out:
            self._tell_left_out()
        waiting.put(event)
        if isinstance(event, Ready):
            shown = threading.Event()
            waiting.put(shown)
            shown.wait(_CATCHING_UP)

    def close(self) -> None:
        """Return once all has been shown. Raises what has gone wrong with that."""
        self._tell_left_out()
        self._waiting.put(None)
        self._thread.join()
        if self._error is not None:
            raise self._error

    def _tell_left_out(self) -> None:
        with self._lock:
            left_out, self._left_out = self._left_out, Counter()
        for at, count in left_out.items():
            self._waiting.put(LinesLeftOut(at, count))

    def _work(self) -> None:
        while (event := self._waiting.get()) is not None:
            if isinstance(event, threading.Event):
                event.set()
            elif self._error is None:
                try:
                    self._show(event)
                except Exception as error:  # noqa: BLE001 - raised by ``close``
                    self._error = error
            if self._left_out and self._waiting.empty():
                self._tell_left_out()

"""The metrics that servers print, collected from their lines (K6)."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from vhlocal.events import Event, LogLine, MetricsPrinted, Notice
from vhlocal.loops import call_soon
from vhlocal.series import MARK, store
from vhlocal.session.tasks import in_thread
from vhlocal.values import dataclass

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from vhlocal.events import Bus
    from vhlocal.model import ServedAt
    from vhlocal.series.reading import Fault
    from vhlocal.session.board import Board
    from vhlocal.session.tasks import Tasks

#: Seconds after a reload within which a line may still be the old server's, which answers what it has begun.
_OF_THE_OLD = 10.0


@dataclass
class _Judged:
    """Kinds of fault reported for ``revision``, first seen at ``since``; ``before``: for the revision before it."""

    revision: str
    since: float
    reported: set[bool]
    before: set[bool]


class Collecting:
    """One run's. It looks at each line in the thread that read it, which is never the gateway's.

    ``tell`` reports what is wrong with a line, which may take a while.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        bus: Bus,
        board: Board,
        tasks: Tasks,
        tell: Callable[[ServedAt, Fault], None],
    ) -> None:
        self._loop = loop
        self._bus = bus
        self._board = board
        self._tasks = tasks
        self._tell = tell
        self._lock = threading.Lock()
        self._judged: dict[tuple[str, str], _Judged] = {}
        self._reported_bound = False
        self.store = store.Store()
        bus.subscribe(self.hear)

    def hear(self, event: Event) -> None:
        """Take in a line of metrics; the subscriber for the bus."""
        if isinstance(event, LogLine) and MARK in event.text:
            self._take(event)

    def _take(self, line: LogLine) -> None:
        from vhlocal.series.reading import read  # noqa: PLC0415 - most runs have no metrics

        reading = read(line.stream, line.text)
        if reading is None:
            return
        if reading.numbers or reading.texts:
            self.store.add(line.at, line.time, reading.numbers, reading.texts)
            self._bus.publish(MetricsPrinted(line.at, line.time, reading.numbers, reading.texts))
            self._tell_bound()
        if reading.faults and not (reading.meant and self.store.has(line.at, reading.meant)):
            for fault in reading.faults:
                self._judge(line, fault)

    def _tell_bound(self) -> None:
        if self.store.left_out and not self._reported_bound:
            self._reported_bound = True
            text = f"some metrics are left out: a run keeps {store.MOST} series, names up to {store.NAME} characters"
            hint = "do not put ids or times into the names of `vh_metadata`"
            self._bus.publish(Notice(text, hint=hint))

    def _judge(self, line: LogLine, fault: Fault) -> None:
        """Report a fault of a line, and one of a value, once for a revision."""
        status = self._board.status(line.at)
        if status is None:
            return
        kind = bool(fault.name)
        with self._lock:
            key = line.at.version, line.at.endpoint
            judged = self._judged.get(key)
            if judged is None or judged.revision != status.revision:
                before = set() if judged is None else judged.reported
                judged = self._judged[key] = _Judged(status.revision, line.time, set(), before)
            if kind in judged.reported or (kind in judged.before and line.time - judged.since < _OF_THE_OLD):
                return
            judged.reported.add(kind)
        call_soon(self._loop, self._begin, line.at, fault)

    def _begin(self, at: ServedAt, fault: Fault) -> None:
        self._tasks.start(in_thread(self._tell, at, fault), f"metrics of {at}")

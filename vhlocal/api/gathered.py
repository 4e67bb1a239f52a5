"""What happened since the last messages of a stream, and the messages that report it: if there is much, the newest."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from vhlocal.api import describe, recorded, series
from vhlocal.events import (
    Event,
    Examined,
    Found,
    Left,
    LogLine,
    MetricsPrinted,
    Notice,
    PinsChanged,
    RequestsEnded,
    StatusChanged,
    Stopping,
    VersionsChanged,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from vhlocal.model import RequestRecord, ServedAt
    from vhlocal.session.view import View

    #: A message: its kind, its event and its data.
    Message = tuple[str, str, dict[str, Any]]

#: Log lines, requests or values of metrics of one message at most.
_MANY = 200


class Gathered:
    """See the module. ``add`` is called as things happen and is quick, ``messages`` says them later."""

    def __init__(self) -> None:
        self._statuses: set[ServedAt] = set()
        self._left: list[ServedAt] = []
        self._notices: list[Notice] = []
        #: The endpoints of which something was found, None for the project.
        self._found: set[str | None] = set()
        self._versions = False
        self._lines: deque[LogLine] = deque(maxlen=_MANY)
        self._records: deque[RequestRecord] = deque(maxlen=_MANY)
        self._line_count = self._record_count = 0
        self._pins = False
        self._samples: deque[dict[str, Any]] = deque(maxlen=_MANY)
        self._end: str | None = None

    def add(self, event: Event, live: Collection[str]) -> bool:
        """Take in an event, if it is of a kind that is followed; return whether it is."""
        kind, take = _TAKEN.get(type(event), ("", None))
        if take is None or kind not in live:
            return False
        take(self, event)
        return True

    def messages(self, view: View) -> Iterator[Message]:
        """Yield the messages to send, with the state of this moment."""
        for status in view.board.statuses() if self._statuses or self._found else ():
            # The status of an endpoint that is ready mentions its findings.
            if status.at in self._statuses or self._found & {status.endpoint, None}:
                yield "status", "status", {"status": describe.status(status)}
        for at in self._left:
            if view.board.status(at) is None:
                yield "status", "gone", {"endpoint": at.endpoint, "version": at.version, "replica": at.replica}
        for notice in self._notices:
            yield "status", "notice", {"notice": describe.notice(notice)}
        if self._versions:
            yield "status", "aliases", {"versions": [describe.version(version) for version in view.versions()]}
        if self._statuses or self._found:
            yield "status", "finding", {"findings": [describe.finding(each) for each in view.board.findings()]}
        yield from self._counted(view)
        if self._end is not None:
            yield "status", "end", {"reason": self._end}

    def _counted(self, view: View) -> Iterator[Message]:
        if self._lines:
            lines = [describe.log_line(each) for each in self._lines]
            yield "logs", "logs", {"lines": lines, "missed": self._line_count - len(lines)}
        if self._records:
            records = [record.facts() for record in self._records]
            yield "requests", "requests", {"records": records, "missed": self._record_count - len(records)}
        if self._pins:
            yield "requests", "pins", recorded.pins(view)
        if self._samples:
            yield "metrics", "metrics", {"samples": list(self._samples)}

    def _status(self, event: StatusChanged) -> None:
        self._statuses.add(event.status.at)

    def _leaving(self, event: Left) -> None:
        self._left.append(event.at)

    def _finding(self, event: Found) -> None:
        self._found.add(event.finding.endpoint)

    def _examined(self, event: Examined) -> None:
        self._found.add(event.endpoint)

    def _version(self, _event: VersionsChanged) -> None:
        self._versions = True

    def _pinned(self, _event: PinsChanged) -> None:
        self._pins = True

    def _stopping(self, event: Stopping) -> None:
        self._end = event.reason

    def _notice(self, event: Notice) -> None:
        if event not in self._notices:
            self._notices.append(event)

    def _line(self, event: LogLine) -> None:
        self._lines.append(event)
        self._line_count += 1

    def _metrics(self, event: MetricsPrinted) -> None:
        self._samples.extend(series.samples(event))

    def _requests(self, event: RequestsEnded) -> None:
        # Those of the control plane are no endpoint's.
        records = [record for record in event.records if not record.is_control]
        self._records.extend(records)
        self._record_count += len(records)


#: How each event is taken in, and of which kind it is.
_TAKEN: Mapping[type[Event], tuple[str, Callable[[Gathered, Any], None]]] = {
    StatusChanged: ("status", Gathered._status),
    Left: ("status", Gathered._leaving),
    Notice: ("status", Gathered._notice),
    Found: ("status", Gathered._finding),
    Examined: ("status", Gathered._examined),
    VersionsChanged: ("status", Gathered._version),
    PinsChanged: ("requests", Gathered._pinned),
    Stopping: ("status", Gathered._stopping),
    LogLine: ("logs", Gathered._line),
    MetricsPrinted: ("metrics", Gathered._metrics),
    RequestsEnded: ("requests", Gathered._requests),
}

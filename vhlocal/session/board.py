"""What is known of a run at this moment, gathered from its events; what ``ps``, the pages and the API read."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING

from vhlocal.checks.sameness import tell_the_same
from vhlocal.events import Event, Examined, Found, LogLine, Notice, StatusChanged, StepOutput, StepStarted
from vhlocal.model import State

if TYPE_CHECKING:
    from collections.abc import Container

    from vhlocal.findings import Finding
    from vhlocal.model import ServedAt, Status

#: Log lines kept per endpoint, for pages and for a ``logs`` that comes late.
KEPT = 1000


class Board:
    """The statuses and last log lines of all that is served. Safe to read from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._statuses: dict[ServedAt, Status] = {}
        self._lines: dict[ServedAt, deque[LogLine]] = {}
        self._notices: dict[Notice, None] = {}
        self._findings: dict[Found, None] = {}
        self._examined: dict[tuple[str, str], Examined] = {}
        self._step_endpoints: dict[str, tuple[ServedAt, ...]] = {}

    def apply(self, event: Event) -> None:
        """Take in one event; the subscriber for the bus."""
        with self._lock:
            if isinstance(event, StatusChanged):
                self._statuses[event.status.at] = event.status
            elif isinstance(event, Found):
                self._keep(event)
            elif isinstance(event, Examined):
                there = {key: each for key, each in self._examined.items() if self._is_present(*key)}
                self._examined = {**there, (event.endpoint, event.revision): event}
            elif isinstance(event, LogLine):
                self._lines.setdefault(event.at, deque(maxlen=KEPT)).append(event)
            elif isinstance(event, Notice):
                self._notices[event] = None
            elif isinstance(event, StepStarted):
                self._step_endpoints[event.step] = event.endpoints
            elif isinstance(event, StepOutput):
                for at in self._step_endpoints.get(event.step, ()):
                    line = LogLine(at, "build", event.text, 0.0)
                    self._lines.setdefault(at, deque(maxlen=KEPT)).append(line)

    def forget(self, at: ServedAt) -> None:
        """Drop a replica that is no longer wanted."""
        with self._lock:
            self._statuses.pop(at, None)
            self._lines.pop(at, None)

    def statuses(self, endpoint: str | None = None, version: str | None = None) -> tuple[Status, ...]:
        """Return the statuses of all replicas, or of an endpoint's or a version's; in the order of their coming."""
        with self._lock:
            order: dict[tuple[str, str], list[Status]] = {}
            for at, status in self._statuses.items():
                if endpoint in {None, at.endpoint} and version in {None, at.version}:
                    order.setdefault((at.version, at.endpoint), []).append(self._whole(status))
        return tuple(status for group in order.values() for status in sorted(group, key=lambda each: each.at.replica))

    def status(self, at: ServedAt) -> Status | None:
        """Return one replica's status, or None when there is no such replica."""
        with self._lock:
            status = self._statuses.get(at)
            return None if status is None else self._whole(status)

    def tail(self, at: ServedAt, count: int) -> tuple[LogLine, ...]:
        """Return a replica's last ``count`` lines, oldest first."""
        with self._lock:
            lines = tuple(self._lines.get(at, ()))
        return lines[max(0, len(lines) - count) :]

    def findings(self, endpoint: str | None = None, revisions: Container[str] | None = None) -> tuple[Finding, ...]:
        """Return what was found of an endpoint's present code, or of every one's, once each.

        Several versions may have an endpoint of that name: what was found of one of them has one of its ``revisions``.
        """
        with self._lock:
            return tuple(
                found.finding
                for found in self._findings
                if endpoint in {None, found.finding.endpoint}
                and self._is_present(found.finding.endpoint, found.revision)
                and (revisions is None or found.revision in revisions or found.finding.endpoint is None)
            )

    def has_found(self, finding: Finding, revision: str) -> bool:
        """Tell whether the same is known of an endpoint's code, be it by another line or other words."""
        return any(tell_the_same(finding, known) for known in self.findings(finding.endpoint, {revision}))

    def _whole(self, status: Status) -> Status:
        """Return a status with what `ready` does not say: it has the word itself, then what was found."""
        if status.state is not State.READY:
            return status
        caveats = [
            found.finding.caveat
            for found in self._findings
            if found.finding.endpoint == status.endpoint and found.revision == status.revision
        ]
        examined = self._examined.get((status.endpoint, status.revision))
        if examined is not None:
            caveats.append(examined.caveat)
        return replace(status, caveat=next(filter(None, (status.caveat, *caveats)), ""))

    def _keep(self, found: Found) -> None:
        endpoint = found.finding.endpoint
        if found.told:
            stale = [each for each in self._findings if each.told and each.finding.endpoint == endpoint]
            for each in stale:
                if each.revision == found.revision or not self._is_present(endpoint, each.revision):
                    del self._findings[each]
        self._findings[found] = None

    def _is_present(self, endpoint: str | None, revision: str) -> bool:
        """Whether an endpoint's code is served, or was to be."""
        about = [status for at, status in self._statuses.items() if endpoint in {None, at.endpoint}]
        return not about or any(revision in {each.revision, each.broken} for each in about)

    def notices(self) -> tuple[Notice, ...]:
        """Return every notice so far, once each."""
        with self._lock:
            return tuple(self._notices)

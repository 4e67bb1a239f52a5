"""What is known of a run at this moment, gathered from its events; what ``ps``, the pages and the API read."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING

from vhlocal.events import Event, Examined, Found, LogLine, Notice, StatusChanged, StepOutput, StepStarted
from vhlocal.model import State, Status

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vhlocal.findings import Finding

#: Log lines kept per endpoint, for pages and for a ``logs`` that comes late.
KEPT = 1000


class Board:
    """The statuses and last log lines of all endpoints. Safe to read from any thread."""

    def __init__(self, endpoints: Iterable[str]) -> None:
        self._lock = threading.Lock()
        self._statuses = {name: Status(name, State.WAITING) for name in endpoints}
        self._lines: dict[str, deque[LogLine]] = {}
        self._notices: dict[Notice, None] = {}
        self._findings: dict[Found, None] = {}
        self._examined: dict[str, Examined] = {}
        self._step_endpoints: dict[str, tuple[str, ...]] = {}

    def apply(self, event: Event) -> None:
        """Take in one event; the subscriber for the bus."""
        with self._lock:
            if isinstance(event, StatusChanged):
                self._statuses[event.status.endpoint] = event.status
            elif isinstance(event, Found):
                self._keep(event)
            elif isinstance(event, Examined):
                self._examined[event.endpoint] = event
            elif isinstance(event, LogLine):
                self._lines.setdefault(event.endpoint, deque(maxlen=KEPT)).append(event)
            elif isinstance(event, Notice):
                self._notices[event] = None
            elif isinstance(event, StepStarted):
                self._step_endpoints[event.step] = event.endpoints
            elif isinstance(event, StepOutput):
                for endpoint in self._step_endpoints.get(event.step, ()):
                    line = LogLine(endpoint, "build", event.text, 0.0)
                    self._lines.setdefault(endpoint, deque(maxlen=KEPT)).append(line)

    def forget(self, endpoint: str) -> None:
        """Drop an endpoint that is no longer in the project."""
        with self._lock:
            self._statuses.pop(endpoint, None)

    def statuses(self) -> tuple[Status, ...]:
        """Return all statuses, in the order of ``valohai.yaml``."""
        with self._lock:
            return tuple(map(self._whole, self._statuses.values()))

    def status(self, endpoint: str) -> Status | None:
        """Return one endpoint's status, or None when there is no such endpoint."""
        with self._lock:
            status = self._statuses.get(endpoint)
            return None if status is None else self._whole(status)

    def tail(self, endpoint: str, count: int) -> tuple[LogLine, ...]:
        """Return an endpoint's last ``count`` lines, oldest first."""
        with self._lock:
            lines = tuple(self._lines.get(endpoint, ()))
        return lines[max(0, len(lines) - count) :]

    def findings(self, endpoint: str | None = None) -> tuple[Finding, ...]:
        """Return what was found of an endpoint's present code, or of every one's, once each."""
        with self._lock:
            return tuple(
                found.finding
                for found in self._findings
                if endpoint in {None, found.finding.endpoint} and self._is_present(found)
            )

    def has_found(self, finding: Finding) -> bool:
        """Tell whether the same is known of an endpoint's present code, be it by another line or other words."""
        return any(
            known.definition.code == finding.definition.code and known.endpoint == finding.endpoint
            for known in self.findings(finding.endpoint)
        )

    def _whole(self, status: Status) -> Status:
        """Return a status with what `ready` does not say: what was found has the word."""
        if status.state is not State.READY:
            return status
        caveats = [
            found.finding.caveat
            for found in self._findings
            if found.finding.endpoint == status.endpoint and found.revision == status.revision
        ]
        examined = self._examined.get(status.endpoint)
        if examined is not None and examined.revision == status.revision:
            caveats.append(examined.caveat)
        return replace(status, caveat=next(filter(None, caveats), ""))

    def _keep(self, found: Found) -> None:
        if found.told:
            endpoint = found.finding.endpoint
            stale = [each for each in self._findings if each.told and each.finding.endpoint == endpoint]
            for each in stale:
                del self._findings[each]
        self._findings[found] = None

    def _is_present(self, found: Found) -> bool:
        status = self._statuses.get(found.finding.endpoint or "")
        about = self._statuses.values() if found.finding.endpoint is None else [status] if status else []
        return not about or any(found.revision in {each.revision, each.broken} for each in about)

    def notices(self) -> tuple[Notice, ...]:
        """Return every notice so far, once each."""
        with self._lock:
            return tuple(self._notices)

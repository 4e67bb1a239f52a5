"""What is reported of requests and findings, unless it is known or the project has chosen to live with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vhlocal.events import Found, Notice
from vhlocal.findings import Note
from vhlocal.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from vhlocal.events import Bus
    from vhlocal.findings import Finding
    from vhlocal.gateway.report import LimitPassed
    from vhlocal.gateway.table import Route
    from vhlocal.model import Endpoint, ServedAt
    from vhlocal.series.reading import Fault
    from vhlocal.session.board import Board
    from vhlocal.session.wanted.desired import Inputs


@dataclass(frozen=True)
class Telling:
    """``ignored`` are codes of findings that the project lives with, ``endpoints`` those of the working tree now.

    ``inputs`` has what a version is made of, None for one that is not served any more.
    """

    bus: Bus
    board: Board
    ignored: Mapping[str, str]
    endpoints: Callable[[], Sequence[Endpoint]]
    inputs: Callable[[str], Inputs | None]

    def found(self, finding: Finding, revision: str, told: bool = False) -> None:
        """Publish a finding; ``told`` where an error reports it too."""
        if finding.definition.code not in self.ignored:
            self.bus.publish(Found(finding, revision, told))

    def shown(self, finding: Finding, revision: str) -> None:
        """Publish what an endpoint's answers have shown, unless its code has shown the same."""
        if not self.board.has_found(finding, revision):
            self.found(finding, revision)

    def dropped(self, name: str, route: Route) -> None:
        """Report that a header of this name does not reach an endpoint's server (K9)."""
        from vhlocal.session.traffic.passed import tell_dropped  # noqa: PLC0415 - a start is not to wait for the rules

        self.bus.publish(tell_dropped(name, route.endpoint))

    def passed(self, passed: LimitPassed) -> None:
        """Report that a request passed a limit: as an endpoint's finding, or, for the gateway's own, as a notice."""
        from vhlocal.session.traffic.passed import tell_passed  # noqa: PLC0415 - as above

        report = tell_passed(passed, self.endpoints())
        if isinstance(report, Notice):
            self.bus.publish(report)
        elif report is not None:
            status = next(iter(self.board.statuses(passed.endpoint)), None)
            self.found(report, status.revision if status else "")

    def printed(self, at: ServedAt, fault: Fault) -> None:
        """Report that a line of metrics, or a value of it, is charted nowhere (K6); this reads the endpoint's code."""
        from vhlocal.session.diagnosis.printed import tell_printed  # noqa: PLC0415 - as above

        inputs, status = self.inputs(at.version), self.board.status(at)
        endpoint = next((each for each in inputs.endpoints if each.name == at.endpoint), None) if inputs else None
        if inputs is None or endpoint is None or status is None:
            return  # it has gone meanwhile
        found = tell_printed(endpoint, inputs.package, fault)
        if isinstance(found, Note):
            self.bus.publish(Notice(found.text, endpoint=at.endpoint))
        elif found is not None:
            self.shown(found.placed(inputs.named), status.revision)

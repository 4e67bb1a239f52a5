"""Every rule about a server that runs, or does not. To add one is to write its file and a line here."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from vhlocal.checks.server import (
    ends,
    hiding,
    listening,
    memory,
    memory_together,
    metrics,
    missing,
    not_answering,
    not_here,
    not_loaded,
    port_in_use,
    protocol,
    replicas,
    requests,
    shell,
    slow_start,
    starting,
)
from vhlocal.findings import Finding, Note

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vhlocal.checks.rule import Rule
    from vhlocal.checks.server.evidence import Ended, Measured, Passed, Silent, Started, Together
    from vhlocal.findings import Definition

Evidence = TypeVar("Evidence")

#: Why a server ended: the first that speaks has the word, so what knows most comes first.
ENDED: tuple[Rule[Ended], ...] = (
    memory.ENDED,
    shell.RULE,
    hiding.RULE,
    not_here.RULE,
    missing.RULE,
    starting.RULE,
    port_in_use.RULE,
    not_loaded.RULE,
    ends.RULE,
)
#: What a server that goes on has missed.
OUTLIVED: tuple[Rule[Ended], ...] = (hiding.RULE, not_here.RULE, missing.RULE)
#: Why a server that runs cannot be reached.
UNREACHABLE: tuple[Rule[Silent], ...] = (listening.RULE,)
#: Why a server has not answered in all the time that it had.
SILENT: tuple[Rule[Silent], ...] = (listening.RULE, not_answering.RULE)
#: How near to production's limits a server has come that answers.
MEASURED: tuple[Rule[Measured], ...] = (memory.MEASURED,)
STARTED: tuple[Rule[Started], ...] = (slow_start.RULE,)
PASSED: tuple[Rule[Passed], ...] = (requests.RULE,)
#: All replicas of a run.
TOGETHER: tuple[Rule[Together], ...] = (memory_together.RULE,)
#: How two replicas answer the same request.
COMPARED: tuple[Rule[replicas.Compared], ...] = (replicas.RULE,)
#: What a server prints as metrics and nobody charts.
PRINTED: tuple[Rule[metrics.Printed], ...] = (metrics.RULE,)
#: What a server answers that is no HTTP.
SPOKEN: tuple[Rule[protocol.Spoken], ...] = (protocol.RULE,)

DEFINITIONS: tuple[Definition, ...] = tuple(
    dict.fromkeys(
        definition
        for rules in (ENDED, SILENT, MEASURED, STARTED, PASSED, TOGETHER, COMPARED, PRINTED, SPOKEN)
        for rule in rules
        for definition in rule.definitions
    )
)


def diagnose(rules: Iterable[Rule[Evidence]], evidence: Evidence) -> Finding | Note | None:
    """Return what is found first; a note where a rule fails itself, and None where all is well."""
    for rule in rules:
        try:
            found = next(iter(rule.find(evidence)), None)
        except Exception as error:  # noqa: BLE001 - a doctor that fails says so, and changes nothing
            codes = ", ".join(definition.code for definition in rule.definitions)
            return Note(f"{codes} could not be checked: {type(error).__name__}: {error}")
        if found is not None:
            return found
    return None

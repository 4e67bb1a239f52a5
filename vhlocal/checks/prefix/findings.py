"""What the rules about the prefix find in one endpoint's answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vhlocal.checks.registry import PREFIX_RULES
from vhlocal.findings import Finding

if TYPE_CHECKING:
    from vhlocal.checks.prefix.evidence import Evidence


def find(evidence: Evidence) -> tuple[Finding, ...]:
    """Return the findings, in the order of the rules."""
    found = (finding for rule in PREFIX_RULES for finding in rule.find(evidence))
    return tuple(finding for finding in found if isinstance(finding, Finding))

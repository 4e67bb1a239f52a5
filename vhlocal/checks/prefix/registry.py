"""Every rule about how a running endpoint answers below its prefixes: one file each, and a line here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vhlocal.checks.prefix.rules import (
    cookies,
    docs,
    doubled,
    gunicorn,
    hosts,
    ignored,
    links,
    redirects,
    relative,
    slashes,
    sockets,
    uvicorn,
    version_only,
)
from vhlocal.findings import Finding

if TYPE_CHECKING:
    from vhlocal.checks.prefix.evidence import Evidence
    from vhlocal.checks.rule import Rule
    from vhlocal.findings import Definition

PREFIX_RULES: tuple[Rule[Evidence], ...] = (
    hosts.RULE,
    ignored.RULE,
    version_only.RULE,
    doubled.RULE,
    redirects.RULE,
    links.RULE,
    docs.RULE,
    cookies.RULE,
    uvicorn.RULE,
    gunicorn.RULE,
    slashes.RULE,
    sockets.RULE,
    relative.RULE,
)

DEFINITIONS: tuple[Definition, ...] = tuple(definition for rule in PREFIX_RULES for definition in rule.definitions)


def find(evidence: Evidence) -> tuple[Finding, ...]:
    """Return what the rules find in one endpoint's answers, in their order."""
    found = (finding for rule in PREFIX_RULES for finding in rule.find(evidence))
    return tuple(finding for finding in found if isinstance(finding, Finding))

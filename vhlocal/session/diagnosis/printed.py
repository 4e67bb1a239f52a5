"""From a line of metrics that is charted nowhere to the finding that says so, at the code that prints it (K6)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vhlocal.checks.commands import commands_of
from vhlocal.checks.modules import Modules
from vhlocal.checks.reach import Reach
from vhlocal.checks.server.evidence import command_key, place_of
from vhlocal.checks.server.metrics import Printed
from vhlocal.checks.server.registry import PRINTED, diagnose
from vhlocal.series import MARK

if TYPE_CHECKING:
    from vhlocal.findings import Finding, Note
    from vhlocal.model import Endpoint, Package, Place
    from vhlocal.series.reading import Fault


def tell_printed(endpoint: Endpoint, package: Package, fault: Fault) -> Finding | Note | None:
    """Return what is found of a line; it reads the endpoint's code."""
    return diagnose(PRINTED, Printed(endpoint, _place(endpoint, package), fault.name, fault.why))


def _place(endpoint: Endpoint, package: Package) -> Place:
    """Return the one line of the endpoint's code that has the mark, or else what starts the server."""
    reach = Reach(endpoint, commands_of(endpoint), Modules(package))
    places = {module.place(site.node) for module, site, text in reach.texts if MARK in text}
    return places.pop() if len(places) == 1 else place_of(endpoint, command_key(endpoint))

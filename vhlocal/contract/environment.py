"""The environment that a server in production finds (P5, P6, P8, B8)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vhlocal.contract import paths

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vhlocal.model import Endpoint, Version


def server_environment(version: Version, endpoint: Endpoint, variables: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of one endpoint's container.

    ``variables`` are the project's and the version's own (B8); the platform's win over them (P5, P6, P8).
    """
    return {
        **variables,
        "SCRIPT_NAME": paths.script_name(version, endpoint.name),
        "VH_DEFAULT_PREFIX": paths.default_prefix(version, endpoint.name),
        "VALOHAI_PORT": str(endpoint.port),
    }

"""The environment that a server in production finds (P5, P6, P8, B8)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vhlocal.contract import paths

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vhlocal.model import Endpoint, Version


def server_environment(
    version: Version, endpoint: Endpoint, variables: Mapping[str, str], *, script_name: bool = True
) -> dict[str, str]:
    """Return the variables of one endpoint's container.

    ``variables`` are the project's and the version's own (B8); the platform's win over them (P5, P6, P8).
    ``SCRIPT_NAME`` is among those where ``script_name`` says so: whether production still sets it is not known.
    """
    return {
        **variables,
        **({"SCRIPT_NAME": paths.script_name(version, endpoint.name)} if script_name else {}),
        "VH_DEFAULT_PREFIX": paths.default_prefix(version, endpoint.name),
        "VALOHAI_PORT": str(endpoint.port),
    }

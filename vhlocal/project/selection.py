"""Which endpoints are wanted, on which images."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from vhlocal.errors import InputError
from vhlocal.project.schema import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from vhlocal.model import Endpoint


def select_endpoints(endpoints: Sequence[Endpoint], names: Iterable[str]) -> tuple[Endpoint, ...]:
    """Return the named endpoints in the order of the yaml; all of them when none is named. InputError if unknown."""
    wanted = set(names)
    _check_known(endpoints, sorted(wanted))
    return tuple(endpoint for endpoint in endpoints if not wanted or endpoint.name in wanted)


def override_images(endpoints: Sequence[Endpoint], images: Mapping[str, str]) -> tuple[Endpoint, ...]:
    """Return the endpoints on other base images, by endpoint name. InputError for an unknown endpoint."""
    _check_known(endpoints, images)
    return tuple(replace(endpoint, image=images.get(endpoint.name, endpoint.image)) for endpoint in endpoints)


def _check_known(endpoints: Sequence[Endpoint], names: Iterable[str]) -> None:
    known = [endpoint.name for endpoint in endpoints]
    for name in names:
        if name not in known:
            raise InputError(f"valohai.yaml has no endpoint `{name}`", hint=did_you_mean(name, known))

"""What is served, as tests name it."""

from __future__ import annotations

from vhlocal.model import ServedAt


def at(endpoint: str, replica: int = 1, *, version: str = "20261124.0") -> ServedAt:
    """Return an endpoint of the version that most tests have."""
    return ServedAt(version, endpoint, replica)

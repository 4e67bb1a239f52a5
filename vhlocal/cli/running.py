"""The run that a command is about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vhlocal.api.client import Client
from vhlocal.errors import InputError
from vhlocal.session.record import ProjectState

if TYPE_CHECKING:
    from pathlib import Path


def client_of_run(directory: Path) -> Client:
    """Return a client of the project's run; InputError when there is none."""
    record = ProjectState(directory).running()
    if record is None:
        raise InputError(f"nothing is running for the project in {directory}", hint="start it with `vhlocal up`")
    return Client(record)

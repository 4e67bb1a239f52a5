"""``vhlocal down``."""

from __future__ import annotations

import itertools
import time
from typing import TYPE_CHECKING

import click

from vhlocal.api.client import Client
from vhlocal.cli.options import project_options
from vhlocal.errors import VhlocalError
from vhlocal.runtime.connect import reachable
from vhlocal.session.record import ProjectState, goes_on, new_run
from vhlocal.visible import one_line

if TYPE_CHECKING:
    from pathlib import Path

    from vhlocal.runtime.base import PresentServer

#: Longer than a run gives its servers to end by themselves.
_PATIENCE = 60.0
_PAUSE = 0.05


@click.command("down", epilog="Example:  vhlocal down")
@project_options
def command(directory: Path) -> None:
    """Stop this project's run and clean up, including after a run that was killed.

    Images and environments are kept for the next `vhlocal up`.
    """
    state = ProjectState(directory)
    record, needed = state.running(), state.last_runtime()
    if record is not None:
        Client(record).down()
        _wait_for_end(state)
        click.echo(f"Stopped the run at {record.url}")
    runtimes = reachable(directory, new_run(), needed)
    left = False
    for runtime in runtimes.values():
        servers = [server for server in runtime.servers(str(directory)) if not goes_on(server.run)]
        for whose, group in itertools.groupby(sorted(servers, key=_whose), _whose):
            of_one = list(group)
            for server in of_one:
                runtime.remove(server.id)
            if len(of_one) == 1:
                click.echo(f"Removed the {runtime.remains} of {whose}, left by a killed run")
            else:
                click.echo(f"Removed what a killed run left of {len(of_one)} servers of {whose}")
        left = left or bool(servers)
        runtime.close()
    if record is None and not left:
        click.echo("Nothing is running")


def _whose(server: PresentServer) -> str:
    return one_line(server.endpoint) or "a build"


def _wait_for_end(state: ProjectState) -> None:
    deadline = time.monotonic() + _PATIENCE
    while state.running() is not None:
        if time.monotonic() > deadline:
            raise VhlocalError("the run did not stop within a minute", hint="`vhlocal ps` shows what it is doing")
        time.sleep(_PAUSE)

"""``vhlocal down``."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from vhlocal.cli.options import project_options
from vhlocal.control.client import Client
from vhlocal.errors import VhlocalError
from vhlocal.runtime.connect import reachable
from vhlocal.session.record import ProjectState, goes_on, new_run
from vhlocal.visible import one_line

if TYPE_CHECKING:
    from pathlib import Path

#: Longer than a run gives its servers to end by themselves.
_PATIENCE = 60.0
_PAUSE = 0.05


@click.command("down", epilog="Example:  vhlocal down")
@project_options
def command(directory: Path) -> None:
    """Stop the run of this project and remove what it left.

    What is left of a run that was killed is removed too. Images and environments stay, for the next `vhlocal up`.
    """
    state = ProjectState(directory)
    record, needed = state.running(), state.last_runtime()
    if record is not None:
        Client(record).down()
        _wait_for_end(state)
        click.echo(f"stopped the run at {record.url}")
    runtimes = reachable(directory, new_run(), needed)
    left = 0
    for runtime in runtimes.values():
        for server in [server for server in runtime.servers(str(directory)) if not goes_on(server.run)]:
            left += 1
            runtime.remove(server.id)
            click.echo(
                f"removed the {runtime.noun} of {one_line(server.endpoint) or 'a build'}, left by a run that was killed"
            )
        runtime.close()
    if record is None and not left:
        click.echo("nothing was running")


def _wait_for_end(state: ProjectState) -> None:
    deadline = time.monotonic() + _PATIENCE
    while state.running() is not None:
        if time.monotonic() > deadline:
            raise VhlocalError("the run has not ended in a minute", hint="see what it does with `vhlocal ps`")
        time.sleep(_PAUSE)

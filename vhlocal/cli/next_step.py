"""What ``vhlocal`` alone shows: where the user is, and the usual next step."""

from __future__ import annotations

from textwrap import indent

import click

from vhlocal.cli.options import current_project
from vhlocal.project.above import CONFIG_FILE
from vhlocal.project.config import EXAMPLE
from vhlocal.session.record import ProjectState
from vhlocal.visible import one_line


def show_next_step() -> None:
    """Print what to type next: in a project that runs, in one that does not, and outside of any."""
    directory = current_project()
    if directory is None:
        click.echo(
            f"No {CONFIG_FILE} in this directory or above. Go to a Valohai project, or write a {CONFIG_FILE} such as:\n"
        )
        click.echo(indent(EXAMPLE, "  "))
        steps = {}
    else:
        record = ProjectState(directory).running()
        running = f", running at {record.url}" if record else ""
        click.echo(f"Project: {one_line(str(directory))}{running}\n")
        steps = _WHEN_RUNNING if record else _AT_FIRST
    for step, text in steps.items():
        click.echo(f"  {step:<22}{text}")
    click.echo("\nAll commands: vhlocal --help")


_AT_FIRST = {
    "vhlocal up": "Serve its endpoints on this machine",
    "vhlocal check": "Find what would fail in production",
}
_WHEN_RUNNING = {
    "vhlocal ps": "List its endpoints and their URLs",
    "vhlocal logs -f": "Follow its logs",
    "vhlocal down": "Stop it",
}

"""``vhlocal build``."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import click

from vhlocal.cli.options import endpoint_names, project_options, setting_options
from vhlocal.cli.project import asking, read_project
from vhlocal.cli.standing import from_here
from vhlocal.errors import VhlocalError
from vhlocal.events import Bus, Notice
from vhlocal.runtime.docker.connect import connect
from vhlocal.session.build import build
from vhlocal.session.loop import run
from vhlocal.session.record import ProjectState
from vhlocal.ui.console import show_notice, standard_error
from vhlocal.ui.terminal import Terminal

if TYPE_CHECKING:
    from pathlib import Path

_SETTINGS = ("owner", "project", "deployment", "version_name", "aliases", "files", "images")


@click.command("build", epilog="Example:  vhlocal build --file digits.model=model.pkl")
@click.argument("endpoints", nargs=-1, metavar="[ENDPOINT]...", shell_complete=endpoint_names)
@setting_options(*_SETTINGS)
@project_options
def command(directory: Path, endpoints: tuple[str, ...], **flags: Any) -> None:
    """Build each endpoint's image as production would: for all endpoints, or the ones you name.

    An image contains the requirements, the code, the metadata and the chosen files, and serves on its own with
    `docker run`. The tags are printed.
    """
    load = read_project(directory, endpoints, flags)
    bus = Bus()
    terminal = Terminal(standard_error(), worded=from_here())
    bus.subscribe(terminal)
    tags: list[str] = []

    async def work() -> None:
        tags.extend(await build(directory, load, partial(connect, str(directory)), bus))

    try:
        asking(directory, lambda: run(work()))
    finally:
        terminal.close()
    try:
        ProjectState(directory).keep_version(load.version.name)
    except VhlocalError as error:  # the images are there all the same
        show_notice(standard_error(), Notice(error.message, hint=error.hint))
    for tag in tags:
        click.echo(tag)

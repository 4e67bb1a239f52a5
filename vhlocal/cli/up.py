"""``vhlocal up``."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import click

from vhlocal.cli.options import project_options, setting_options
from vhlocal.project.settings import Settings, load_settings

if TYPE_CHECKING:
    from pathlib import Path

    from vhlocal.session.session import RunOptions


@click.command(
    "up",
    epilog="Example:  vhlocal up --file digits.model=model.pkl --alias staging",
)
@click.argument("endpoints", nargs=-1, metavar="[ENDPOINT]...")
@setting_options()
@click.option("--detach", is_flag=True, help="Return once every endpoint answers; `vhlocal down` ends the run.")
@click.option("--explain-settings", is_flag=True, help="Show each setting and where it comes from, and do no more.")
@project_options
def command(directory: Path, endpoints: tuple[str, ...], detach: bool, explain_settings: bool, **flags: Any) -> None:
    """Build and serve the endpoints of this project, all of them or those that are named.

    Each is built into an image, run in a container with production's environment, and served at its production path
    on this machine. A save brings in the new code. Ctrl-C ends the run; a second one ends it at once.
    """
    read = partial(load_settings, directory, flags)
    settings = read()
    if explain_settings:
        _explain(settings)
    elif detach:
        from vhlocal.cli.detach import detached  # noqa: PLC0415 - most runs are not

        detached(directory)
    else:
        _serve(_options(directory, endpoints, settings, read))


def _explain(settings: Settings) -> None:
    from vhlocal.ui.console import standard_output  # noqa: PLC0415
    from vhlocal.ui.tables import show_settings  # noqa: PLC0415

    show_settings(standard_output(), settings.explain())


def _options(directory: Path, endpoints: tuple[str, ...], settings: Settings, read: partial[Settings]) -> RunOptions:
    from datetime import date  # noqa: PLC0415

    from vhlocal.runtime.docker.connect import connect  # noqa: PLC0415
    from vhlocal.session.load import loader, name_version  # noqa: PLC0415
    from vhlocal.session.record import ProjectState  # noqa: PLC0415
    from vhlocal.session.session import RunOptions  # noqa: PLC0415

    taken = ProjectState(directory).versions(f"{date.today():%Y%m%d}")
    version = name_version(settings, taken)
    return RunOptions(
        directory=directory,
        version=version,
        host=settings.host,
        port=settings.port,
        port_given=not settings.is_default("port"),
        reload=settings.reload,
        strict=settings.strict,
        load=loader(directory, endpoints, read, version),
        connect=partial(connect, str(directory)),
    )


def _serve(options: RunOptions) -> None:
    from vhlocal.control.plane import ControlPlane  # noqa: PLC0415
    from vhlocal.events import Bus  # noqa: PLC0415
    from vhlocal.session.session import Session, run  # noqa: PLC0415
    from vhlocal.ui.console import standard_output  # noqa: PLC0415
    from vhlocal.ui.terminal import Terminal  # noqa: PLC0415

    bus = Bus()
    terminal = Terminal(standard_output())
    bus.subscribe(terminal)
    try:
        run(Session(options, bus, ControlPlane()).run())
    finally:
        terminal.close()

"""``vhlocal up``."""

from __future__ import annotations

import os
import sys
import threading
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from vhlocal.api.plane import ControlPlane
from vhlocal.cli.browser import NO_BROWSER, open_in_browser
from vhlocal.cli.detach import detached
from vhlocal.cli.options import endpoint_names, only, project_options, setting_options
from vhlocal.cli.project import asking, read_project, read_settings
from vhlocal.cli.standing import from_here
from vhlocal.contract.access import BasicAuth
from vhlocal.events import Bus, Listening, Notice, RequestsEnded, StatusChanged
from vhlocal.project.settings import environment, is_ci
from vhlocal.runtime.connect import connector
from vhlocal.session.loop import run
from vhlocal.session.options import RunOptions
from vhlocal.session.record import ProjectState
from vhlocal.session.session import Session
from vhlocal.session.wanted.load import load_commit, read_versions
from vhlocal.ui.behind import Behind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from vhlocal.events import Event
    from vhlocal.findings import Finding
    from vhlocal.session.wanted.load import Loader
    from vhlocal.ui.terminal import Terminal

#: Seconds that servers have at most before what shows the run is imported. That is rich for the most part, which takes
#: as long as vhlocal takes from listening to its first server; nobody sees whether the first line comes later.
_HEAD_START = 0.5

#: What every start publishes before its first server has begun. Anything else is shown at once.
_OF_ANY_START = (Listening, StatusChanged, RequestsEnded)

#: Log lines that wait to be shown at most, before some are left out: on a terminal nobody reads so quickly, and a file
#: is to have what a burst brings.
_LINES_BEHIND, _LINES_BEHIND_IN_FILE = 2000, 200_000


@click.command(
    "up",
    epilog="Example:  vhlocal up --file digits.model=model.pkl --alias staging",
)
@click.argument("endpoints", nargs=-1, metavar="[ENDPOINT]...", shell_complete=endpoint_names)
@setting_options()
@click.option("--open", "in_browser", is_flag=True, help="Open the run's page in your browser.")
@click.option("--detach", is_flag=True, help="Run in the background; stop with `vhlocal down`.")
@click.option(
    "--fail-fast/--no-fail-fast",
    default=None,
    help="Exit as soon as an endpoint fails to start, or keep serving the others. Default: exit with --detach, in CI, "
    "and when the output is not a terminal.",
)
@click.option("-v", "--verbose", is_flag=True, help="Also show server banners and the time of each reload step.")
@click.option("--profile", is_flag=True, help="Show where the start-up time goes, import by import.")
@click.option("--explain-settings", is_flag=True, help="Show every setting and where it comes from, then exit.")
@click.option("--until-stdin-ends", is_flag=True, hidden=True)  # for who starts a run and may be killed: api/using
@project_options
def command(
    directory: Path,
    endpoints: tuple[str, ...],
    detach: bool,
    fail_fast: bool | None,
    verbose: bool,
    profile: bool,
    explain_settings: bool,
    **flags: Any,
) -> None:
    """Build and serve this project's endpoints: all of them, or the ones you name.

    Each endpoint is built into an image, runs in a container with production's environment, and is served on this
    machine at its production path. Saving a file reloads it. Ctrl-C stops; press it again to stop at once.
    """
    if explain_settings:
        from vhlocal.ui.console import standard_output  # noqa: PLC0415 - rich is slow to import: see ``_HEAD_START``
        from vhlocal.ui.tables import show_settings  # noqa: PLC0415

        only("with --explain-settings", "explain_settings", *flags.keys() - {"in_browser"})
        show_settings(standard_output(), read_settings(directory, flags, fetch=False).explain())
    elif detach:
        detached(directory)
    else:
        load = read_project(directory, endpoints, flags)
        options = run_options(directory, load)
        if fail_fast is None:
            fail_fast = not _is_terminal() or is_ci(environment())
        check = partial(_errors, directory, load)
        options = replace(options, profile=profile, fail_fast=fail_fast, check=check)
        asking(directory, lambda: _serve(options, verbose=verbose, flags=flags))


def _errors(directory: Path, load: Loader) -> tuple[Finding, ...]:
    """Return the errors that the static rules find; the network is not asked."""
    from vhlocal.checks.in_one import in_one  # noqa: PLC0415 - all rules, which the start does not wait for
    from vhlocal.checks.index import Unasked  # noqa: PLC0415
    from vhlocal.checks.report import look  # noqa: PLC0415
    from vhlocal.checks.subject import read_subject  # noqa: PLC0415

    settings = load.settings()
    return in_one(look(read_subject(directory, settings, Unasked()), settings.ignore).errors).findings


def run_options(directory: Path, load: Loader) -> RunOptions:
    """Return what a run of this project is started with; InputError for a finding to ignore that there is not."""
    settings = load.settings()
    if settings.ignore:
        # All rules are asked for their codes: a start that ignores none is not to wait for them.
        from vhlocal.checks.report import check_ignored  # noqa: PLC0415

        check_ignored(settings.ignore, lambda code: settings.found["ignore"][code].place)
    return RunOptions(
        directory=directory,
        version=load.version,
        host=settings.host,
        port=settings.port,
        port_given=not settings.is_default("port"),
        reload=settings.reload,
        strict=settings.strict,
        access=BasicAuth(settings.basic_auth) if settings.basic_auth else None,
        access_log=settings.access_log,
        doctor=settings.doctor,
        profile=False,
        record=settings.record,
        ignored=settings.ignore,
        load=load,
        connect=connector(settings.runtime, directory, strict=settings.strict),
        load_commit=partial(load_commit, load),
        versions=read_versions(directory, settings),
        examine=False,
    )


def _serve(options: RunOptions, *, verbose: bool, flags: Mapping[str, Any]) -> None:
    bus = Bus()
    face = ControlPlane(ProjectState(options.directory))
    session = Session(options, bus, face)
    on_closed = partial(session.request_stop, "its output was closed", insist=False)
    shown = _Shown(partial(_terminal, on_closed, from_here(), verbose=verbose, profile=options.profile))
    display = Behind(shown.show, _LINES_BEHIND if _is_terminal() else _LINES_BEHIND_IN_FILE)
    bus.subscribe(shown.look)
    bus.subscribe(display)
    if flags["until_stdin_ends"]:
        bus.subscribe(partial(_end_with_stdin, session))
    if flags["in_browser"]:
        bus.subscribe(partial(_open_page, bus, face))
    try:
        run(session.run())
    finally:
        shown.hurry()
        display.close()
        shown.close()


class _Shown:
    """A terminal that is made in the thread that shows events, with the first of them: see ``_HEAD_START``."""

    def __init__(self, make: Callable[[], Terminal]) -> None:
        self._make = make
        self._is_time = threading.Event()
        self._terminal: Terminal | None = None

    def look(self, event: Event) -> None:
        """Take note of an event that will be shown; call this as it is published."""
        if not isinstance(event, _OF_ANY_START):
            self.hurry()

    def hurry(self) -> None:
        """Show what there is at once."""
        self._is_time.set()

    def show(self, event: Event) -> None:
        """Show an event."""
        if self._terminal is None:
            self._is_time.wait(_HEAD_START)
            self._terminal = self._make()
        self._terminal(event)

    def close(self) -> None:
        """Leave the terminal as it was found."""
        if self._terminal is not None:
            self._terminal.close()


def _terminal(on_closed: Callable[[], None], worded: Callable[[str], str], *, verbose: bool, profile: bool) -> Terminal:
    from vhlocal.ui.console import standard_output  # noqa: PLC0415 - see ``_HEAD_START``
    from vhlocal.ui.terminal import Terminal  # noqa: PLC0415

    return Terminal(standard_output(), on_closed, verbose=verbose, profile=profile, worded=worded)


def _is_terminal() -> bool:
    """Tell whether somebody reads standard output as it comes."""
    return sys.stdout is not None and sys.stdout.isatty()


def _open_page(bus: Bus, face: ControlPlane, event: Event) -> None:
    """Once a run listens, open its page: that shows what is being built, too."""

    def look() -> None:
        if not open_in_browser(face.invitation()):
            bus.publish(Notice(NO_BROWSER))

    if isinstance(event, Listening):
        threading.Thread(target=look, name="vhlocal-browser", daemon=True).start()


def _end_with_stdin(session: Session, event: Event) -> None:
    """Once a run listens, have it end when its standard input does."""

    def wait() -> None:
        while os.read(0, 1024):
            pass
        session.request_stop("the process that started it has ended", insist=False)

    if isinstance(event, Listening):
        threading.Thread(target=wait, name="vhlocal-stdin", daemon=True).start()

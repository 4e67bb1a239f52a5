"""``vhlocal check --live``: a run that ends once every endpoint was examined."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from vhlocal import events
from vhlocal.api.plane import ControlPlane
from vhlocal.checks.prefix.script_name import may_need_it, needing_it
from vhlocal.cli.project import read_project
from vhlocal.cli.standing import from_here
from vhlocal.cli.up import run_options
from vhlocal.errors import BuildError, EngineError, ServerError, VhlocalError
from vhlocal.session.loop import run
from vhlocal.session.session import Session
from vhlocal.ui.console import standard_error
from vhlocal.ui.terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from vhlocal.checks.subject import Subject
    from vhlocal.findings import Finding
    from vhlocal.project.settings import Settings

#: What is shown while it goes on. Findings are the report's.
_SHOWN = (
    events.StepStarted,
    events.StepOutput,
    events.StepFinished,
    events.StepFailed,
    events.PullProgress,
    events.StatusChanged,
    events.Notice,
)


def look_live(
    subject: Subject, settings: Settings, flags: Mapping[str, Any]
) -> tuple[list[Finding], list[VhlocalError]]:
    """Start the endpoints, examine each that answers, and end them; return what was found, and what went wrong.

    If an endpoint does not come up, the others are examined all the same. Those that may read ``SCRIPT_NAME`` are
    examined without it as well (P5). Progress goes to stderr: stdout is for the report.
    """
    found, failures = _examine(subject.directory, flags, ())
    names = may_need_it(subject) if settings.script_name and not failures else ()
    if names:
        without, _ = _examine(subject.directory, {**flags, "script_name": False}, names)
        found += needing_it(subject, found, without)
    return found, failures


def _examine(
    directory: Path, flags: Mapping[str, Any], names: tuple[str, ...]
) -> tuple[list[Finding], list[VhlocalError]]:
    options = replace(
        run_options(directory, read_project(directory, names, flags)),
        host="127.0.0.1",
        port=0,
        port_given=True,
        reload=False,
        access=None,
        access_log=None,
        examine=True,
        fail_fast=False,
        ignored={},  # the report silences them, and counts them
    )
    bus = events.Bus()
    found: list[Finding] = []
    failures: dict[tuple[str | None, str], VhlocalError] = {}  # a server is tried again while others start
    session = Session(options, bus, ControlPlane())
    terminal = Terminal(
        standard_error(), lambda: session.request_stop("its output was closed", insist=False), worded=from_here()
    )

    def hear(event: events.Event) -> None:
        if isinstance(event, events.Found):
            found.append(event.finding)
        elif isinstance(event, events.Problem):
            failures.setdefault((event.endpoint, event.error.message), event.error)
        elif isinstance(event, events.Examined):
            if not any(each.caveat for each in found if each.endpoint == event.endpoint):
                terminal(events.Notice(f"ready, {event.caveat}", endpoint=event.endpoint))
        elif isinstance(event, _SHOWN):
            terminal(event)

    bus.subscribe(hear)
    try:
        run(session.run())
    except (BuildError, ServerError, EngineError) as error:
        failures[None, error.message] = error
    finally:
        terminal.close()
    if session.was_ended:  # what nobody has examined is not sound
        raise click.exceptions.Abort
    return found, list(failures.values())

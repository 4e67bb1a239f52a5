"""``vhlocal check``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vhlocal.checks.in_one import in_one
from vhlocal.checks.index import PackageIndex
from vhlocal.checks.report import check_ignored, joined, look
from vhlocal.checks.subject import read_subject
from vhlocal.cli.options import not_both, project_options, setting_options, verdict
from vhlocal.cli.project import read_settings
from vhlocal.cli.standing import from_here
from vhlocal.project.network import host_network
from vhlocal.project.settings import environment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vhlocal.checks.report import Report
    from vhlocal.errors import VhlocalError

#: Exit code for findings that would fail in production.
_HAS_ERRORS = 6


@click.command("check", epilog="Example:  vhlocal check --sarif > findings.sarif")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
@click.option("--sarif", "as_sarif", is_flag=True, help="Print the findings as SARIF 2.1.0, for code hosts.")
@click.option("--live", is_flag=True, help="Also start every endpoint and examine its answers.")
@setting_options()
@project_options
def command(directory: Path, as_json: bool, as_sarif: bool, live: bool, **flags: Any) -> None:
    """Find what would fail in production. Starts nothing and needs no Docker.

    Each finding has a code, a place, the reason and the fix; `vhlocal explain CODE` has the details. With --live, the
    endpoints are also built, started and examined with GET requests.

    Exit code: 0 if there are no errors, 6 if there are, 2 if the project cannot be read.
    """
    not_both("as_json", "as_sarif")
    shape = "json" if as_json else "sarif" if as_sarif else None
    settings = read_settings(directory, flags, fetch=False)
    check_ignored(settings.ignore, lambda code: settings.found["ignore"][code].place)
    if settings.warm_up:
        from vhlocal.session.probe import read_probe  # noqa: PLC0415 - brings asyncio

        for request in settings.warm_up.values():
            read_probe(request, directory)
    subject = read_subject(directory, settings, PackageIndex(host_network(environment())))
    report = look(subject, settings.ignore)
    failures: list[VhlocalError] = []
    if live:
        from vhlocal.cli.live import look_live  # noqa: PLC0415 - all that a run is made of

        found, failures = look_live(subject, settings, flags)
        report = joined(report, found, settings.ignore)
    with verdict():
        _print(in_one(report), directory, shape)
    _show_failures(failures)
    if report.has_errors or failures:
        raise click.exceptions.Exit(_HAS_ERRORS if report.has_errors else failures[0].exit_code)


def _show_failures(failures: Sequence[VhlocalError]) -> None:
    """Show the failures that no finding of the report covers."""
    for failure in failures:
        if failure.finding is None:
            from vhlocal.ui.console import show_error, standard_error  # noqa: PLC0415 - as above

            show_error(standard_error(), failure, worded=from_here())


def _print(report: Report, directory: Path, shape: str | None) -> None:
    if shape == "json":
        from vhlocal.checks.as_json import as_json  # noqa: PLC0415 - each shape needs its own

        click.echo(as_json(report, directory))
    elif shape == "sarif":
        from vhlocal.checks.as_sarif import as_sarif  # noqa: PLC0415

        click.echo(as_sarif(report, directory))
    else:
        from vhlocal.ui.console import standard_output  # noqa: PLC0415 - rich is slow to import
        from vhlocal.ui.findings import show_report  # noqa: PLC0415

        show_report(standard_output(), report, Path.cwd())

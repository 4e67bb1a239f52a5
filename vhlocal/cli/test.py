"""``vhlocal test``."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vhlocal.cli.options import project_options
from vhlocal.cli.project import read_settings
from vhlocal.cli.running import client_of_run
from vhlocal.errors import InputError
from vhlocal.smoke.plan import DIRECTORY, endpoint_of, targets
from vhlocal.smoke.results import as_json, junit, summary
from vhlocal.smoke.run import load, requests, run
from vhlocal.storage import writing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from vhlocal.exchanges import Header
    from vhlocal.smoke.cases import HttpFile
    from vhlocal.smoke.results import Result

#: What CI can tell by that an answer was not as expected.
_FAILED = 7


@click.command("test", epilog="Example:  vhlocal test --junit smoke.xml")
@click.argument("endpoints", nargs=-1, metavar="[ENDPOINT]...")
@click.option("--junit", "junit_file", type=click.Path(path_type=Path), help="Also write the results as JUnit XML.")
@click.option("--json", "as_json_", is_flag=True, help="Print the results as JSON.")
@project_options
def command(directory: Path, endpoints: tuple[str, ...], junit_file: Path | None, as_json_: bool) -> None:
    """Send the smoke tests in smoke/ to the running endpoints, under the version and each alias.

    Tests are .http files, as VS Code and JetBrains IDEs send them, with expectations as comments: # expect 200.

    Exit code: 0 if all pass, 7 if one fails, 2 if a test cannot be read or nothing runs.
    """
    statuses = client_of_run(directory).endpoints()["endpoints"]
    found = targets(statuses, _authorization(directory))
    files = _files(directory, endpoints, tuple(found))
    sent = [(file, target) for file, endpoint in files for target in found[endpoint]]
    for file, target in sent:
        requests(file, target)  # a wrong one is told before anything is sent
    results: list[Result] = []
    for file, target in sent:
        for result in run(file, target):
            results.append(result)
            if not as_json_:
                click.echo("\n".join([str(result), *result.details]))
    if as_json_:
        click.echo(as_json(results))
    else:
        click.echo(summary(results))
    if junit_file is not None:
        with writing("the results cannot be written", junit_file, InputError):
            junit_file.write_text(junit(results), encoding="utf-8")
    if any(result.failures for result in results):
        raise click.exceptions.Exit(_FAILED)


def _files(directory: Path, wanted: Sequence[str], names: Sequence[str]) -> list[tuple[HttpFile, str]]:
    """Return the files to send and their endpoints: all is read, and wrong files are told, before anything is sent."""
    for name in wanted:
        if name not in names:
            raise InputError(f"no endpoint `{name}` runs here", hint=f"there is {', '.join(names) or 'none'}")
    files = []
    for path in sorted(directory.joinpath(DIRECTORY).rglob("*.http")):
        endpoint = endpoint_of(path.relative_to(directory), names)
        if not wanted or endpoint in wanted:
            files.append((load(_short(path), directory), endpoint))
    for name in wanted or ("",):
        if not any(name in ("", endpoint) for _, endpoint in files):
            of = f" for `{name}`" if name else ""
            raise InputError(
                f"there is no smoke test{of} in {directory / DIRECTORY}",
                hint=f"write {DIRECTORY}/{name or 'NAME'}.http, with `# expect 200` above `GET {{{{endpoint}}}}/`",
            )
    return files


def _short(path: Path) -> Path:
    """Return a path as it is named from here."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def _authorization(directory: Path) -> tuple[Header, ...]:
    """Return the header that a guarded run's first user is let in by (K7)."""
    no_flags: Mapping[str, Any] = {}
    users = read_settings(directory, no_flags).basic_auth
    for user, password in users.items():
        words = base64.b64encode(f"{user}:{password}".encode("utf-8", "surrogateescape")).decode()
        return (("Authorization", f"Basic {words}"),)
    return ()

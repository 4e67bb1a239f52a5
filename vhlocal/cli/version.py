"""``vhlocal version``: versions beside the working tree's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vhlocal.cli.lazy import SuggestingGroup
from vhlocal.cli.options import project_options
from vhlocal.cli.running import client_of_run
from vhlocal.cli.standing import from_here
from vhlocal.errors import InputError
from vhlocal.project.naming import validate_name
from vhlocal.visible import one_line

if TYPE_CHECKING:
    from collections.abc import Iterable

#: Exit code for a version with an endpoint that does not answer.
_NOT_ALL_READY = 1


@click.group("version", cls=SuggestingGroup, epilog="Example:  vhlocal version add v1.2 --alias prod")
def command() -> None:
    """Serve commits beside the working tree, as versions of their own."""


@command.command("add", epilog="Example:  vhlocal version add v1.2 --name stable --alias prod")
@click.argument("ref")
@click.option("--name", default="", help="The version's name. Default: today's date and a counter.")
@click.option("--alias", "aliases", multiple=True, help="An alias to point at it once it answers.")
@click.option("--file", "files", multiple=True, metavar="ENDPOINT.NAME=PATH", help="File for an entry of `files`.")
@click.option("--var", "variables", multiple=True, metavar="NAME=VALUE", help="Environment variable for its servers.")
@project_options
def add(
    directory: Path, ref: str, name: str, aliases: tuple[str, ...], files: tuple[str, ...], variables: tuple[str, ...]
) -> None:
    """Serve a commit, tag or branch as it was committed, beside the working tree.

    The working tree is not touched. Exit code: 0 if all its endpoints are ready, 1 if one is not.
    """
    chosen = {key: str(Path(path).absolute()) for key, path in _pairs(files, "--file").items()}
    asked = {
        "ref": ref,
        "name": name,
        "aliases": list(aliases),
        "files": chosen,
        "variables": _pairs(variables, "--var"),
    }
    client = client_of_run(directory)
    try:
        version = client.add_version(asked)
    except KeyboardInterrupt:
        remedy = f"to remove it: vhlocal version remove {name}" if name else "its name: vhlocal version list"
        click.echo("\n" + one_line(f"note: the run goes on adding {name or ref}; {from_here()(remedy)}"), err=True)
        raise
    for notice in version["notices"]:
        click.echo(f"note: {one_line(notice['text'])}", err=True)
        if notice["hint"]:
            click.echo(f"  hint: {one_line(from_here()(notice['hint']))}", err=True)
    for endpoint in version["endpoints"]:
        text = f"{endpoint['name']}  {endpoint['state']}  {endpoint['urls'][0] if endpoint['urls'] else ''}"
        click.echo(one_line(text))
        if endpoint["reason"]:
            click.echo(f"  {one_line(endpoint['reason'])}")
            see = from_here()(f"vhlocal logs {endpoint['endpoint']} --version {version['version']}")
            click.echo(f"  see: {see}")
    if any(endpoint["state"] != "ready" for endpoint in version["endpoints"]):
        raise click.exceptions.Exit(_NOT_ALL_READY)


@command.command("list", epilog="Example:  vhlocal version list --json")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@project_options
def listed(directory: Path, as_json: bool) -> None:
    """List the versions that are served, the working tree's first."""
    found = client_of_run(directory).versions()
    if as_json:
        click.echo(json.dumps({"versions": found}, indent=2))
        return
    from vhlocal.ui import tables  # noqa: PLC0415 - rich is slow to import
    from vhlocal.ui.console import standard_output  # noqa: PLC0415

    tables.show_versions(standard_output(), found)


@command.command("remove", epilog="Example:  vhlocal version remove stable")
@click.argument("name")
@project_options
def remove(directory: Path, name: str) -> None:
    """Stop serving a version. Requests in flight are answered first."""
    client_of_run(directory).remove_version(validate_name(name, "a version's name"))
    click.echo(f"{one_line(name)} is no longer served")


def _pairs(given: Iterable[str], flag: str) -> dict[str, Any]:
    found = {}
    for text in given:
        key, sign, value = text.partition("=")
        if not key or not sign or not value:
            raise InputError(f'"{text}" is not KEY=VALUE', hint=f"such as {flag} {key or 'name'}=value")
        found[key] = value
    return found

"""``vhlocal replay``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from vhlocal.cli.options import only, project_options, verdict
from vhlocal.cli.running import client_of_run, see_that_it_goes_on
from vhlocal.errors import InputError, VhlocalError
from vhlocal.visible import one_line

if TYPE_CHECKING:
    from vhlocal.api.client import Client
    from vhlocal.exchanges import Exchange
    from vhlocal.session.replaying import Replayed

#: Exit code for an answer that differs.
_DIFFERS = 7


@click.command("replay", epilog="Example:  vhlocal replay --last 20 --on 20261126.1")
@click.argument("what", required=False, metavar="[ID | FILE.har]")
@click.option("--last", type=click.IntRange(1), help="Send the last N requests, oldest first.")
@click.option("--endpoint", help="With --last: only this endpoint's requests.")
@click.option("--on", "name", help="Version or alias to send them to. Default: the one they went to.")
@click.option("--times", type=click.IntRange(1), default=1, help="How many times to send each.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON, one line each.")
@project_options
def command(
    directory: Path,
    what: str | None,
    last: int | None,
    endpoint: str | None,
    name: str | None,
    times: int,
    as_json: bool,
) -> None:
    """Send recorded requests again, and show which answers have changed.

    Exit code: 0 if all answers are the same, 7 if any differs, 1 if any could not be compared.
    """
    from vhlocal.session.replaying import replay  # noqa: PLC0415 - few commands need it

    if last is None:
        only("without --last", "name", "times", "as_json")
    client = client_of_run(directory)
    if (what is None) == (last is None):
        raise InputError("name a request, a HAR file, or --last N", hint="vhlocal requests")
    known = client.versions()
    served = [each for version in known for each in (version["version"], *version["aliases"])]
    if name is not None and name not in served:
        raise InputError(f"no version `{name}` is served", hint=f"there are {', '.join(served)}")
    one = last is None and not _is_har(what)
    differs = failed = False
    for exchange in _exchanges(client, what, last, endpoint):
        for _ in range(times):
            try:
                replayed = replay(exchange, client.url, name)
            except VhlocalError as error:
                see_that_it_goes_on(client)
                if one:
                    raise
                failed = True
                hint = f"; {error.hint}" if error.hint else ""
                click.echo(one_line(f"{exchange.endpoint}: {error.message}{hint}"), err=True)
                break
            differs = differs or bool(replayed.differences)
            with verdict():
                click.echo(_as_json(replayed) if as_json else one_line(_line(replayed)))
    if differs or failed:
        raise click.exceptions.Exit(_DIFFERS if differs else VhlocalError.exit_code)


def _is_har(what: str | None) -> bool:
    return what is not None and ("." in what or "/" in what)  # ids have neither


def _exchanges(client: Client, what: str | None, last: int | None, endpoint: str | None) -> list[Exchange]:
    if what is None:
        return client.recordings(last or 0, endpoint=endpoint, whole=True)
    if _is_har(what):
        from vhlocal.cli.har_file import read_har_file  # noqa: PLC0415 - as above

        har = read_har_file(Path(what), client.url)
        if har.told():
            click.echo(one_line(har.told()), err=True)
        return list(har.exchanges)
    return [client.recording(what, whole=True)]


def _line(replayed: Replayed) -> str:
    from vhlocal.comparison.differences import told  # noqa: PLC0415 - as above

    request = replayed.exchange.request
    return f"{request.method} {told(replayed.exchange.endpoint, replayed.differences)}"


def _as_json(replayed: Replayed) -> str:
    return json.dumps(
        {
            "id": replayed.exchange.id,
            "endpoint": replayed.exchange.endpoint,
            "status": replayed.answer.status,
            "differences": [
                {"where": each.where, "before": each.before, "after": each.after} for each in replayed.differences
            ],
        }
    )

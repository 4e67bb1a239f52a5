"""``vhlocal requests``."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vhlocal.cli.options import end_with_the_reader, only, project_options
from vhlocal.cli.running import client_of_run
from vhlocal.errors import InputError
from vhlocal.recorder.lookup import SHORT
from vhlocal.storage import write_whole, writing
from vhlocal.visible import one_line, visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from vhlocal.api.client import Client
    from vhlocal.exchanges import Body, Exchange

#: The first status that is a failure.
_FAILED = 400

#: What can be done to one request.
_ACTS = ("show", "pin", "unpin")

#: The options that say something beside each act, and beside each option that writes requests in another form.
_BESIDE = {
    "show": ("as_json", "http"),
    "pin": (),
    "unpin": (),
    "--curl": ("curl_id",),
    "--har": ("har", "tail"),
    "--http": ("http",),
    "--follow": ("follow", "failed", "tail", "as_json"),
    "--pinned": ("pinned", "failed", "as_json"),
}

#: Bytes of a body that are shown.
_SHOWN = 4000


@click.command("requests", epilog="Example:  vhlocal requests digits --failed")
@click.argument("words", nargs=-1, metavar="[ENDPOINT] | show ID | pin ID | unpin ID")
@click.option("--failed", is_flag=True, help="Only requests answered with 400 or above, or incompletely.")
@click.option("--pinned", is_flag=True, help="Only pinned requests.")
@click.option("-f", "--follow", is_flag=True, help="Keep following until the run stops.")
@click.option("-n", "--tail", default=50, show_default=True, help="Number of past requests.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON, one line each.")
@click.option("--curl", "curl_id", metavar="ID", help="Print a command that sends this request again.")
@click.option("--har", type=click.Path(path_type=Path), help="Write the last requests to a HAR file.")
@click.option("--http", type=click.Path(path_type=Path), help="Append the request ID to a .http file, as a smoke test.")
@project_options
def command(
    directory: Path, words: tuple[str, ...], failed: bool, follow: bool, tail: int, as_json: bool, **forms: Any
) -> None:
    """List the last requests and their answers, show one whole, or pin one.

    Credentials, such as passwords and cookies, are masked. A pinned request is kept until the run ends,
    and each save sends it to the old and the new code.
    """
    curl_id, har, http = forms["curl_id"], forms["har"], forms["http"]
    act, words = _act(words, {**forms, "follow": follow})
    client = client_of_run(directory)
    if act == "pin":
        request = client.pin(words[1])
        click.echo(f"{request[:SHORT]} is pinned: each save sends it to the old and the new code, until the run ends")
    elif act == "unpin":
        click.echo(f"{client.unpin(words[1])[:SHORT]} is no longer pinned")
    elif curl_id is not None:
        from vhlocal.recorder.curl import curl  # noqa: PLC0415 - few look at one request

        click.echo(curl(client.recording(curl_id), client.url))
    elif har is not None:
        _write_har(client, words[0] if words else None, tail, har)
    elif act == "show":
        exchange = client.recording(words[1])
        if http is not None:
            _append(exchange, client.url, http)
        else:
            _show(exchange, as_json=as_json)
    else:
        pins = {record["id"]: record for record in client.pins()}
        endpoint = words[0] if words else None
        if follow:
            end_with_the_reader()
        last = client.requests(endpoint, tail, follow=follow)
        for record in _of(pins.values(), endpoint) if forms["pinned"] else last:
            if not failed or _is_failed(record):
                shown = {**record, "pinned": record.get("id") in pins}
                click.echo(json.dumps(shown) if as_json else _line(shown))


def _act(words: tuple[str, ...], forms: Mapping[str, Any]) -> tuple[str, tuple[str, ...]]:
    """Return what is to be done to one request, "" for a list, and the words as they are with it; or InputError."""
    if forms["http"] is not None and len(words) == 1 and words[0] not in _ACTS:
        words = ("show", *words)
    act = words[0] if words and words[0] in _ACTS else ""
    if len(words) > 1 + bool(act) or (act and len(words) == 1) or (forms["curl_id"] is not None and words):
        raise InputError(
            "name one endpoint, or `show`, `pin` or `unpin` and one request",
            hint=f"vhlocal requests {act or 'show'} ID",
        )
    if forms["http"] is not None and act != "show":
        raise InputError("a smoke test is made from one request", hint="vhlocal requests --http FILE ID")
    chosen = [name for name in ("curl_id", "har", "http", "follow", "pinned") if forms[name]]
    for what in (*([act] if act else []), *(f"--{name.removesuffix('_id')}" for name in chosen)):
        only(f"with {what}", *_BESIDE[what])
    return act, words


def _of(records: Iterable[dict[str, Any]], endpoint: str | None) -> list[dict[str, Any]]:
    return [record for record in records if endpoint in (None, record["endpoint"])]


def _is_failed(record: Mapping[str, Any]) -> bool:
    return bool(record.get("status", 0) >= _FAILED or not record.get("whole", True))


def _line(record: Mapping[str, Any]) -> str:
    if "missed" in record:
        return f"… {record['missed']} {record['hint']}"
    when = datetime.fromtimestamp(record["time"])
    took = f"{record['seconds'] * 1000:.0f} ms"
    who = f"{record['endpoint']}/{record['replica']}" if record.get("replica") else record["endpoint"] or "gateway"
    why = f"  {record['reason']}" if record["reason"] else ""
    why += "".join(f"  {word}" for word in ("pinned", "replayed") if record.get(word))
    text = f"{record['id'][:SHORT]}  {when:%H:%M:%S}  {who}  {record['method']} {record['target']}"
    return one_line(f"{text}  {record['status']}  {took}{why}")


def _show(exchange: Exchange, *, as_json: bool) -> None:
    if as_json:
        from vhlocal.recorder.plain import to_json  # noqa: PLC0415 - as above

        click.echo(json.dumps(to_json(exchange), indent=2))
        return
    request, answer = exchange.request, exchange.answer
    click.echo(one_line(f"{request.method} {request.target}"))
    for name, value in request.headers:
        click.echo(one_line(f"{name}: {value}"))
    _show_body(request.body)
    click.echo(f"\n{answer.status}  {exchange.seconds * 1000:.0f} ms  revision {exchange.revision}")
    for name, value in answer.headers:
        click.echo(one_line(f"{name}: {value}"))
    _show_body(answer.body)
    if answer.broke_off:
        click.echo(one_line(f"… {answer.broke_off}"))


def _show_body(body: Body) -> None:
    if not body.length:
        return
    click.echo()
    if body.content is None:
        click.echo(one_line(f"{body.length} bytes: {body.why}, sha256 {body.digest}"))
        return
    try:
        text = body.content[:_SHOWN].decode()
    except UnicodeDecodeError:
        click.echo(f"{body.length} bytes, not text")
        return
    click.echo(visible(text))
    if body.length > _SHOWN:
        click.echo(f"… {body.length - _SHOWN} more bytes")


def _write_har(client: Client, endpoint: str | None, tail: int, file: Path) -> None:
    from vhlocal.recorder.har_writing import har  # noqa: PLC0415 - as above

    found = client.recordings(tail, endpoint=endpoint)
    with writing("the HAR file cannot be written", file, InputError):
        write_whole(file, har(found, client.url).encode())
    click.echo(one_line(f"{file}: {len(found)} request{'s' * (len(found) != 1)}"))


def _append(exchange: Exchange, url: str, file: Path) -> None:
    from vhlocal.smoke.keeping import keep  # noqa: PLC0415 - as above

    notes = keep(exchange, url, file)
    click.echo(one_line(f"{file}: {exchange.request.method} {exchange.request.target} is a smoke test"))
    for note in notes:
        click.echo(one_line(note), err=True)

"""``vhlocal scale --simulate``: recorded requests, replayed with as many replicas as a rule wants."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from vhlocal.api.client import Client
from vhlocal.cli.project import read_settings
from vhlocal.errors import InputError
from vhlocal.scaling.hpa import Hpa
from vhlocal.scaling.knative import Knative
from vhlocal.scaling.look import Range
from vhlocal.scaling.simulate import Outcome, Servers, simulate
from vhlocal.scaling.traffic import Traffic, read_traffic
from vhlocal.session.record import ProjectState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

F = TypeVar("F", bound="Callable[..., Any]")

#: Taken where nobody has said or measured how long a replica takes; the output says so.
_ASSUMED_READY = 10.0
_RULES = ("knative", "hpa")


def simulation_options(function: F) -> F:
    """Add the options of a simulation; they arrive as keyword arguments, None or empty where not given."""
    options = (
        click.option("--simulate", "is_simulation", is_flag=True, help="Replay recorded requests; change nothing."),
        click.option("--from", "file", type=Path, help="Access log to replay. Default: the one in the settings."),
        click.option("--range", "ranges", multiple=True, metavar="LEAST-MOST", help="Replicas to try. Default: 1-4."),
        click.option(
            "--target",
            "targets",
            multiple=True,
            metavar="NUMBER",
            help="Requests in flight per replica, or CPU such as 80% (hpa only). Default: the rule's own.",
        ),
        click.option("--rule", type=click.Choice(_RULES), help="Rule to scale by. Default: both."),
        click.option(
            "--ready", type=float, metavar="SECONDS", help="Start-up time of a new replica. Default: as measured."
        ),
        click.option(
            "--window", type=float, metavar="SECONDS", help="Knative's stable window, or the HPA's scale-down window."
        ),
        click.option("--at-once", type=int, help="Requests that a replica answers at once. Default: 1."),
        click.option(
            "--one-queue", is_flag=True, help="Queue requests for any free replica, not for the next in turn."
        ),
        click.option("--json", "as_json", is_flag=True, help="Print the simulation as JSON."),
    )
    for option in reversed(options):
        function = option(function)
    return function


def show_simulation(directory: Path, endpoint: str | None, version: str | None, given: Mapping[str, Any]) -> None:
    """Replay the requests of an endpoint, the only one of the log where it is None, and print what came of it.

    ``given`` are the values of the options by name. InputError for what is wrong in them or in the log.
    """
    ranges = [_range(text) for text in given["ranges"] or ("1-4",)]
    rules = list(_rules(given["rule"], given["targets"], given["window"]))
    traffic = _traffic(directory, given["file"], endpoint, version)
    ready, origin = _ready(directory, traffic.endpoint, given["ready"])
    servers = Servers(ready, 1 if given["at_once"] is None else given["at_once"], given["one_queue"])
    rows = [
        (name, str(within), target, simulate(traffic.requests, rule, within, servers))
        for within in ranges
        for name, target, rule in rules
    ]
    if given["as_json"]:
        found = [_facts(*row) for row in rows]
        about = {
            "endpoint": traffic.endpoint,
            "versions": list(traffic.versions),
            "requests": len(traffic.requests),
            "left_out": traffic.left_out,
        }
        click.echo(json.dumps({**about, "ready_seconds": ready, "ready_from": origin, "simulations": found}, indent=2))
        return
    from vhlocal.ui.console import standard_output  # noqa: PLC0415 - rich is slow to import
    from vhlocal.ui.scaling import show_outcomes  # noqa: PLC0415

    count = len(traffic.requests)
    headline = f"{traffic.endpoint}: {count} request{'s' * (count != 1)}"
    if len(traffic.versions) > 1:
        headline += f" to {', '.join(traffic.versions)} together"
    if traffic.left_out:
        headline += f" ({traffic.left_out} left out: unanswered or WebSockets)"
    show_outcomes(standard_output(), f"{headline}; a new replica is ready after {ready:g} s ({origin})", rows)


def _range(text: str) -> Range:
    least, dash, most = text.partition("-")
    try:
        return Range(int(least), int(most if dash else least))
    except ValueError as error:
        raise InputError(f'"{text}" is not a range of replicas', hint="write one such as 1-4, or 3") from error


def _rules(only: str | None, targets: tuple[str, ...], window: float | None) -> Iterator[tuple[str, str, Any]]:
    """Yield each rule with its name and its target as it is shown."""
    stable, down = (Knative().window, Hpa().down_window) if window is None else (window, window)
    if not targets:
        rules: dict[str, tuple[str, Any]] = {
            "knative": ("100 x 70%", Knative(window=stable)),
            "hpa": ("80% CPU", Hpa(down_window=down)),
        }
        yield from ((name, *rules[name]) for name in _RULES if only in (None, name))
    for text in targets:
        number = _number(text.removesuffix("%"), text)
        if text.endswith("%"):
            if only == "knative":
                raise InputError(
                    f"Knative's rule has no CPU target such as {text}", hint="give requests in flight, or --rule hpa"
                )
            yield "hpa", f"{text} CPU", Hpa(target=number, down_window=down)
            continue
        if only != "hpa":
            yield "knative", f"{text} x 70%", Knative(target=number, window=stable)
        if only != "knative":
            yield "hpa", text, Hpa(target=number, cpu=False, down_window=down)


def _number(text: str, given: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number < math.inf:
        raise InputError(f'"{given}" is not a target', hint="give a number above zero, such as 2, or a CPU such as 80%")
    return number


def _traffic(directory: Path, file: Path | None, endpoint: str | None, version: str | None) -> Traffic:
    if file is None:
        file = read_settings(directory, {}, fetch=False).access_log
        if file is None:
            raise InputError(
                "no access log is given", hint="give one with --from FILE; `vhlocal up --access-log FILE` writes it"
            )
    try:
        with file.open(encoding="utf-8-sig", errors="replace") as lines:
            return read_traffic(lines, file, endpoint, version)
    except OSError as error:
        hint = "`vhlocal up --access-log FILE` writes one"
        raise InputError(f"the access log {file} cannot be read: {error.strerror}", hint=hint) from error


def _ready(directory: Path, endpoint: str, given: float | None) -> tuple[float, str]:
    """Return the seconds until a replica is ready, and where they are from."""
    if given is not None:
        return given, "--ready"
    record = ProjectState(directory).running()
    if record is not None:
        for each in Client(record).endpoints()["endpoints"]:
            if each["endpoint"] == endpoint and each["ready_seconds"] is not None:
                return float(each["ready_seconds"]), "measured by the run"
    return _ASSUMED_READY, "assumed: give yours with --ready"


def _facts(rule: str, within: str, target: str, outcome: Outcome) -> dict[str, Any]:
    return {
        "rule": rule,
        "range": within,
        "target": target,
        "replicas": [{"seconds": time, "ready": count} for time, count in outcome.steps],
        "average_replicas": round(outcome.average, 3),
        "most_replicas": outcome.most,
        "wait_p50_seconds": outcome.wait(0.5),
        "wait_p95_seconds": outcome.wait(0.95),
        "cold_requests": outcome.cold,
        "seconds": outcome.seconds,
    }

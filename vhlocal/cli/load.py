"""``vhlocal load``."""

from __future__ import annotations

import math
import os
import threading
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click

from vhlocal.cli.load_request import chosen
from vhlocal.cli.options import endpoint_names, project_options
from vhlocal.cli.project import read_settings
from vhlocal.cli.running import client_of_run, see_that_it_goes_on
from vhlocal.contract.access import authorization
from vhlocal.errors import InputError, VhlocalError
from vhlocal.exchanges import text_of
from vhlocal.load.figures import Step, advice, figures, mb, ms, not_to_be_trusted, past_the_knee, ramp, slots
from vhlocal.load.generate import Generator, wire
from vhlocal.load.seen import replicas, serving
from vhlocal.project.schema import did_you_mean
from vhlocal.session.replaying import not_a_servers
from vhlocal.smoke.plan import targets
from vhlocal.smoke.run import SECONDS, send
from vhlocal.visible import json_text, one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from vhlocal.api.client import Client
    from vhlocal.exchanges import Request
    from vhlocal.load.figures import Window
    from vhlocal.load.seen import Replica
    from vhlocal.smoke.results import Target

#: Seconds between two looks at the replicas.
_BETWEEN_LOOKS = 1.0

#: A ramp's steps are so many parts of the time that is asked for.
_STEPS = 10


class _Range(click.FloatRange):
    """A range that ``nan`` is not in: it compares with no bound."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        number = float(super().convert(value, param, ctx))
        if math.isnan(number):
            self.fail(f"{value} is not in the range {self._describe_range()}.", param, ctx)
        return number


@click.command("load", epilog="Example:  vhlocal load digits --ramp")
@click.argument("endpoint", shell_complete=endpoint_names)
@click.option("--request", "what", metavar="ID|FILE", help="A recorded request, or a .http or .har file with one.")
@click.option("--on", "--alias", "alias", metavar="ALIAS", help="Version or alias to send them to.")
@click.option("--rate", type=_Range(0, 50_000, min_open=True), help="Requests per second. Default: 50.")
@click.option("--ramp", "is_ramp", is_flag=True, help="Raise the rate until the endpoint cannot keep up.")
@click.option("--seconds", type=_Range(1, 3600), default=30.0, show_default=True, help="How long to send requests.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
@project_options
def command(
    directory: Path,
    endpoint: str,
    what: str | None,
    alias: str | None,
    seconds: float,
    as_json: bool,
    **rates: Any,
) -> None:
    """Load-test an endpoint of the run: measure how fast it answers, and find what limits it.

    Requests are sent on schedule, whether or not earlier ones were answered, and times count from the schedule. Without
    --request, it sends the last recorded request that succeeded. It only sends to this machine.

    Ctrl-C stops it and shows the figures so far.

    Exit code: 0 if it was measured, 1 if nothing was answered or the run ended meanwhile, 2 if nothing is running or
    there is no such request, 130 after Ctrl-C.
    """
    rate, is_ramp = rates["rate"], rates["is_ramp"]
    if rate is not None and is_ramp:
        raise InputError("--ramp finds the rate itself", hint="leave out --rate")
    client = client_of_run(directory)
    target = _target(client, endpoint, alias, read_settings(directory, {}).basic_auth)
    request = chosen(client, target, what, directory)
    if not as_json:
        click.echo(one_line(f"{request.method} {request.target}, {request.body.length} bytes"))
    windows: list[Window] = []
    with _Looking(client, target) as looking:
        steps = ramp(seconds=seconds / _STEPS) if is_ramp else [Step(rate or 50.0, seconds)]
        generator = _generator(target, request)
        for window in _windows(generator, steps, partial(_unanswered, client, target.url, request)):
            windows.append(window)
            if not as_json:
                click.echo(_line(window))
            if is_ramp and not generator.interrupted and past_the_knee(windows):
                break
    report = _report(windows, replicas(looking.looks), is_ramp=is_ramp, interrupted=generator.interrupted)
    if as_json:
        full = {"endpoint": endpoint, "url": target.url, "request": f"{request.method} {request.target}", **report}
        click.echo(json_text(full))
    else:
        _show(report)
    if generator.interrupted:
        raise click.exceptions.Abort
    see_that_it_goes_on(client)


def _target(client: Client, endpoint: str, alias: str | None, users: Mapping[str, str]) -> Target:
    running = client.endpoints()
    found = targets(running["endpoints"], authorization(users))
    if endpoint not in found:
        raise InputError(f"no endpoint `{endpoint}` is running", hint=did_you_mean(endpoint, found))
    by_name = {target.under: target for target in found[endpoint]}
    name = alias or (running["version"] if running["version"] in by_name else next(iter(by_name)))
    if name not in by_name:
        raise InputError(f"`{endpoint}` is not served under `{name}`", hint=did_you_mean(name, by_name))
    return by_name[name]


def _generator(target: Target, request: Request) -> Generator:
    url = urlsplit(target.url)
    host, port = url.hostname or "", url.port or 80
    return Generator(host, port, wire(request, host, port))


def _windows(
    generator: Generator, steps: Sequence[Step], unanswered: Callable[[str], VhlocalError]
) -> Iterator[Window]:
    """Yield what comes of each step, until Ctrl-C. Raise ``unanswered`` if the request is not answered well."""
    with generator:
        first = generator.run(Step(1.0, 1.0))
        if generator.interrupted:
            raise KeyboardInterrupt
        for reason in first.errors:
            raise unanswered(reason)
        for step in steps:
            yield generator.run(step)
            if generator.interrupted:
                return


def _unanswered(client: Client, url: str, request: Request, reason: str) -> VhlocalError:
    """Return why a request is not answered well. One that got a status is sent again, for what vhlocal says in it."""
    see_that_it_goes_on(client)
    what = f"{request.method} {request.target}"
    headers = tuple((name, text_of(value)) for name, value in request.headers)
    if reason.startswith("status ") and (
        failure := not_a_servers(what, send(url, replace(request, headers=headers), SECONDS, follow=False))
    ):
        return VhlocalError(f"nothing to measure: {failure.message}", hint=failure.hint)
    return VhlocalError(
        f"nothing to measure: {what}: {reason}",
        hint="choose a request that it answers: --request ID (see `vhlocal requests`), or --request FILE.http",
    )


class _Looking:
    """Looks at the replicas of an endpoint now and then, in a thread, until the block ends."""

    def __init__(self, client: Client, target: Target) -> None:
        self._client = client
        self._target = target
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self.looks: list[list[dict[str, Any]]] = []

    def __enter__(self) -> _Looking:
        self._once()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()
        self._once()

    def _look(self) -> None:
        while not self._done.wait(_BETWEEN_LOOKS):
            self._once()

    def _once(self) -> None:
        try:
            self.looks.append(self._client.use(self._target.endpoint, self._target.under))
        except VhlocalError:  # the run ends, or its control plane has no time: what was asked is measured all the same
            return


def _report(windows: Sequence[Window], seen: Sequence[Replica], *, is_ramp: bool, interrupted: bool) -> dict[str, Any]:
    """Return the figures. Of what was interrupted, say no more than they show."""
    last = windows[-1]
    knee = past_the_knee(windows) if is_ramp and not interrupted else ""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    doubt = not_to_be_trusted(last, cores)
    if interrupted:
        doubt = f"Stopped by Ctrl-C after {last.step.seconds:.3g} s of this step: these are the figures so far."
    return {
        "steps": [
            {**figures(window)._asdict(), "asked": window.asked, "errors": dict(window.errors)} for window in windows
        ],
        "knee": {"from": windows[-2].step.rate if len(windows) > 1 else None, "to": last.step.rate, "why": knee}
        if knee
        else None,
        "replicas": [
            {
                "name": each.name,
                "memory_peak": each.memory_peak,
                "memory_limit": each.memory_limit,
                "cpu_limit": each.cpu_limit,
                "throttled": each.throttled,
                "workers": each.workers,
                "threads": each.threads,
            }
            for each in seen
        ],
        "doubt": doubt or None,
        "advice": None if doubt else advice(last, serving(seen)),
    }


def _line(window: Window) -> str:
    found = figures(window)
    times = f"p50 {ms(found.half)}  p90 {ms(found.p90)}  p95 {ms(found.p95)}  p99 {ms(found.p99)}  max {ms(found.most)}"
    failed = ", ".join(
        f"{count} {reason}" for reason, count in sorted(window.errors.items(), key=lambda each: -each[1])
    )
    answered = f"{window.asked - window.failed} of {window.asked} answered"
    text = f"{found.rate:.4g}/s  {times}  {found.in_flight:.1f} in flight  {answered}"
    return one_line(f"{text}{f'  failed: {failed}' if failed else ''}")


def _show(report: Mapping[str, Any]) -> None:
    if knee := report["knee"]:
        between = f"between {knee['from']:.4g} and {knee['to']:.4g}" if knee["from"] else f"below {knee['to']:.4g}"
        click.echo(f"Knee: {between} requests/s: {knee['why']}")
    for each in report["replicas"]:
        click.echo(one_line(_replica(each)))
    click.echo(one_line(report["doubt"] or report["advice"]))


def _replica(seen: Mapping[str, Any]) -> str:
    peak, limit, throttled = seen["memory_peak"], seen["memory_limit"], seen["throttled"]
    serves = f"{slots(seen['workers'], seen['threads'])}, " if seen["workers"] else ""
    memory = f"memory peak {mb(peak)}" if peak is not None else "memory unknown"
    memory += f" of {mb(limit)}" if limit is not None else ""
    if throttled is not None:
        cpu = f"throttled by its CPU limit of {seen['cpu_limit']:g} {throttled:.0%} of the time"
    else:
        cpu = "no CPU limit" if seen["cpu_limit"] is None else "its CPU limit is not enforced here"
    return f"{seen['name']}: {serves}{memory}, {cpu}"

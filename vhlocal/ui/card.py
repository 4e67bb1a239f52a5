"""What a start ends on: where each endpoint is and how to ask it, what to mend in the others, and the run's page."""

from __future__ import annotations

import shlex
import textwrap
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from rich.text import Text

from vhlocal.model import Offer, State

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from rich.console import Console

    from vhlocal.events import Ready
    from vhlocal.model import Call, Status

#: With more endpoints than these, each gets its URL alone.
_MANY = 4


def show_card(console: Console, ready: Ready, *, reloads: bool = True) -> None:
    """Print it. URLs and commands are never broken, everything else fits the window."""
    console.print()
    groups = _groups(ready.statuses)
    serving = [group for group in groups if group[0].state is State.READY]
    for group in serving:
        _show_endpoint(console, ready, group, short=len(serving) > _MANY)
    _show_failed(console, [status for group in groups for status in _down(group)], reloads=reloads)
    for label, text in _footer(ready):
        console.print(Text.assemble((f"{label}: ", "dim"), text))
    console.print(_summary(console, ready, len(serving), len(groups)))


def curl(url: str, call: Call, width: int) -> list[str]:
    """Return a ``curl`` command as lines of at most ``width``, as far as it can be broken."""
    parts = [f"curl {shlex.quote(url + call.target)}"]
    if call.content_type:
        parts.append(f"-H {shlex.quote(f'Content-Type: {call.content_type}')}")
    if call.body:
        parts.append(f"-d {shlex.quote(call.body)}")
    if call.file is not None:
        parts.append(f"--data-binary {shlex.quote(f'@{_near(call.file)}')}")
    if call.method not in {"GET", "POST"} or (call.method == "POST" and len(parts) == 1):
        parts.insert(1, f"-X {call.method}")
    lines = parts[:1]
    for part in parts[1:]:
        if len(lines[-1]) + len(part) + 3 <= width and not lines[-1].startswith("curl"):
            lines[-1] += f" {part}"
        else:
            lines.append(f"  {part}")
    whole = " ".join(parts)
    return [whole] if len(whole) <= width else [*(f"{line} \\" for line in lines[:-1]), lines[-1]]


def _groups(statuses: Iterable[Status]) -> list[list[Status]]:
    """Return the replicas of each endpoint, those that serve first."""
    groups: dict[tuple[str, str], list[Status]] = {}
    for status in statuses:
        groups.setdefault((status.at.version, status.endpoint), []).append(status)
    return [sorted(group, key=lambda each: each.state is not State.READY) for group in groups.values()]


def _down(group: Sequence[Status]) -> list[Status]:
    return [status for status in group if status.state is not State.READY]


def _show_endpoint(console: Console, ready: Ready, group: Sequence[Status], *, short: bool) -> None:
    status, serving = group[0], len(group) - len(_down(group))
    offer = ready.offers.get(replace(status.at, replica=1)) or Offer(_first(status.urls))
    url, name = _reachable(ready, offer.url), status.name
    if len(group) > 1:
        name = (
            f"{name.rpartition('/')[0]} ({serving if serving == len(group) else f'{serving} of {len(group)}'} replicas)"
        )
    beside = len(name) + 2 + len(url) <= console.width
    console.print(Text.assemble((name, "bold green"), "  " if beside else "\n  ", (url, "bold")))
    if status.caveat:
        _wrapped(console, "note  ", f"ready, {status.caveat}", "yellow")
    if short:
        return
    if offer.docs:
        console.print(Text.assemble(("  docs  ", "dim"), url + offer.docs))
    if offer.call is not None:
        for number, line in enumerate(curl(url, offer.call, console.width - 8)):
            console.print(Text.assemble(("  try   " if number == 0 else "        ", "dim"), line))
    console.print()


def _show_failed(console: Console, failed: Sequence[Status], *, reloads: bool) -> None:
    """Print what to do next about those that do not serve: first the files to mend, each once, then all else."""
    groups: dict[tuple[str, str, str], list[str]] = {}
    for status in failed:
        place = "" if status.place is None else str(_near(status.place.file)) + _line(status.place.line)
        groups.setdefault((place, status.reason, status.hint), []).append(status.name)
    for place, reason, hint in sorted(groups, key=lambda group: (not group[0], group)):
        console.print(Text.assemble((", ".join(groups[place, reason, hint]), "bold red"), "  not serving"))
        _wrapped(console, "why   ", reason)
        then = ", then save" if reloads else ", then start again"
        _wrapped(console, "next  ", f"fix {place}{then}" if place else hint)
        console.print()


def _footer(ready: Ready) -> Iterator[tuple[str, str]]:
    names = [urlsplit(url).path.split("/")[4] for url in next((each.urls for each in ready.statuses), ())]
    if len(names) > 1:
        name, alias, *others = names
        several = len({each.at.version for each in ready.statuses}) > 1
        where = "in its URLs" if several else "in each URL"
        yield "also as", f"{', '.join((*others, name))} (in place of {alias} {where})"
    if ready.shared:
        yield "on this machine", f"{ready.url} (in place of {ready.shared})"
    if ready.look:
        yield "from other machines", ready.look
    if ready.link:
        yield "page", ready.link


def _summary(console: Console, ready: Ready, serving: int, total: int) -> Text:
    all_of_them = "" if serving == total else f"{serving} of {total} endpoints "
    stops = "; Ctrl-C stops" if console.is_terminal else ""
    style = "bold green" if serving == total else "bold yellow"
    return Text.assemble(("ready: ", "dim"), (f"{all_of_them}in {ready.seconds:.1f} s{stops}", style))


def _first(urls: Sequence[str]) -> str:
    """Return the URL under the first alias, which stays the same tomorrow."""
    return urls[min(1, len(urls) - 1)] if urls else ""


def _reachable(ready: Ready, url: str) -> str:
    return ready.shared + url.removeprefix(ready.url) if ready.shared and url.startswith(ready.url) else url


def _wrapped(console: Console, label: str, text: str, style: str = "") -> None:
    lines = textwrap.wrap(text, max(20, console.width - 2 - len(label)), break_on_hyphens=False) or [""]
    for number, line in enumerate(lines):
        console.print(Text.assemble(("  ", ""), (label if number == 0 else " " * len(label), "dim"), (line, style)))


def _near(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def _line(number: int | None) -> str:
    return "" if number is None else f":{number}"

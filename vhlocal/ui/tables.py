"""Endpoints, settings and findings as tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.measure import Measurement
from rich.segment import Segments
from rich.table import Table
from rich.text import Text

from vhlocal.visible import one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from rich.console import Console

_WIDEST = 10_000

_STYLES = {"ready": "green", "crashed": "bold red", "failed": "bold red", "stopped": "dim"}


def show_endpoints(console: Console, endpoints: Iterable[Mapping[str, Any]]) -> None:
    """Print endpoints with their state and URLs, given as ``ps --json`` gives them."""
    table = new_table("endpoint", "state", "url", "revision", "reload")
    plain = not console.is_terminal
    before: tuple[str, str] | None = None
    for endpoint in endpoints:
        state = Text(endpoint["state"], style=_STYLES.get(endpoint["state"], "yellow"))
        if endpoint["caveat"]:
            state.append(f", {endpoint['caveat']}", style="bold yellow")
        if endpoint["restarts"]:
            word = "restart" if endpoint["restarts"] == 1 else "restarts"
            state.append(f" ({endpoint['restarts']} {word})", style="dim")
        if endpoint["broken"]:
            state.append(f" (newer {endpoint['broken']} is broken)", style="bold red")
        group = endpoint["version"], endpoint["endpoint"]
        urls = [] if group == before else endpoint["urls"]  # replicas have the same
        urls, before = urls or [""], group
        table.add_row(endpoint["name"], state, urls[0], endpoint["revision"], endpoint["strategy"])
        for url in urls[1:]:
            table.add_row(endpoint["name"] if plain else "", endpoint["state"] if plain else "", url)
        if endpoint["reason"]:
            table.add_row("", Text(endpoint["reason"], style="red"))
    print_whole(console, table)


def show_runs(console: Console, rows: Iterable[tuple[str, str, str, str]]) -> None:
    """Print runs: the project's directory, the URL, the version, and ``ready`` or ``starting``."""
    table = new_table("project", "url", "version", "state")
    for directory, url, version, state in rows:
        table.add_row(Text(directory), url, version, Text(state, style=_STYLES.get(state, "yellow")))
    print_whole(console, table)


def show_versions(console: Console, versions: Iterable[Mapping[str, Any]]) -> None:
    """Print versions with their aliases and endpoints, given as ``version list --json`` gives them."""
    table = new_table("version", "aliases", "from", "commit", "endpoints")
    for version in versions:
        endpoints = Text(", ").join(
            Text(f"{each['name']} {each['state']}", style=_STYLES.get(each["state"], "yellow"))
            for each in version["endpoints"]
        )
        commit = version["commit"][: 13 if version["commit"].startswith("~") else 12]
        source = version["ref"] or "working tree"
        table.add_row(version["version"], ", ".join(version["aliases"]), source, commit, endpoints)
    print_whole(console, table)


def show_metrics(console: Console, metrics: Mapping[str, Any]) -> None:
    """Print series, and then texts with the last one of each, given as ``/api/series`` gives them."""
    if metrics["series"]:
        table = new_table("endpoint", "metric", "values", "last", "min", "mean", "max")
        for each in metrics["series"]:
            numbers = (each[name] for name in ("value", "min", "mean", "max"))
            shown = ("-" if number is None else f"{number:.6g}" for number in numbers)
            table.add_row(each["served"], Text(one_line(each["name"])), f"{each['count']}", *shown)
        print_whole(console, table)
    if metrics["texts"]:
        table = new_table("endpoint", "metric", "values", "last text")
        for each in metrics["texts"]:
            name, text = (Text(one_line(of)) for of in (each["name"], each["texts"][-1]["text"]))
            table.add_row(each["served"], name, f"{each['count']}", text)
        print_whole(console, table)
    if metrics["left_out"]:
        console.print(f"{metrics['left_out']} values are left out: there are too many names", style="yellow")


def show_settings(console: Console, rows: Iterable[tuple[str, str, str]]) -> None:
    """Print every setting with its value and where it came from."""
    table = new_table("setting", "value", "from")
    for name, value, origin in rows:
        table.add_row(name, value, Text(origin, style="dim" if origin == "default" else ""))
    print_whole(console, table)


def new_table(*columns: str) -> Table:
    """Return a table with these columns, whose cells are never cut."""
    table = Table(box=None, pad_edge=False, header_style="bold dim")
    for column in columns:
        table.add_column(column, no_wrap=True, overflow="ignore")
    return table


def print_whole(console: Console, table: Table) -> None:
    """Print a table as wide as it is."""
    # A table that is cut to the window's width would break the URLs that are to be copied from it.
    unbounded = console.options.update(max_width=_WIDEST)
    width = Measurement.get(console, unbounded, table).maximum
    console.print(Segments(console.render(table, unbounded.update(width=width))), crop=False, end="")

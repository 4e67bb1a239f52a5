"""Endpoints as ``vhlocal ps`` lists them."""

from __future__ import annotations

from io import StringIO

from rich.console import Console

from tests.served import at
from vhlocal.api import describe
from vhlocal.model import State, Status, Strategy
from vhlocal.ui.tables import show_endpoints


def listed(*statuses: Status) -> list[str]:
    output = StringIO()
    show_endpoints(Console(file=output, width=80), map(describe.status, statuses))
    return [" ".join(line.split()) for line in output.getvalue().splitlines()]


def test_older_code_that_answers_in_place_of_what_is_broken_is_told_as_that_with_the_reason():
    good = Status(at("words"), State.READY, revision="1111111", urls=("u", "v"), strategy=Strategy.FORK, restarts=1)
    stale = Status(
        at("digits"), State.READY, "OOMKilled", revision="1111111", broken="2222222", restarts=3, urls=("w",)
    )
    head, *rows = listed(good, stale)
    assert head == "endpoint state url revision reload"
    assert rows == [
        "words ready (1 restart) u 1111111 fork",
        "words ready v",
        "digits ready (3 restarts) (newer 2222222 is broken) w 1111111",
        "OOMKilled",
    ]

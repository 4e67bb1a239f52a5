"""Options that come to nothing where they are typed are refused, before anything is done."""

from __future__ import annotations

import pytest

from vhlocal.cli.main import cli
from vhlocal.errors import InputError

REFUSED = {
    "metrics --csv --json": "--csv has no effect with --json",
    "metrics --step 5": "--step has no effect without --json or --csv",
    "check --json --sarif": "--json has no effect with --sarif",
    "test --start --live": "--start has no effect with --live",
    "ps --json --link": "--json has no effect with --link",
    "replay 07f8 --endpoint digits": "--endpoint has no effect without --last",
    "alias --force": "--force has no effect without the name of an alias",
    "up --explain-settings --detach": "--detach has no effect with --explain-settings",
    "requests --har x.har --failed": "--failed has no effect with --har",
    "requests --curl 07f8 --json": "--json has no effect with --curl",
    "requests --follow --pinned": "--pinned has no effect with --follow",
    "requests --pinned -n 3": "--tail has no effect with --pinned",
    "requests pin 07f8 --json": "--json has no effect with pin",
    "requests show 07f8 --har x.har": "--har has no effect with show",
    "requests show 07f8 --json --http x.http": "--json has no effect with --http",
    "requests --http x.http": "a smoke test is made from one request",
    "requests digits --curl 07f8": "name one endpoint, or `show`, `pin` or `unpin` and one request",
}


@pytest.mark.parametrize("typed", REFUSED)
def test_an_option_that_would_come_to_nothing_is_refused(typed):
    with pytest.raises(InputError) as refused:
        cli.main(typed.split(), standalone_mode=False, prog_name="vhlocal")
    assert refused.value.message == REFUSED[typed]

"""Raw bytes, known and changed at random, with h11 as the judge; see ``fuzz``."""

import re

import pytest

from tests.gateway.fuzz import SEEDS, arena, fuzz

#: Enough for each kind of change to meet each seed; about fifteen seconds.
STREAMS = 20_000


@pytest.mark.parametrize("name", SEEDS)
def test_each_seed_fares_as_its_name_says(run_once, name):
    async def main():
        async with arena() as at:
            statuses = await at.throw(SEEDS[name], [])
            forwarded = at.referee.heads
            if refused := re.match(r"refused-(\d+)-", name):
                assert (statuses, forwarded) == ([int(refused[1])], 0)
            elif name.startswith("passes-"):
                assert forwarded >= 1
                assert set(statuses) <= {200, 404}
            await at.settle()

    run_once(main)


@pytest.mark.parametrize(("held", "streams"), [(False, STREAMS), (True, STREAMS // 4)])
def test_whatever_bytes_come_the_server_reads_what_the_gateway_read(run_once, held, streams):
    async def main():
        thrown, outcomes = await fuzz(seed=20261124, count=streams, held=held)
        assert thrown == streams
        assert outcomes["forwarded"] > streams / 10, "most streams must get past the first line to prove anything"
        assert outcomes["refused 400"] > streams / 10

    run_once(main)

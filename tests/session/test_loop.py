"""The event loop that a run lives in: what it changes of its process."""

from __future__ import annotations

import asyncio
import sys

import pytest

from vhlocal.session.loop import run


def test_threads_that_compute_hold_the_loop_up_for_half_a_millisecond_as_long_as_it_runs():
    usual = sys.getswitchinterval()
    seen: list[float] = []

    async def work(*, fails: bool = False) -> None:
        await asyncio.sleep(0)
        seen.append(sys.getswitchinterval())
        if fails:
            raise ValueError

    run(work())
    assert sys.getswitchinterval() == usual
    with pytest.raises(ValueError, match=r"^$"):
        run(work(fails=True))
    assert sys.getswitchinterval() == usual
    assert seen == pytest.approx([0.0005, 0.0005])

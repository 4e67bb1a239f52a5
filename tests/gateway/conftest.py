import asyncio
from collections.abc import Awaitable, Callable

import pytest
import uvloop

Run = Callable[[Callable[[], Awaitable[None]]], None]


@pytest.fixture(params=["asyncio", "uvloop"])
def run(request) -> Run:
    """Run a coroutine function to its end, on each of the two event loops."""

    def runner(main: Callable[[], Awaitable[None]]) -> None:
        async def limited() -> None:
            await asyncio.wait_for(main(), 60)

        (uvloop.run if request.param == "uvloop" else asyncio.run)(limited())

    return runner

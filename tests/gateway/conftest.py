import asyncio
import functools
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import pytest
import uvloop

#: Seconds for a whole test: what takes a few is far from this on a machine that is short of time, too.
LIMIT = 300

Run = Callable[[Callable[[], Awaitable[None]]], None]


def run_on(start: Callable[[Coroutine[Any, Any, None]], None], main: Callable[[], Awaitable[None]]) -> None:
    failures = []

    async def limited() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: failures.append(context))
        await asyncio.wait_for(main(), LIMIT)

    start(limited())
    assert not failures


@pytest.fixture
def run_once() -> Run:
    """As ``run``, on one event loop: for tests that try many inputs."""
    return functools.partial(run_on, uvloop.run)


@pytest.fixture(params=["asyncio", "uvloop"])
def run(request) -> Run:
    """Run a coroutine function to its end, on each of the two event loops; nothing may fail behind its back."""

    return functools.partial(run_on, uvloop.run if request.param == "uvloop" else asyncio.run)

"""Asking a loop from another thread, also one that has ended."""

import asyncio
import gc
import threading
import warnings

import pytest

from vhlocal.loops import LoopEndedError, call_soon, result_of


def test_another_thread_has_a_loop_call_something():
    async def work():
        called = asyncio.get_running_loop().create_future()
        threading.Thread(target=call_soon, args=(asyncio.get_running_loop(), called.set_result, 7)).start()
        assert await called == 7

    asyncio.run(work())


def test_a_loop_that_has_ended_calls_nothing_more():
    loop = asyncio.new_event_loop()
    loop.close()
    call_soon(loop, pytest.fail)


def test_another_thread_gets_what_work_returns_or_waits_no_longer_than_it_says():
    async def work():
        loop, never = asyncio.get_running_loop(), asyncio.Event()
        assert await asyncio.to_thread(result_of, loop, asyncio.sleep(0, "done")) == "done"
        with pytest.raises(TimeoutError):
            await asyncio.to_thread(result_of, loop, never.wait(), 0.01)

    asyncio.run(work())


def test_work_for_a_loop_that_has_ended_is_not_left_to_be_awaited():
    loop = asyncio.new_event_loop()
    loop.close()
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        with pytest.raises(LoopEndedError):
            result_of(loop, asyncio.sleep(0))
        gc.collect()
    assert told == []

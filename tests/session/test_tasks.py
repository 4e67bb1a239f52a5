import asyncio
import gc
import threading
import warnings

import pytest

from vhlocal.errors import VhlocalError
from vhlocal.session.tasks import Tasks, begin_after, beside, break_off, in_thread, together, within


def test_a_blocking_call_has_a_thread_of_its_own_and_gives_its_value_or_its_error():
    async def work():
        assert await in_thread(threading.current_thread) is not threading.current_thread()
        with pytest.raises(ZeroDivisionError):
            await in_thread(lambda: 1 / 0)

    asyncio.run(work())


def test_the_loop_does_not_wait_for_a_call_that_hangs():
    never = threading.Event()

    async def work():
        async with beside(in_thread(never.wait)):
            pass

    asyncio.run(work())
    never.set()


def test_when_one_fails_the_others_are_ended():
    ended = []

    async def hang():
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(True)

    async def fail():
        await asyncio.sleep(0)
        raise ValueError("told")

    async def work():
        with pytest.raises(ValueError, match="told"):
            await together(hang(), fail())

    asyncio.run(work())
    assert ended == [True]


def test_a_failure_is_heard_of_and_a_cancellation_is_not():
    heard = []

    async def fail():
        raise ValueError("told")

    async def work():
        tasks = Tasks(heard.append)
        failing = tasks.start(fail(), "fails")
        tasks.start(asyncio.Event().wait(), "hangs")
        await asyncio.wait({failing})
        await tasks.cancel()

    asyncio.run(work())
    assert [str(error) for error in heard] == ["told"]


def test_who_cleans_up_by_waiting_again_and_again_is_broken_off():
    waits = []

    async def stubborn():
        for _ in range(5):
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                waits.append("again")
        raise VhlocalError("nobody is to see this")

    async def work():
        spared = asyncio.current_task()
        task = Tasks(lambda error: waits.append(str(error))).start(stubborn(), "stubborn")
        await asyncio.sleep(0)
        await break_off({spared}, seconds=60)
        assert task.done()

    asyncio.run(work())
    assert waits[:5] == ["again"] * 5


def test_what_does_not_end_in_time_is_told_and_cancelled():
    async def work():
        assert not await within(asyncio.Event().wait(), 0)
        assert await within(asyncio.sleep(0), None)
        with pytest.raises(VhlocalError):
            await within(in_thread(_fail), None)

    asyncio.run(work())


def _fail():
    raise VhlocalError("it failed")


@pytest.mark.parametrize("waits", [True, False])
def test_what_is_given_up_before_its_turn_leaves_nothing_that_was_never_awaited(waits):
    """Python warns of that, on the terminal of whoever has pressed Ctrl-C twice."""

    async def work():
        before = asyncio.get_running_loop().create_task(asyncio.sleep(60))
        turn = begin_after(before, in_thread(str))
        await asyncio.sleep(0 if waits else -1)
        await break_off([])
        assert turn.cancelled()
        assert before.cancelled()

    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        asyncio.run(work())
        gc.collect()
    assert [str(each.message) for each in told] == []

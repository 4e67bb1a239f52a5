import asyncio
import threading

import pytest

from vhlocal.session.tasks import Tasks, beside, in_thread, together


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

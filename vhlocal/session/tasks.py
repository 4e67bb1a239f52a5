"""The one place where tasks are made: each has an owner that ends it, and none fails unseen."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from vhlocal.loops import call_soon
from vhlocal.storage import known

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Collection, Coroutine

#: Seconds until a task that was cancelled and has not ended is cancelled again.
_BETWEEN_CANCELS = 0.02

P = ParamSpec("P")
T = TypeVar("T")


class Tasks:
    """A set of tasks that end together. ``on_failure`` hears of every exception that a task ends with."""

    def __init__(self, on_failure: Callable[[BaseException], None]) -> None:
        self._on_failure = on_failure
        self._tasks: set[asyncio.Task[Any]] = set()

    def start(self, work: Coroutine[Any, Any, Any], name: str) -> asyncio.Task[Any]:
        """Run ``work`` beside everything else."""
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    async def cancel(self) -> None:
        """End all tasks and wait until they have."""
        tasks = [task for task in self._tasks if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._on_failure(error)


def begin(work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
    """Run ``work`` for whoever awaits it, until that cancels it."""
    return asyncio.get_running_loop().create_task(work)


def begin_after(before: asyncio.Task[Any] | None, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
    """Run ``work`` once ``before`` has ended. Where whoever asked for it gives up, nobody has to see how it ends."""

    async def do() -> T:
        if before is not None:
            await asyncio.wait({before})
        return await work

    def end(done: asyncio.Task[Any]) -> None:
        work.close()  # whoever gave up may have done so before it began
        if not done.cancelled():
            done.exception()

    doing = begin(do())
    doing.add_done_callback(end)
    return doing


async def to_its_end(doing: asyncio.Task[Any]) -> None:
    """Wait until it has ended. Whoever gives that up waits on, once: nobody else knows of what it is about to make."""
    try:
        await asyncio.shield(doing)
    except asyncio.CancelledError:
        await asyncio.wait({doing})
        raise


async def in_thread(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run a blocking call in a thread of its own and return what it returns.

    Not ``asyncio.to_thread``: its pool is small, so that long builds would starve short calls, and the end of the
    process waits for it, so that a pull that hangs could not be interrupted. What a disk refuses, and nobody
    has explained, becomes a VhlocalError.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def tell(setter: Callable[[Any], None], value: Any) -> None:
        if not done.done():
            setter(value)

    def work() -> None:
        try:
            setter, value = done.set_result, function(*args, **kwargs)
        except BaseException as error:  # noqa: BLE001 - handed on whole to the waiting task
            setter, value = done.set_exception, known(error)  # type: ignore[assignment]
        call_soon(loop, tell, setter, value)

    threading.Thread(target=work, name=getattr(function, "__name__", "vhlocal"), daemon=True).start()
    return await done


def settle(future: asyncio.Future[T], result: T) -> None:
    """Give a future its result, unless it has one."""
    if not future.done():
        future.set_result(result)


@contextlib.asynccontextmanager
async def beside(*works: Coroutine[Any, Any, T]) -> AsyncIterator[tuple[asyncio.Task[T], ...]]:
    """Run ``works`` for as long as the block lasts; what has not ended by then is cancelled."""
    loop = asyncio.get_running_loop()
    tasks = tuple(loop.create_task(work) for work in works)
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def within(work: Coroutine[Any, Any, Any], seconds: float | None) -> bool:
    """Do ``work``, and return whether it has ended within ``seconds``, if it is not None; else it is cancelled."""
    async with beside(work) as (working,):
        await asyncio.wait({working}, timeout=seconds)
        if working.done():
            working.result()
        return working.done()


async def break_off(others: Collection[asyncio.Task[Any]], seconds: float = 1.0) -> None:
    """End every task of this loop but this one and the ``others``, whatever they wait for, within ``seconds``.

    Each cancellation ends one wait only, and who cleans up waits again: so they are cancelled until they have ended.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    spared = {*others, asyncio.current_task()}
    while (left := asyncio.all_tasks() - spared) and loop.time() < deadline:
        for task in left:
            task.cancel()
        ended, _ = await asyncio.wait(left, timeout=_BETWEEN_CANCELS)
        for task in ended:
            if not task.cancelled():
                task.exception()  # is seen: else asyncio prints it


async def to_their_ends(*works: Coroutine[Any, Any, Any]) -> None:
    """Run all side by side to their ends; raise the exception of the first that failed once all others have ended."""
    for ended in await asyncio.gather(*works, return_exceptions=True):
        if isinstance(ended, BaseException):
            raise ended


async def together(*works: Coroutine[Any, Any, Any]) -> None:
    """Run all side by side; when one fails, end the others and raise its exception."""
    async with beside(*works) as tasks:
        await asyncio.gather(*tasks)

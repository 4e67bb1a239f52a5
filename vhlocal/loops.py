"""What other threads ask of an event loop that may end at any moment."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

T = TypeVar("T")


class LoopEndedError(RuntimeError):
    """The loop has ended before it was asked."""


def call_soon(loop: asyncio.AbstractEventLoop, callback: Callable[..., object], *arguments: object) -> None:
    """Have ``loop`` call ``callback`` from whatever thread this is; nothing happens where it has ended.

    To ask first whether it is closed would not do: it may close between the question and the call.
    """
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(callback, *arguments)


def result_of(loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, T], seconds: float | None = None) -> T:
    """Return what ``work`` returns in ``loop``; LoopEndedError where that has ended, TimeoutError after ``seconds``."""
    try:
        doing = asyncio.run_coroutine_threadsafe(work, loop)
    except RuntimeError:
        work.close()
        raise LoopEndedError from None
    try:
        return doing.result(seconds)
    except concurrent.futures.TimeoutError:  # one of its own before Python 3.11
        raise TimeoutError from None
